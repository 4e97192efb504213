"""Synthetic recordings: motion projected by still cameras like Human3.6M's, with detector noise.

For experiments that need what a laboratory has: the same few calibrated cameras at all times.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import H36M17
from training.array_types import Floats
from training.augmentation.detector_noise import NoiseLevel, detect
from training.augmentation.synthetic_camera import look_at
from training.data.datasets.prepared import MotionSet, Recording, RecordingSet
from training.data.projection import project

_IMAGE_SIZE = (1000.0, 1000.0)
_INTRINSICS = (1146.0, 1146.0, 512.0, 507.0, -0.2, 0.24, -0.002, -0.001, -0.002)
"""Focal length, principal point, radial and tangential distortion, about as Human3.6M's."""
_HEIGHT_M = 1.6
_NEAREST_M = 4.0
_BEARINGS = (45, 135, 225, 315)


@dataclass(frozen=True)
class StillCamera:
    """A camera that stands still in the world (y up), metres."""

    name: str
    position: Floats
    turn_33: Floats
    """Rows are the camera's axes in the world."""

    def to_camera(self, points: Floats) -> Floats:
        """World points (…, 3) in this camera's axes, metres."""
        return ((points - self.position) @ self.turn_33.T).astype(np.float32)


def still_cameras(trajectory_T3: Floats) -> Iterator[StillCamera]:
    """A camera in each corner around a trajectory, far enough to see all of it."""
    middle = (trajectory_T3.min(axis=0) + trajectory_T3.max(axis=0)) / 2
    reach = float(np.linalg.norm((trajectory_T3 - middle)[:, [0, 2]], axis=-1).max())
    for bearing in np.radians(_BEARINGS):
        aside = np.array([np.sin(bearing), 0, np.cos(bearing)]) * (_NEAREST_M + 1.5 * reach)
        position = np.array([middle[0], _HEIGHT_M, middle[2]]) + aside
        turn = look_at(position, middle, roll=0.0)
        name = f"{np.degrees(bearing):.0f}°"
        yield StillCamera(name, position.astype(np.float32), turn.astype(np.float32))


def render_recordings(
    motions: MotionSet, noise: float, rng: np.random.Generator, keypoint_format: str = "h36m17"
) -> RecordingSet:
    """Project every clip by four still cameras; noise 1 is an ordinary detector's."""
    names = [name.replace("_ankle", "_foot") for name in FORMATS[keypoint_format].joints]
    columns = [motions.joint_names.index(name) for name in names]
    level = NoiseLevel().scaled(noise)
    videos = []
    for index, name in enumerate(motions.names):
        for camera in still_cameras(motions.clip(index)[:, 0]):
            points = camera.to_camera(motions.clip(index))
            pixels = _project(points[:, columns])
            video = Recording(
                name=f"{name}/{camera.name}",
                subject=motions.subjects[index],
                action=motions.actions[index],
                held_out=bool(motions.held_out[index]),
                camera_name=camera.name,
                image_size=_IMAGE_SIZE,
                camera_9=_INTRINSICS,
                keypoints_TJ3=detect(pixels, keypoint_format, level, motions.fps, rng),
                positions_TK3=points[:, : len(H36M17.joints)],
            )
            videos.append(video)
    origin = f"{motions.origin} It was projected by synthetic cameras."
    return RecordingSet.of(videos, motions.fps, keypoint_format, H36M17.name, origin)


def keep_recordings(
    path: Path, motions: MotionSet, origin: Path, noise: float, keypoint_format: str = "h36m17"
) -> None:
    """Write the recordings of every clip to a file, always alike, unless it is there.

    Raises `InvalidInput` if it is there, but not of this motion, which is from ``origin``.
    """
    if not path.exists():
        render_recordings(motions, noise, np.random.default_rng(0), keypoint_format).save(path)
    elif not _are_of(RecordingSet.load(path), motions):
        raise InvalidInput.at(str(path), f"recordings of {origin}; move {path.parent} away")


def _are_of(recordings: RecordingSet, motions: MotionSet) -> bool:
    """Whether these recordings are of this motion, by its clips' names, lengths and split."""
    names = (name.rpartition("/")[0] for name in recordings.names)
    rendered = set(zip(names, recordings.lengths, recordings.held_out, strict=True))
    return rendered == set(zip(motions.names, motions.lengths, motions.held_out, strict=True))


def _project(points_TJ3: Floats) -> Floats:
    """Points in camera axes to pixels (T, J, 2)."""
    intrinsics = torch.tensor(_INTRINSICS, dtype=torch.float32).expand(len(points_TJ3), 9)
    return np.asarray(project(torch.from_numpy(points_TJ3), intrinsics).numpy())
