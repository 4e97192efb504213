"""What a prepared clip must satisfy before anything is trained on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets.body import POINTS

MINIMUM_S = 0.5
MAXIMUM_SPEED_M_S = 18.0
"""Of any point over one frame; only throws and kicks of experts are faster."""
JUMP_MARGIN_S = 0.05
JUMPS_TOGETHER_S = 2.5


@dataclass(frozen=True)
class Bone:
    """Two points, the distances between them that people have, and how much one may vary."""

    name: str
    ends: tuple[str, str]
    range_m: tuple[float, float]
    deviation_m: float


def _pair(
    name: str, ends: tuple[str, str], range_m: tuple[float, float], deviation_m: float
) -> tuple[Bone, Bone]:
    left, right = (
        Bone(f"{side} {name}", (f"{side}_{ends[0]}", f"{side}_{ends[1]}"), range_m, deviation_m)
        for side in ("left", "right")
    )
    return left, right


BONES = (
    *_pair("thigh", ("hip", "knee"), (0.30, 0.55), 0.003),
    *_pair("shank", ("knee", "foot"), (0.30, 0.55), 0.003),
    *_pair("upper arm", ("shoulder", "elbow"), (0.20, 0.40), 0.003),
    *_pair("forearm", ("elbow", "wrist"), (0.17, 0.36), 0.003),
    Bone("hip width", ("left_hip", "right_hip"), (0.10, 0.30), 0.003),
    Bone("shoulder width", ("left_shoulder", "right_shoulder"), (0.24, 0.50), 0.030),
    Bone("lower back", ("hip", "spine"), (0.12, 0.35), 0.030),
    Bone("upper back", ("spine", "thorax"), (0.15, 0.38), 0.030),
    Bone("neck", ("thorax", "neck"), (0.07, 0.22), 0.030),
    Bone("head", ("neck", "head"), (0.06, 0.20), 0.010),
    Bone("eyes", ("left_eye", "right_eye"), (0.05, 0.08), 0.001),
)
"""Limbs are rigid; the points of the trunk move with several vertebrae each."""

HEIGHT_M = (1.15, 2.1)
"""Foot to head along the bones."""


def check(points_TJ3: Doubles, fps: float) -> None:
    """Raise `InvalidInput` when a clip is no human motion: what, where, and what was expected."""
    finite = np.isfinite(points_TJ3).all(axis=2)
    if not finite.all():
        frame, point = np.argwhere(~finite)[0]
        raise InvalidInput.at(f"frame {frame}, {POINTS[point]}", "finite coordinates")
    if len(points_TJ3) < MINIMUM_S * fps:
        raise InvalidInput.at("length", f"at least {MINIMUM_S} s, found {len(points_TJ3)} frames")
    for bone in BONES:
        _check_bone(bone, bone_lengths(points_TJ3, bone))
    if not HEIGHT_M[0] <= (height := height_m(points_TJ3)) <= HEIGHT_M[1]:
        raise InvalidInput.at("height", f"{HEIGHT_M[0]} to {HEIGHT_M[1]} m, found {height:.2f} m")


def bone_lengths(points_TJ3: Doubles, bone: Bone) -> Doubles:
    """Length of one bone in every frame, (T,)."""
    a, b = (points_TJ3[:, POINTS.index(end)] for end in bone.ends)
    return np.asarray(np.linalg.norm(a - b, axis=-1))


def _check_bone(bone: Bone, lengths: Doubles) -> None:
    low, high = bone.range_m
    if not low <= (median := float(np.median(lengths))) <= high:
        raise InvalidInput.at(bone.name, f"{low} to {high} m, found {median:.3f} m")
    if (deviation := float(lengths.std())) > bone.deviation_m:
        frame = int(np.abs(lengths - median).argmax())
        raise InvalidInput.at(
            f"{bone.name}, frame {frame}",
            f"a length that varies by {bone.deviation_m} m at most, found {deviation:.4f} m",
        )


def height_m(points_TJ3: Doubles) -> float:
    """Foot to head along the bones: median over the frames."""
    trunk = _chain_length(points_TJ3, ("head", "neck", "thorax", "spine", "hip"))
    legs = [
        _chain_length(points_TJ3, (f"{s}_hip", f"{s}_knee", f"{s}_foot")) for s in ("left", "right")
    ]
    return float(np.median(trunk + np.mean(legs, axis=0)))


def _chain_length(points_TJ3: Doubles, chain: tuple[str, ...]) -> Doubles:
    along = points_TJ3[:, [POINTS.index(point) for point in chain]]
    return np.asarray(np.linalg.norm(np.diff(along, axis=1), axis=-1).sum(axis=-1))


@dataclass(frozen=True)
class Jump:
    """Frames that tracking lost: ``first`` to ``last``, and what moved too fast there."""

    first: int
    last: int
    reason: str


def find_jumps(points_TJ3: Doubles, fps: float) -> list[Jump]:
    """Where a point moves impossibly fast, with a margin.

    What lies between two jumps near each other is taken as lost too: a limb that flips over flips
    back a little later.
    """
    speeds = np.linalg.norm(np.diff(points_TJ3, axis=0), axis=-1) * fps
    jumps: list[Jump] = []
    margin = round(JUMP_MARGIN_S * fps)
    for frame in np.flatnonzero(speeds.max(axis=1, initial=0.0) > MAXIMUM_SPEED_M_S):
        point = int(speeds[frame].argmax())
        found = Jump(
            max(int(frame) - margin, 0),
            int(frame) + 1 + margin,
            f"{POINTS[point]} at {speeds[frame, point]:.0f} m/s",
        )
        if jumps and found.first - jumps[-1].last < JUMPS_TOGETHER_S * fps:
            found = Jump(jumps.pop().first, found.last, found.reason)
        jumps.append(found)
    return jumps


def pieces(points_TJ3: Doubles, jumps: Sequence[Jump], fps: float) -> list[slice]:
    """What is left between the jumps, where it is long enough."""
    starts = [0, *(jump.last + 1 for jump in jumps)]
    ends = [*(jump.first for jump in jumps), len(points_TJ3)]
    return [
        slice(start, end)
        for start, end in zip(starts, ends, strict=True)
        if end - start >= MINIMUM_S * fps
    ]
