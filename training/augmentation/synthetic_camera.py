"""Synthetic cameras: a clip of motion is projected from elsewhere in every epoch."""

from dataclasses import dataclass

import numpy as np

from poselift.cameras import Camera
from training.array_types import Array, Floats

_IMAGE_SIZES = ((1920, 1080), (1280, 720), (1080, 1920), (640, 480), (1000, 1000))
_FOCAL_LENGTHS = (0.6, 2.2)
"""Of the longer image side: horizontal fields of view of 80° down to 26°."""
_DISTANCES_M = (1.8, 9.0)
_HEIGHTS_M = (0.2, 2.6)
_HIGH_HEIGHTS_M = (2.6, 5.0)
_HIGH_SHARE = 0.15
_PRINCIPAL_POINT_SPREAD = 0.02
_ROLL_SPREAD = np.radians(3)
_AIM_SPREAD_M = 0.3
_ASSUMED_SHARE = 0.5
"""How often the intrinsics stay unknown, as they do for most callers of the service."""


@dataclass(frozen=True)
class SyntheticCamera:
    """Where a camera stands, how it is turned, and what is known of its intrinsics."""

    position: Floats
    """World axes, metres, y up."""
    turn_33: Floats
    """Rows are the camera's axes (x right, y down, z away) in world axes."""
    intrinsics: Camera
    image_size: tuple[int, int]
    known_intrinsics: Camera
    """What the normaliser is given: the true intrinsics, or the service's assumption."""

    def to_camera(self, points: Floats) -> Floats:
        """World points (…, 3) in this camera's axes, metres."""
        return np.asarray((points - self.position) @ self.turn_33.T, dtype=np.float32)


def random_camera(trajectory_T3: Floats, rng: np.random.Generator) -> SyntheticCamera:
    """Draw a camera that has a person's whole trajectory in front of it; the floor is at y = 0."""
    middle = (trajectory_T3.min(axis=0) + trajectory_T3.max(axis=0)) / 2
    radius = float(np.linalg.norm((trajectory_T3 - middle)[:, [0, 2]], axis=-1).max())
    distance = radius + np.exp(rng.uniform(*np.log(_DISTANCES_M)))
    heights = _HIGH_HEIGHTS_M if rng.random() < _HIGH_SHARE else _HEIGHTS_M
    bearing = rng.uniform(0, 2 * np.pi)
    x, z = middle[[0, 2]] + distance * np.array([np.sin(bearing), np.cos(bearing)])
    position = np.array([x, rng.uniform(*heights), z])
    aim = middle + rng.normal(0, _AIM_SPREAD_M, 3)
    image_size = _IMAGE_SIZES[rng.integers(len(_IMAGE_SIZES))]
    intrinsics = _random_intrinsics(image_size, rng)
    known = Camera.assumed(image_size) if rng.random() < _ASSUMED_SHARE else intrinsics
    turn = look_at(position, aim, rng.normal(0, _ROLL_SPREAD))
    return SyntheticCamera(
        position.astype(np.float32), turn.astype(np.float32), intrinsics, image_size, known
    )


def _random_intrinsics(image_size: tuple[int, int], rng: np.random.Generator) -> Camera:
    focal = float(max(image_size) * np.exp(rng.uniform(*np.log(_FOCAL_LENGTHS))))
    width, height = image_size
    shift_x, shift_y = rng.normal(0, _PRINCIPAL_POINT_SPREAD * max(image_size), 2)
    return Camera((focal, focal), (width / 2 + float(shift_x), height / 2 + float(shift_y)))


def look_at(position: Array, aim: Array, roll: float) -> Array:
    """The axes of a camera at ``position`` that looks at ``aim``, turned by ``roll`` radians."""
    ahead = aim - position
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    return rolled(np.stack([right, np.cross(ahead, right), ahead]), roll)


def rolled(turn_33: Array, roll: float) -> Array:
    """A camera's axes, turned about the one that it looks along by ``roll`` radians."""
    right, down, ahead = turn_33
    cos, sin = np.cos(roll), np.sin(roll)
    return np.stack([cos * right + sin * down, cos * down - sin * right, ahead])
