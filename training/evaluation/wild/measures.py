"""Measures of 3D that need no ground truth: jitter, bone lengths and reprojection."""

import numpy as np
from scipy.signal import butter, sosfiltfilt

from training.array_types import Array

_CUTOFF_HZ = 6.0
"""The usual bound of ordinary human motion in biomechanics."""


def known_spans(points_TK3: Array) -> list[slice]:
    """The runs of frames in which all is known."""
    known = np.isfinite(points_TK3).all(axis=(1, 2))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def jitter(points_TK3: Array, fps: float) -> float:
    """Mean acceleration of what a smooth copy of the motion lacks, in m/s².

    The copy is low-pass filtered at 6 Hz without delay (Butterworth, fourth order).

    Args:
        points_TK3: metres; spans that are unknown (NaN), or shorter than half a second, are left
            out.
        fps: frames per second.
    """
    filter_ = butter(2, _CUTOFF_HZ, fs=fps, output="sos")
    sizes = []
    for span in known_spans(points_TK3):
        motion = points_TK3[span]
        if len(motion) >= fps / 2:
            rest = motion - sosfiltfilt(filter_, motion, axis=0)
            acceleration = np.diff(rest, n=2, axis=0) * fps**2
            sizes.append(np.linalg.norm(acceleration, axis=-1).ravel())
    return float(np.concatenate(sizes).mean()) if sizes else float("nan")


def bone_variation(points_TK3: Array, bones: list[tuple[int, int]]) -> float:
    """How much bones change their lengths in time: standard deviation over mean, their mean."""
    a, b = np.array(bones).T
    lengths_TB = np.linalg.norm(points_TK3[:, a] - points_TK3[:, b], axis=-1)
    lengths_TB = lengths_TB[np.isfinite(lengths_TB).all(axis=1)]
    return float((lengths_TB.std(axis=0) / lengths_TB.mean(axis=0)).mean())


def reprojection_error(projected_TK2: Array, keypoints_TK3: Array, min_score: float) -> float:
    """Mean distance in the image, as a share of the person's extent.

    Args:
        projected_TK2: pixels; NaN where unknown.
        keypoints_TK3: pixels and score; those with a lower one than ``min_score`` are left out.
        min_score: of what takes part.
    """
    sure = keypoints_TK3[..., 2] >= min_score
    places = np.where(sure[..., None], keypoints_TK3[..., :2], np.nan)
    with np.errstate(invalid="ignore"):
        distances = np.linalg.norm(projected_TK2 - places, axis=-1)
    some = np.isfinite(distances).any(axis=1)
    extent_T = np.nanmax(np.nanmax(places[some], axis=1) - np.nanmin(places[some], axis=1), axis=-1)
    return float(np.nanmean(distances[some] / extent_T[:, None]))
