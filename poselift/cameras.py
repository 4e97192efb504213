"""A pinhole camera with lens distortion: points to pixels and pixels back to rays.

Camera axes are x right, y down, z away from the camera.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_UNDISTORT_STEPS = 8


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
        plane = (pixels - _row(self.principal_point, pixels)) / _row(self.focal_length, pixels)
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


def _row(values: tuple[float, float], like: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(values, dtype=like.dtype)
