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
from training.data.datasets.checks import check, find_jumps, pieces
from training.data.datasets.kinematics import Motion
from training.data.datasets.prepared import MotionSet


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
    without_copies: Callable[[list[Prepared], float], tuple[list[Prepared], list[Rejection]]]
    | None = None,
) -> tuple[MotionSet, list[Rejection]]:
    """All clips as one set, and what was left out with the reasons.

    ``places`` are where they were looked for, and ``expected`` is what should have been found
    there; ``without_copies`` drops some that are prepared.
    """
    kept: list[Prepared] = []
    rejections: list[Rejection] = []
    for clip in tqdm(clips, "preparing", unit="clip"):
        prepared, found = prepare_clip(clip, fps)
        kept += prepared
        rejections += found
    if without_copies is not None:
        kept, copies = without_copies(kept, fps)
        rejections += copies
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
    jumps = find_jumps(points, motion.fps)
    parts = pieces(points, jumps, motion.fps)
    names = [clip.name, *(f"{clip.name}.{number}" for number in range(2, len(parts) + 1))]
    prepared = [
        Prepared(replace(clip, name=name), resample(points[part], motion.fps, fps), motion.fps)
        for name, part in zip(names, parts, strict=False)
    ]
    return prepared, [
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
