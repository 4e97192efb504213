"""Feet that stand still while they stand: a path changed so that they do not slide.

Both feet are looked at by themselves. One is taken to stand where it is slow for a while and not
clearly higher than the other; the path is then changed as little and as smoothly as may be so that
standing feet keep their place.
"""

import numpy as np

from poselift.array_types import Doubles, Floats, Mask
from poselift.postprocess.smoothing import smooth

_LOOKED_AT_S = 0.5
"""Feet are smoothed over so long for their speeds: jitter is more than standing feet move."""
_STANDING_M_PER_S = 0.5
_NOT_HIGHER_M = 0.15
_FADES_S = 0.35
"""How long a change of the path outlasts the step it is for."""
_FIRM = 10.0
"""How much more a standing foot's step counts than one of the change itself."""


def clean_foot_skate(path_T3: Floats, feet_TF3: Floats, fps: float) -> Floats:
    """The root's path, changed so that standing feet slide less.

    Args:
        path_T3: the root in camera axes (y down), metres, of a camera that is more or less upright.
        feet_TF3: the feet, relative to the root.
        fps: frames per second.
    """
    if len(path_T3) < 2:
        return path_T3
    standing = _standing(path_T3, feet_TF3, fps)
    both_EF = standing[1:] & standing[:-1]
    steps_EF3 = np.diff((path_T3[:, None] + feet_TF3).astype(np.float64), axis=0)
    count_E1 = both_EF.sum(axis=1)[:, None]
    slip_E3 = (both_EF[..., None] * steps_EF3).sum(axis=1) / np.maximum(count_E1, 1)
    # With c the change of the path, this minimises Σ c² + Σ k (c' − c + slip)² over all frames.
    smooth_weight = (_FADES_S * fps) ** 2
    k_E = np.where(count_E1[:, 0] > 0, _FIRM * smooth_weight, smooth_weight)
    diagonal_T = np.ones(len(path_T3))
    diagonal_T[1:] += k_E
    diagonal_T[:-1] += k_E
    right_T3 = np.zeros((len(path_T3), 3))
    right_T3[1:] -= k_E[:, None] * slip_E3
    right_T3[:-1] += k_E[:, None] * slip_E3
    return (path_T3 + solve_tridiagonal(diagonal_T, -k_E, right_T3)).astype(np.float32)


def _standing(path_T3: Floats, feet_TF3: Floats, fps: float) -> Mask:
    """Which feet stand in which frames (T, F)."""
    half_frames = max(round(_LOOKED_AT_S * fps / 2), 1)
    feet = smooth(feet_TF3, half_frames)
    places = smooth(path_T3, half_frames)[:, None] + feet
    speeds = np.linalg.norm(np.gradient(places, axis=0), axis=-1) * fps
    lowest = feet[..., 1].max(axis=1, keepdims=True)
    standing: Mask = (speeds < _STANDING_M_PER_S) & (feet[..., 1] > lowest - _NOT_HIGHER_M)
    return standing


def solve_tridiagonal(diagonal_T: Doubles, off_diagonal_E: Doubles, right_T3: Doubles) -> Doubles:
    """Solve a diagonally dominant symmetric system by elimination (Thomas)."""
    pivots, off_diagonal = diagonal_T.tolist(), off_diagonal_E.tolist()
    rows = [np.asarray(row) for row in right_T3]
    for place, each in enumerate(off_diagonal):
        share = each / pivots[place]
        pivots[place + 1] -= share * each
        rows[place + 1] = rows[place + 1] - share * rows[place]
    rows[-1] = rows[-1] / pivots[-1]
    for place in range(len(off_diagonal) - 1, -1, -1):
        rows[place] = (rows[place] - off_diagonal[place] * rows[place + 1]) / pivots[place]
    return np.array(rows)
