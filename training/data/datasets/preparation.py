"""From clips as readers give them to the set that is trained on: mapped, checked, resampled."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline
from tqdm import tqdm

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets.body import POINTS, points_of
from training.data.datasets.kinematics import Motion
from training.data.datasets.prepared import MotionSet

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
    Bone("shoulder width", ("left_shoulder", "right_shoulder"), (0.24, 0.52), 0.030),
    Bone("lower back", ("hip", "spine"), (0.12, 0.35), 0.045),
    Bone("upper back", ("spine", "thorax"), (0.15, 0.38), 0.030),
    Bone("neck", ("thorax", "neck"), (0.07, 0.22), 0.030),
    Bone("head", ("neck", "head"), (0.06, 0.20), 0.010),
    Bone("eyes", ("left_eye", "right_eye"), (0.05, 0.08), 0.001),
)
"""Limbs are rigid; the points of the trunk move with several vertebrae each. The back bends
above the hips, so that the lower back is shorter by centimetres as someone picks a thing up."""

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


@dataclass(frozen=True)
class Clip:
    """One clip before preparation; ``read`` gives its motion."""

    name: str
    subject: str
    action: str
    source: str
    read: Callable[[], Motion]


@dataclass(frozen=True)
class Prepared:
    """A clip, or a piece of one, in our points at the common rate."""

    clip: Clip
    points_TJ3: Doubles
    original_fps: float


@dataclass(frozen=True)
class Rejection:
    """A clip, or frames of it, left out: what was found where, and what was expected."""

    clip: Clip
    reason: str


def given(motion: Motion) -> Callable[[], Motion]:
    """What reads a clip that has been read already."""
    return lambda: motion


def failing(error: InvalidInput) -> Callable[[], Motion]:
    """What reads a clip that cannot be read: the error is noted in its turn."""

    def read() -> Motion:
        raise error

    return read


def prepare(
    clips: Iterable[Clip],
    fps: float,
    held_out: Sequence[str],
    origin: str,
    places: Sequence[Path],
    expected: str,
    refine: Callable[[list[Prepared], float], tuple[list[Prepared], list[Rejection]]] | None = None,
) -> tuple[MotionSet, list[Rejection]]:
    """All clips as one set, and what was left out with the reasons.

    ``places`` are where they were looked for, and ``expected`` is what should have been found
    there; ``refine`` drops some that are prepared, or parts of them.
    """
    kept: list[Prepared] = []
    rejections: list[Rejection] = []
    for clip in tqdm(clips, "preparing", unit="clip"):
        prepared, found = prepare_clip(clip, fps)
        kept += prepared
        rejections += found
    if refine is not None:
        kept, dropped = refine(kept, fps)
        rejections += dropped
    if not kept:
        reasons = "".join(f"; {each.clip.name}: {each.reason}" for each in rejections[:1])
        raise InvalidInput.at(", ".join(map(str, places)), f"{expected}{reasons}")
    return collect(kept, fps, held_out, origin), rejections


def prepare_clip(clip: Clip, fps: float) -> tuple[list[Prepared], list[Rejection]]:
    """Read, map, check and resample one clip; what is wrong with it is noted, not raised."""
    try:
        motion = clip.read()
        points, _ = points_of(motion)
        check(points, motion.fps)
    except InvalidInput as error:
        return [], [Rejection(clip, error.detail)]
    parts, rejections = without(clip, points, find_jumps(points, motion.fps), motion.fps)
    return [
        Prepared(part, resample(rest, motion.fps, fps), motion.fps) for part, rest in parts
    ], rejections


def without(
    clip: Clip, points_TJ3: Doubles, jumps: Sequence[Jump], fps: float
) -> tuple[list[tuple[Clip, Doubles]], list[Rejection]]:
    """What is left of a clip without some frames, in pieces that are clips, and what is not."""
    parts = pieces(points_TJ3, jumps, fps)
    names = [clip.name, *(f"{clip.name}.{number}" for number in range(2, len(parts) + 1))]
    kept = [
        (replace(clip, name=name), points_TJ3[part])
        for name, part in zip(names, parts, strict=False)
    ]
    return kept, [
        Rejection(clip, f"frames {jump.first} to {jump.last} cut out: {jump.reason}")
        for jump in jumps
    ]


def resample(points_TJ3: Doubles, fps: float, target_fps: float) -> Doubles:
    """Cubic interpolation in time from one frame rate to another, from the same first frame."""
    if fps == target_fps:
        return points_TJ3
    # Rounded, so that a last frame is not lost to 0.1 + 0.2.
    frames = int(np.floor(round((len(points_TJ3) - 1) / fps * target_fps, 6))) + 1
    spline = CubicSpline(np.arange(len(points_TJ3)) / fps, points_TJ3)
    return np.asarray(spline(np.arange(frames) / target_fps))


def collect(
    kept: Sequence[Prepared], fps: float, held_out: Sequence[str], origin: str
) -> MotionSet:
    """Clips end to end, of our points."""
    subjects = tuple(item.clip.subject for item in kept)
    if held_out and not set(held_out) & set(subjects):
        expected = f"some of {', '.join(sorted(set(subjects)))}, found {', '.join(held_out)}"
        raise InvalidInput.at("held-out subjects", expected)
    ends = np.cumsum([len(item.points_TJ3) for item in kept], dtype=np.int64)
    return MotionSet(
        positions=np.concatenate([item.points_TJ3.astype(np.float32) for item in kept]),
        clip_ends=ends,
        names=tuple(item.clip.name for item in kept),
        subjects=subjects,
        actions=tuple(item.clip.action for item in kept),
        sources=tuple(item.clip.source for item in kept),
        original_fps=np.array([item.original_fps for item in kept]),
        held_out=np.isin(subjects, list(held_out)),
        fps=fps,
        origin=origin,
        joint_names=POINTS,
    )
