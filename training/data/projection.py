"""Human3.6M's camera model, as the paper's back-projection uses it (§4)."""

import numpy as np
import torch
from torch import Tensor

from training.array_types import Array


def project(points: Tensor, cameras: Tensor, linear: bool = False) -> Tensor:
    """Project points (…, K, 3) in camera axes, metres, to normalised screen coordinates.

    Cameras (…, 9) are focal length x y, principal point x y, radial k1 k2 k3, tangential p1 p2.
    This is not OpenCV's model: its tangential term is p·(x, y) and p·r², and plane coordinates are
    limited to ±1 before they are distorted. ``linear`` leaves out the distortion and the limit.
    """
    parameters = cameras[..., None, :]
    focal_length, centre = parameters[..., :2], parameters[..., 2:4]
    plane = points[..., :2] / points[..., 2:]
    if not linear:
        plane = _distort(plane.clamp(-1, 1), parameters[..., 4:7], parameters[..., 7:])
    return focal_length * plane + centre


def _distort(plane: Tensor, radial: Tensor, tangential: Tensor) -> Tensor:
    squared = (plane**2).sum(dim=-1, keepdim=True)
    powers = torch.cat([squared, squared**2, squared**3], dim=-1)
    factor = 1 + (radial * powers).sum(dim=-1, keepdim=True)
    shear = (tangential * plane).sum(dim=-1, keepdim=True)
    return plane * (factor + shear) + tangential * squared


def world_to_camera(points: Array, rotation: Array, translation: Array) -> Array:
    """Move world points (…, 3) into a camera standing at ``translation``, turned by ``rotation``.

    ``rotation`` is the unit quaternion (w, x, y, z) of the camera in the world.
    """
    w, axis = rotation[0], -rotation[1:]  # the conjugate turns the world into the camera
    relative = points - translation
    across = np.cross(axis, relative)
    return np.asarray(relative + 2 * (w * across + np.cross(axis, across)))
