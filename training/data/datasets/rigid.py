"""Rigid segments: where a fixed arrangement of markers lies, frame by frame, though some miss."""

from dataclasses import dataclass

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles

NEEDED = 3
"""Markers of a segment that have to be there to place it."""
_SAMPLE = 500
_ROUNDS = 4


@dataclass(frozen=True)
class RigidPose:
    """Where a segment lies over time. Columns of ``turn_T33`` are its axes in the world."""

    turn_T33: Doubles
    place_T3: Doubles

    def world(self, point_3: Doubles) -> Doubles:
        """A point of the segment, or one for each frame, in the world, (T, 3)."""
        point_T3 = np.broadcast_to(point_3, self.place_T3.shape)
        return np.asarray(self.place_T3 + np.einsum("tij,tj->ti", self.turn_T33, point_T3))

    def local(self, points_T3: Doubles) -> Doubles:
        """World points in the axes of the segment, (T, 3)."""
        return np.asarray(np.einsum("tji,tj->ti", self.turn_T33, points_T3 - self.place_T3))


def arrangement(points_TM3: Doubles) -> Doubles:
    """The mean arrangement (M, 3) of markers over the frames that have all of them.

    Generalised Procrustes analysis; its axes are those of the first such frame. `InvalidInput` if
    there is none.
    """
    whole = points_TM3[np.isfinite(points_TM3).all(axis=(1, 2))]
    if not len(whole):
        raise InvalidInput.at("markers", "a frame that has all markers of pelvis, chest and head")
    sample = whole[:: max(len(whole) // _SAMPLE, 1)]
    mean = sample[0] - sample[0].mean(axis=0)
    for _ in range(_ROUNDS):
        pose = _placed(mean, sample)
        aligned = [pose.local(sample[:, marker]) for marker in range(len(mean))]
        # The median holds where a marker was knocked aside for some of the time.
        mean = np.median(np.stack(aligned, axis=1), axis=0)
    return np.asarray(mean)


def placed(arrangement_M3: Doubles, points_TM3: Doubles) -> RigidPose:
    """The poses of least squares; NaN where fewer than three markers are there.

    What a missing marker was off by before and after is taken as what it is off by in between, so
    that the segment does not jump when one goes missing.
    """
    pose = _placed(arrangement_M3, points_TM3)
    missing = np.asarray(~np.isfinite(points_TM3).all(axis=2))
    if not missing.any() or missing.all(axis=0).any():
        return pose
    whole = points_TM3.copy()
    for marker in np.flatnonzero(missing.any(axis=0)):
        off = pose.local(points_TM3[:, marker]) - arrangement_M3[marker]
        filled = pose.world(arrangement_M3[marker] + _interpolated(off))
        whole[missing[:, marker], marker] = filled[missing[:, marker]]
    return _placed(arrangement_M3, whole)


def _interpolated(values_T3: Doubles) -> Doubles:
    """NaN replaced linearly in time; the nearest value before the first and after the last."""
    known = np.isfinite(values_T3).all(axis=1)
    if not known.any():
        return np.zeros_like(values_T3)
    frames = np.arange(len(values_T3))
    columns = [np.interp(frames, frames[known], column[known]) for column in values_T3.T]
    return np.stack(columns, axis=1)


def _placed(arrangement_M3: Doubles, points_TM3: Doubles) -> RigidPose:
    """Kabsch's algorithm, all frames at once."""
    here_TM = np.asarray(np.isfinite(points_TM3).all(axis=2))
    weight_TM1 = here_TM[..., None] / np.maximum(here_TM.sum(axis=1), 1)[:, None, None]
    points = np.where(here_TM[..., None], points_TM3, 0.0)
    from_T3 = np.sum(weight_TM1 * arrangement_M3, axis=1)
    to_T3 = np.sum(weight_TM1 * points, axis=1)
    a_TM3 = (arrangement_M3 - from_T3[:, None]) * weight_TM1
    u, _, vt = np.linalg.svd(np.einsum("tmi,tmj->tij", a_TM3, points - to_T3[:, None]))
    v = vt.transpose(0, 2, 1).copy()
    v[..., 2] *= np.linalg.det(u @ vt)[:, None]
    turn = v @ u.transpose(0, 2, 1)
    place = to_T3 - np.einsum("tij,tj->ti", turn, from_T3)
    lost = here_TM.sum(axis=1) < NEEDED
    turn[lost], place[lost] = np.nan, np.nan
    return RigidPose(turn, place)
