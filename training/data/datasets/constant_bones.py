"""One length for each bone of a subject: joint centres moved as little as that takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.array_types import Doubles

SIDES = ("left", "right")
LIMBS = (
    *(("shoulder", "elbow"), ("elbow", "wrist"), ("clavicle", "shoulder")),
    *(("hip", "knee"), ("knee", "foot")),
)
FIXED = ("left_clavicle", "right_clavicle")
"""Points of the rigid chest, which stay where they are."""

SHOULDERS = ("left_shoulder", "right_shoulder")
NARROWEST = 0.85
"""Shoulders over their width on hanging arms: clavicles rise by 30° or so, and no more."""

BONES = (
    ("left_hip", "right_hip"),
    *((f"{side}_{a}", f"{side}_{b}") for a, b in LIMBS for side in SIDES),
)
_HANGING = 0.85
"""How much of an upper arm's length is vertical while it hangs."""
_ROUNDS = 60
_CLOSE_M = 1e-4


@dataclass(frozen=True)
class Lengths:
    """Of the bones of one subject, metres."""

    bones: dict[tuple[str, str], float]
    narrowest_m: float
    """Least distance between the shoulders."""


def median_lengths(at: Mapping[str, Doubles]) -> Lengths:
    """The length of each bone over the frames; the limbs' are the mean of both sides.

    Clavicles are measured on hanging arms: the skin with the marker on the acromion slides towards
    the neck when an arm is raised.
    """
    bones = {(a, b): _median_distance(at[a], at[b]) for a, b in BONES}
    hang = [_hangs(at, side) for side in SIDES]
    for side, hangs in zip(SIDES, hang, strict=True):
        bone = f"{side}_clavicle", f"{side}_shoulder"
        bones[bone] = _median_distance(at[bone[0]], at[bone[1]], hangs)
    for a, b in LIMBS:
        pair = [(f"{side}_{a}", f"{side}_{b}") for side in SIDES]
        bones |= dict.fromkeys(pair, sum(bones[bone] for bone in pair) / 2)
    left, right = SHOULDERS
    width = _median_distance(at[left], at[right], hang[0] & hang[1])
    return Lengths(bones, NARROWEST * width)


def _hangs(at: Mapping[str, Doubles], side: str) -> NDArray[np.bool_]:
    arm = at[f"{side}_shoulder"] - at[f"{side}_elbow"]
    return np.asarray(arm[:, 1] > _HANGING * np.linalg.norm(arm, axis=-1))


def _median_distance(
    a_T3: Doubles, b_T3: Doubles, chosen_T: NDArray[np.bool_] | None = None
) -> float:
    """Over the frames chosen, or over all if there are none."""
    distances = np.linalg.norm(a_T3 - b_T3, axis=-1)
    if chosen_T is not None and chosen_T.any():
        distances = distances[chosen_T]
    return float(np.nanmedian(distances))


def with_lengths(at: Mapping[str, Doubles], lengths: Lengths) -> dict[str, Doubles]:
    """Points (T, 3) whose bones have these lengths, near those given.

    Each bone in turn is brought to its length along itself, half by either end, until all agree
    (Ryckaert et al., 1977): a straight limb stays straight, however much its length was off.
    """
    moved = {name: points.copy() for name, points in at.items()}
    for _ in range(_ROUNDS):
        _correct(moved, SHOULDERS, lengths.narrowest_m, at_least=True)
        off = [_correct(moved, bone, length) for bone, length in lengths.bones.items()]
        if max(off) < _CLOSE_M:
            break
    return moved


def _correct(
    moved: dict[str, Doubles], bone: Sequence[str], length: float, *, at_least: bool = False
) -> float:
    """Bring one bone to its length, or to that at least; by how much it was off at most."""
    a, b = bone
    along = moved[b] - moved[a]
    distance = np.linalg.norm(along, axis=-1, keepdims=True)
    target = np.maximum(distance, length) if at_least else length
    excess = along * (1 - target / distance)
    shares = np.array([name not in FIXED for name in bone], dtype=float)
    for name, share, sign in zip(bone, shares / shares.sum(), (1.0, -1.0), strict=True):
        moved[name] = moved[name] + sign * share * excess
    return float(np.nanmax(np.abs(distance - target), initial=0.0))
