"""One length for each bone of a subject: joint centres moved as little as that takes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from training.array_types import Doubles

ARM = (("shoulder", "elbow"), ("elbow", "wrist"), ("clavicle", "shoulder"))
LEG = (("hip", "knee"), ("knee", "foot"))
FIXED = ("left_clavicle", "right_clavicle")
"""Points of the rigid chest, which stay where they are."""

BONES = (
    ("left_hip", "right_hip"),
    *((f"{side}_{a}", f"{side}_{b}") for a, b in (*ARM, *LEG) for side in ("left", "right")),
)
_HANGING = 0.85
"""How much of an upper arm's length is vertical while it hangs."""
_ROUNDS = 60
_CLOSE_M = 1e-4


def median_lengths(at: Mapping[str, Doubles]) -> dict[tuple[str, str], float]:
    """The length of each bone over the frames; the limbs' are the mean of both sides.

    The clavicle's are measured on hanging arms: the skin with the marker on the acromion slides
    towards the neck when an arm is raised.
    """
    lengths = {(a, b): _median_distance(at[a], at[b]) for a, b in BONES}
    for side in ("left", "right"):
        bone = f"{side}_clavicle", f"{side}_shoulder"
        hangs = _hangs(at, side)
        if hangs.any():
            lengths[bone] = _median_distance(*(at[end][hangs] for end in bone))
    for a, b in (*ARM, *LEG):
        pair = [(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right")]
        mean = sum(lengths[bone] for bone in pair) / 2
        lengths |= dict.fromkeys(pair, mean)
    return lengths


def _hangs(at: Mapping[str, Doubles], side: str) -> NDArray[np.bool_]:
    arm = at[f"{side}_shoulder"] - at[f"{side}_elbow"]
    return np.asarray(arm[:, 1] > _HANGING * np.linalg.norm(arm, axis=-1))


def _median_distance(a_T3: Doubles, b_T3: Doubles) -> float:
    return float(np.nanmedian(np.linalg.norm(a_T3 - b_T3, axis=-1)))


def with_lengths(
    at: Mapping[str, Doubles], lengths: Mapping[tuple[str, str], float]
) -> dict[str, Doubles]:
    """Points (T, 3) whose bones have these lengths, near those given.

    Each bone in turn is brought to its length along itself, half by either end, until all agree
    (Ryckaert et al., 1977): a straight limb stays straight, however much its length was off.
    """
    moved = {name: points.copy() for name, points in at.items()}
    for _ in range(_ROUNDS):
        worst = max(_correct(moved, bone, length) for bone, length in lengths.items())
        if worst < _CLOSE_M:
            break
    return moved


def _correct(moved: dict[str, Doubles], bone: Sequence[str], length: float) -> float:
    """Bring one bone to its length; by how much it was off at most."""
    a, b = bone
    along = moved[b] - moved[a]
    distance = np.linalg.norm(along, axis=-1, keepdims=True)
    excess = along * (1 - length / distance)
    shares = np.array([name not in FIXED for name in bone], dtype=float)
    for name, share, sign in zip(bone, shares / shares.sum(), (1.0, -1.0), strict=True):
        moved[name] = moved[name] + sign * share * excess
    return float(np.nanmax(np.abs(distance - length), initial=0.0))
