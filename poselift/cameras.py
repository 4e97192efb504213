"""A pinhole camera with lens distortion: points to pixels and pixels back to rays.

Camera axes are x right, y down, z away from the camera.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput

_UNDISTORT_STEPS = 8
_FIELDS_OF_VIEW = (1, 160)
_FOCAL_LENGTHS = (0.1, 50.0)
"""Of the longer image side: fields of view from 157 degrees to 1. Others are units mixed up."""


@dataclass(frozen=True)
class Camera:
    """Intrinsics in pixels; distortion k1 k2 k3 and p1 p2 in OpenCV's sense."""

    focal_length: tuple[float, float]
    principal_point: tuple[float, float]
    radial: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tangential: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def assumed(cls, image_size: tuple[float, float]) -> "Camera":
        """The camera taken when none is given: focal length equal to the longer image side.

        That is a horizontal field of view of 53° for landscape video, between a phone's and a
        television camera's.
        """
        width, height = image_size
        longer = max(width, height)
        return cls((longer, longer), (width / 2, height / 2))

    @classmethod
    def of(
        cls,
        image_size: tuple[float, float],
        *,
        focal_length: float | tuple[float, float] | None = None,
        fov_degrees: float | None = None,
        principal_point: tuple[float, float] | None = None,
        radial: tuple[float, float, float] = (0.0, 0.0, 0.0),
        tangential: tuple[float, float] = (0.0, 0.0),
        where: str = "camera",
    ) -> "Camera":
        """A camera by what people know of it.

        Args:
            image_size: width and height in pixels.
            focal_length: in pixels, one number or x and y.
            fov_degrees: instead of it the field of view across the image's width.
            principal_point: in pixels; the middle of the image if not given.
            radial: k1 k2 k3.
            tangential: p1 p2.
            where: the camera's place in the request, for errors.

        Raises:
            InvalidInput: not one of focal length and field of view, or no camera has such a one.
        """
        width, height = image_size
        lengths = _focal_lengths(width, focal_length, fov_degrees, where)
        point = principal_point or (width / 2, height / 2)
        camera = cls(lengths, point, radial, tangential)
        if fov_degrees is None:
            camera.check(image_size, where)
        return camera

    def check(self, image_size: tuple[float, float], where: str) -> None:
        """Refuse focal lengths that no camera with images of this size has.

        Raises:
            InvalidInput: naming the range.
        """
        shortest, longest = (factor * max(image_size) for factor in _FOCAL_LENGTHS)
        if not all(shortest <= length <= longest for length in self.focal_length):
            found = ", ".join(f"{length:g}" for length in self.focal_length)
            raise InvalidInput.at(
                f"{where}.focal_length",
                f"pixels from {shortest:g} to {longest:g} for images of {image_size[0]:g} x "
                f"{image_size[1]:g}, found {found} (millimetres? fov_degrees takes the field of "
                "view instead)",
            )

    @property
    def is_distorted(self) -> bool:
        """Whether any distortion coefficient differs from zero."""
        return any(self.radial) or any(self.tangential)

    def project(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Project points (…, 3) in camera axes, z > 0, to pixels (…, 2)."""
        plane = points[..., :2] / points[..., 2:]
        if self.is_distorted:
            plane = self._distort(plane)
        pixels: NDArray[np.floating] = plane * _row(self.focal_length, points)
        return pixels + _row(self.principal_point, points)

    def rays(self, pixels: NDArray[np.floating]) -> NDArray[np.floating]:
        """Invert ``project`` up to depth: pixels (…, 2) to plane coordinates x/z, y/z (…, 2)."""
        point, length = _row(self.principal_point, pixels), _row(self.focal_length, pixels)
        plane = np.empty_like(pixels)
        for axis in range(2):  # each by itself: NumPy takes several times as long over pairs
            plane[..., axis] = (pixels[..., axis] - point[axis]) / length[axis]
        return self._undistort(plane) if self.is_distorted else plane

    def _distortion(
        self, plane: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """The factor (…, 1) and the offset (…, 2) by which the lens moves plane points."""
        x, y = plane[..., :1], plane[..., 1:]
        squared = x * x + y * y
        k1, k2, k3 = self.radial
        p1, p2 = self.tangential
        factor = 1 + squared * (k1 + squared * (k2 + squared * k3))
        offset = np.concatenate(
            [
                2 * p1 * x * y + p2 * (squared + 2 * x * x),
                p1 * (squared + 2 * y * y) + 2 * p2 * x * y,
            ],
            axis=-1,
        )
        return factor, offset

    def _distort(self, plane: NDArray[np.floating]) -> NDArray[np.floating]:
        factor, offset = self._distortion(plane)
        moved: NDArray[np.floating] = plane * factor + offset
        return moved

    def _undistort(self, distorted: NDArray[np.floating]) -> NDArray[np.floating]:
        # The usual fixed-point iteration; far outside the image a strong lens has no inverse, and
        # there the point is left where the straight ray would be.
        plane = distorted
        with np.errstate(all="ignore"):
            for _ in range(_UNDISTORT_STEPS):
                factor, offset = self._distortion(plane)
                plane = (distorted - offset) / factor
            residual = np.abs(self._distort(plane) - distorted).max(axis=-1, keepdims=True)
        # A NaN residual compares false, so a diverged point is replaced as well.
        return np.where(residual < 1e-3, plane, distorted)


def _focal_lengths(
    width: float,
    focal_length: float | tuple[float, float] | None,
    fov_degrees: float | None,
    where: str,
) -> tuple[float, float]:
    """Both focal lengths in pixels, from them, or one, or the field of view across the width."""
    if focal_length is not None and fov_degrees is None:
        return focal_length if isinstance(focal_length, tuple) else (focal_length, focal_length)
    if fov_degrees is None or focal_length is not None:
        raise InvalidInput.at(
            f"{where}.focal_length", "pixels, one number or two; or fov_degrees in its place"
        )
    narrowest, widest = _FIELDS_OF_VIEW
    if not narrowest <= fov_degrees <= widest:
        raise InvalidInput.at(
            f"{where}.fov_degrees", f"degrees from {narrowest} to {widest}, found {fov_degrees:g}"
        )
    length = width / 2 / math.tan(math.radians(fov_degrees) / 2)
    return length, length


def _row(values: tuple[float, float], like: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(values, dtype=like.dtype)
