"""Human3.6M's camera model, as the paper's back-projection uses it (§4)."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def project(points: Array, camera: Array, linear: bool = False) -> Array:
    """Project points in camera axes to normalised screen coordinates.

    This lens is not OpenCV's: its tangential term is p·(x, y) and p·r², and plane coordinates
    are limited to ±1 before they are distorted.

    Args:
        points: (B, …, 3), metres, z away from the camera.
        camera: (B, 9): focal length x y, principal point x y, radial k1 k2 k3, tangential p1 p2.
        linear: leave out the distortion and the limit.
    """
    parameters = camera.reshape(len(camera), *[1] * (points.ndim - 2), 9)
    focal_length, centre = parameters[..., :2], parameters[..., 2:4]
    plane: Array = points[..., :2] / points[..., 2:]
    if not linear:
        plane = _distort(np.clip(plane, -1, 1), parameters[..., 4:7], parameters[..., 7:])
    projected: Array = focal_length * plane + centre
    return projected


def _distort(plane: Array, radial: Array, tangential: Array) -> Array:
    squared = (plane**2).sum(axis=-1, keepdims=True)
    powers = np.concatenate([squared, squared**2, squared**3], axis=-1)
    factor = 1 + (radial * powers).sum(axis=-1, keepdims=True)
    shear = (tangential * plane).sum(axis=-1, keepdims=True)
    distorted: Array = plane * (factor + shear) + tangential * squared
    return distorted


def world_to_camera(points: Array, rotation: Array, translation: Array) -> Array:
    """Move world points (…, 3) into a camera standing at ``translation``, turned by ``rotation``.

    ``rotation`` is the unit quaternion (w, x, y, z) of the camera in the world.
    """
    w, axis = rotation[0], -rotation[1:]  # the conjugate turns the world into the camera
    relative = points - translation
    across = np.cross(axis, relative)
    moved: Array = relative + 2 * (w * across + np.cross(axis, across))
    return moved
