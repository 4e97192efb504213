"""Live poses held steady: the one-euro filter (Casiez, Roussel and Vogel, CHI 2012).

A point at rest is smoothed over a given time; the faster it moves, the less it is, so that nothing
lags behind fast motion. What the filter remembers fades within a second or so, which is how it
begins again on another replica: with the latest frames, lifted once more.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.model_output import ModelOutput

Floats = NDArray[np.floating]

_D_CUTOFF_HZ = 1.0
"""Speeds are smoothed with this cutoff, as the authors advise."""
_BETA = 5.0
"""How much the cutoff rises for each metre a second."""


@dataclass(frozen=True)
class _Track:
    """Points (K + 1, 3), of the pose and the path, and their speeds, metres a second."""

    points: Floats
    speeds: Floats


class OneEuroFilter:
    """Smooths the poses and the trajectories of a session's tracks, frame after frame."""

    def __init__(self, smoothing_s: float, fps: float) -> None:
        self._min_cutoff_hz = 1 / (2 * math.pi * smoothing_s)
        self._fps = fps
        self._tracks: dict[str, _Track] = {}

    def keep(self, track_ids: Iterable[str]) -> None:
        """Forget all tracks but these."""
        self._tracks = {name: self._tracks[name] for name in track_ids if name in self._tracks}

    def follow(self, track_id: str, lifted: ModelOutput) -> ModelOutput:
        """The latest frames (T, …) of one track, all at once; the last of them, steadied."""
        for frame in range(len(lifted.poses)):
            steadied = self.steady([track_id], lifted[frame : frame + 1])
        return steadied

    def steady(self, track_ids: Sequence[str], lifted: ModelOutput) -> ModelOutput:
        """The next frame of some tracks: what was lifted of them (P, …), in camera axes."""
        if not track_ids:
            return lifted
        found = _points(lifted)
        begun = [_Track(each, np.zeros_like(each)) for each in found]
        tracks = [self._tracks.get(name, new) for name, new in zip(track_ids, begun, strict=True)]
        points = np.stack([track.points for track in tracks])
        speeds = np.stack([track.speeds for track in tracks])
        steps = found - points
        speeds += self._share(_D_CUTOFF_HZ) * (steps * self._fps - speeds)
        fast = np.linalg.norm(speeds, axis=-1, keepdims=True)
        points = points + self._share(self._min_cutoff_hz + _BETA * fast) * steps
        for name, *state in zip(track_ids, points, speeds, strict=True):
            self._tracks[name] = _Track(*state)
        return _put_back(lifted, points.astype(np.float32))

    def _share(self, cutoff_hz: float | Floats) -> Floats:
        """How much of a step a low pass of this cutoff follows."""
        return np.asarray(1 / (1 + self._fps / (2 * math.pi * cutoff_hz)))


def _points(lifted: ModelOutput) -> Floats:
    poses = lifted.poses.astype(np.float64)
    if lifted.trajectory is None:
        return poses
    return np.concatenate([poses, lifted.trajectory[..., None, :]], axis=-2)


def _put_back(lifted: ModelOutput, points: NDArray[np.float32]) -> ModelOutput:
    joints = lifted.poses.shape[-2]
    path = None if lifted.trajectory is None else points[..., joints, :]
    return ModelOutput(points[..., :joints, :], path, lifted.expected_errors)
