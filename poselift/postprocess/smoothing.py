"""Smoothing of whole clips: a local parabola in time (LOESS, Cleveland 1979; Savitzky-Golay).

A pose is compared with what comes before and after it, so live sessions cannot use it; they have
``poselift.postprocess.one_euro``.
"""

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles, Floats

_DEGREE = 2
_FEWEST_HALF_FRAMES = 2
"""A parabola goes through any three points, and would leave them as they are."""


def half_window(smoothing_s: float, fps: float) -> int:
    """How many frames before and after each to smooth over, for a window of so many seconds.

    At low frame rates it is longer than was asked for: with fewer frames nothing would change.
    """
    if smoothing_s == 0:
        return 0
    return max(round(smoothing_s * fps / 2), _FEWEST_HALF_FRAMES)


def smooth(points_TND: Floats, half_frames: int) -> Floats:
    """Fit a parabola in time to what is around each frame, and take its value there.

    Frames count the less the farther they are (tricube weights, as in LOESS: Cleveland, 1979). At
    the edges the fit takes what there is, so that nothing lags or shrinks.

    Args:
        points_TND: any points, frame by frame.
        half_frames: how many frames before and after each are looked at; nothing changes at 0.
    """
    frames = len(points_TND)
    if half_frames == 0 or frames < 2:
        return points_TND
    flat = points_TND.reshape(frames, -1)
    smoothed = np.zeros_like(flat)
    inner = max(frames - 2 * half_frames, 0)
    for tap, weight in enumerate(_kernel(np.arange(-half_frames, half_frames + 1), half_frames)):
        smoothed[half_frames : half_frames + inner] += np.float32(weight) * flat[tap : tap + inner]
    for frame in range(frames):
        if half_frames <= frame < half_frames + inner:
            continue
        around = np.arange(max(frame - half_frames, 0), min(frame + half_frames + 1, frames))
        smoothed[frame] = _kernel(around - frame, half_frames) @ flat[around]
    return smoothed.reshape(points_TND.shape)


def _kernel(offsets: NDArray[np.int64], half_frames: int) -> Doubles:
    """The weights that give a weighted least-squares parabola's value at offset 0."""
    places = offsets / (half_frames + 1)
    roots = np.sqrt((1 - np.abs(places) ** 3) ** 3)
    powers = places[:, None] ** np.arange(min(_DEGREE, len(offsets) - 1) + 1)
    weights: Doubles = np.linalg.pinv(roots[:, None] * powers)[0] * roots
    return weights
