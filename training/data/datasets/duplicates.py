"""Finding one recording under two names, whatever skeleton it was put on.

Angles at the knees, elbows, hips and shoulders hardly change from skeleton to skeleton. Two
conversions of a recording differ by under 0.04 rad on average, the nearest others by over 0.08.
"""

from collections.abc import Mapping

import numpy as np

from training.array_types import Doubles
from training.data.datasets.body import POINTS

SAME_RAD = 0.06
WINDOW_S = 1.0
STEP_FRAMES = 5

_ANGLES = tuple(
    (ends[0], corner, ends[1])
    for side, other in (("left", "right"), ("right", "left"))
    for corner, ends in {
        f"{side}_knee": (f"{side}_hip", f"{side}_foot"),
        f"{side}_elbow": (f"{side}_shoulder", f"{side}_wrist"),
        f"{side}_hip": (f"{other}_hip", f"{side}_knee"),
        f"{side}_shoulder": (f"{other}_shoulder", f"{side}_elbow"),
    }.items()
)


def angles_of(points_TJ3: Doubles) -> Doubles:
    """Eight angles in radians, (T, 8)."""
    a, b, c = (
        points_TJ3[:, [POINTS.index(angle[place]) for angle in _ANGLES]] for place in range(3)
    )
    cosines = np.sum((a - b) * (c - b), axis=-1)
    cosines /= np.linalg.norm(a - b, axis=-1) * np.linalg.norm(c - b, axis=-1)
    return np.asarray(np.arccos(np.clip(cosines, -1.0, 1.0)))


def find_same(angles_TA: Doubles, others: Mapping[str, Doubles], fps: float) -> str | None:
    """The name of a clip that holds the middle of this one; all at one frame rate."""
    length = min(round(WINDOW_S * fps), len(angles_TA))
    middle = (len(angles_TA) - length) // 2
    window_LA = angles_TA[middle : middle + length : STEP_FRAMES]
    nearest, name = min(
        ((_distance(window_LA, other, length), name) for name, other in others.items()),
        default=(np.inf, ""),
    )
    return name if nearest < SAME_RAD else None


def _distance(window_LA: Doubles, other_TA: Doubles, length: int) -> float:
    """Mean difference in radians at the place in the other clip where they agree best."""
    if len(other_TA) < length:
        return float("inf")
    places = len(other_TA) - length + 1
    total = np.zeros(places)
    for row, angles in enumerate(window_LA):
        start = row * STEP_FRAMES
        total += np.abs(other_TA[start : start + places] - angles).mean(axis=1)
    return float(total.min()) / len(window_LA)
