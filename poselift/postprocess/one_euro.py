"""The one-euro filter (Casiez, Roussel and Vogel, CHI 2012), which smooths live poses.

A point at rest is smoothed with the cutoff ``min_cutoff``, which rises with speed by ``beta``, so
that nothing lags behind fast motion. What the filter remembers fades within a second or so, which
is how it begins again on another replica: with the latest frames, lifted once more.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from poselift.array_types import Doubles
from poselift.imputation import Quality
from poselift.poses import Poses

_D_CUTOFF_HZ = 1.0
"""Speeds are smoothed with this cutoff, as the authors advise."""
_SHORTEST_S = 1e-3
"""Frames nearer to each other count as so far apart."""
_BETA = 5.0
"""How much the cutoff rises for each metre a second."""


@dataclass(frozen=True)
class _Track:
    """Points (K + 1, 3), of pose and trajectory, and their speeds, metres a second."""

    points: Doubles
    speeds: Doubles


class OneEuroFilter:
    """Smooths the poses and the trajectories of a session's tracks, frame after frame."""

    def __init__(self, smoothing_s: float, fps: float) -> None:
        self._min_cutoff_hz = 1 / (2 * math.pi * smoothing_s)
        self._fps = fps
        self._tracks: dict[str, _Track] = {}

    def keep(self, track_ids: Iterable[str]) -> None:
        """Forget all tracks but these."""
        self._tracks = {name: self._tracks[name] for name in track_ids if name in self._tracks}

    def smooth_known(
        self, track_ids: Sequence[str], poses: Poses, elapsed_s: float | None = None
    ) -> None:
        """Smooth the next frame (P, …) of all tracks in place; those of unknown pose end.

        ``elapsed_s`` is the time since the frame before, if it is not that of the frame rate.
        """
        known = np.flatnonzero(poses.quality != Quality.UNKNOWN)
        names = [track_ids[int(person)] for person in known]
        self.keep(names)
        poses.put(known, self.smooth(names, poses.rows(known), elapsed_s))

    def follow(self, track_id: str, poses: Poses, times_s: Sequence[float | None]) -> Poses:
        """Take in the latest frames (T, …) of one track; returns the last of them, smoothed.

        ``times_s`` are the timestamps of the latest frames, None where there are none.
        """
        unknown = [None] * (len(poses) + 1 - len(times_s))
        times = [*unknown, *times_s][-len(poses) - 1 :]
        for frame, (before, now) in enumerate(pairwise(times)):
            elapsed_s = None if before is None or now is None else now - before
            smoothed = self.smooth([track_id], poses.rows([frame]), elapsed_s)
        return smoothed

    def smooth(
        self, track_ids: Sequence[str], poses: Poses, elapsed_s: float | None = None
    ) -> Poses:
        """The next frame of some tracks: their poses (P, …), in camera axes."""
        rate_hz = 1 / max(elapsed_s, _SHORTEST_S) if elapsed_s else self._fps
        if not track_ids:
            return poses
        found = _points(poses)
        begun = [_Track(each, np.zeros_like(each)) for each in found]
        tracks = [self._tracks.get(name, new) for name, new in zip(track_ids, begun, strict=True)]
        points = np.stack([track.points for track in tracks])
        speeds = np.stack([track.speeds for track in tracks])
        steps = found - points
        speeds += _share(_D_CUTOFF_HZ, rate_hz) * (steps * rate_hz - speeds)
        fast = np.linalg.norm(speeds, axis=-1, keepdims=True)
        points = points + _share(self._min_cutoff_hz + _BETA * fast, rate_hz) * steps
        for name, *state in zip(track_ids, points, speeds, strict=True):
            self._tracks[name] = _Track(*state)
        joints, smoothed = poses.poses.shape[-2], points.astype(np.float32)
        trajectory = None if poses.trajectory is None else smoothed[..., joints, :]
        return replace(poses, poses=smoothed[..., :joints, :], trajectory=trajectory)


def _share(cutoff_hz: float | Doubles, rate_hz: float) -> Doubles:
    """How much of a step a low pass of this cutoff follows."""
    return np.asarray(1 / (1 + rate_hz / (2 * math.pi * cutoff_hz)))


def _points(frames: Poses) -> Doubles:
    points = frames.poses.astype(np.float64)
    if frames.trajectory is None:
        return points
    return np.concatenate([points, frames.trajectory[..., None, :]], axis=-2)
