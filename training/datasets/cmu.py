"""The CMU motion capture database in its several formats, as one set of clips."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline
from tqdm import tqdm

from service.errors import Invalid
from training.datasets.asfamc import read_amc, read_asf
from training.datasets.body import POINTS, points_of, whole
from training.datasets.bvh import read_bvh
from training.datasets.checks import check, find_jumps, pieces
from training.datasets.duplicates import angles_of, find_same
from training.datasets.kinematics import Floats, Motion
from training.datasets.motion import MotionSet
from training.datasets.positions import read_positions

ORIGIN = (
    "CMU motion capture. The data used in this project was obtained from mocap.cs.cmu.edu. "
    "The database was created with funding from NSF EIA-0196217."
)
"""What the database's owners ask its users to say."""

HELD_OUT = ("03", "05", "39", "131")
"""Whole subjects kept from training unless the caller names others: walking on uneven ground,
modern dance, climbing and swinging, stylised walks. Not 02: the positions file has its bones."""

SUBJECTS = {
    "01": "playground climbing",
    "02": "walk, run, jump, punch",
    "03": "walk on uneven ground",
    "05": "modern dance",
    "06": "basketball",
    "07": "walk",
    "08": "walk",
    "10": "soccer",
    "12": "walk, tai chi",
    "16": "walk, run, jump, turn",
    "26": "story gestures",
    "27": "story gestures",
    "29": "story gestures",
    "35": "walk, run",
    "38": "walk, run about",
    "39": "playground climbing, walk",
    "43": "playground climbing",
    "49": "dance, acrobatics",
    "55": "dance",
    "131": "stylised walk",
}
"""What a numbered subject does, for the tables of an evaluation."""

FRAME_RATES = {"salsa": 60.0}
"""By folder: the true rates of BVH files whose headers say 120."""

_NUMBERED = re.compile(r"(\d+)_\d+")


@dataclass(frozen=True)
class Clip:
    """One clip before preparation; ``read`` gives its motion."""

    name: str
    subject: str
    action: str
    source: str
    path: Path
    read: Callable[[], Motion]


@dataclass(frozen=True)
class Prepared:
    """A clip, or a piece of one, in our points at the common rate."""

    clip: Clip
    points_TJ3: Floats
    original_fps: float


@dataclass(frozen=True)
class Fault:
    """A clip, or frames of it, left out: what was found where, and what was expected."""

    clip: Clip
    reason: str


def find_clips(folder: Path) -> Iterator[Clip]:
    """Every AMC, BVH and positions clip under a folder, in the order of their paths."""
    for path in sorted(folder.rglob("*") if folder.is_dir() else [folder]):
        match path.suffix.lower():
            case ".amc":
                yield _amc_clip(path)
            case ".bvh":
                yield _bvh_clip(path)
            case ".npz":
                yield from _position_clips(path)


def _numbered(stem: str) -> str | None:
    """The subject of a clip named NN_MM."""
    found = _NUMBERED.fullmatch(stem)
    return found[1].lstrip("0").zfill(2) if found else None


def _amc_clip(path: Path) -> Clip:
    subject = _numbered(path.stem) or path.parent.name
    action = SUBJECTS.get(subject, f"subject {subject}")
    return Clip(path.stem, subject, action, "amc", path, lambda: _amc_motion(path))


def _amc_motion(path: Path) -> Motion:
    skeleton = path.with_name(f"{path.stem.split('_')[0]}.asf")
    if not skeleton.exists():
        raise Invalid.at(str(path), f"its skeleton {skeleton.name} beside it")
    return read_amc(path, read_asf(skeleton))


def _bvh_clip(path: Path) -> Clip:
    folder = path.parent.name
    subject = _numbered(path.stem)
    if subject is not None:
        action = SUBJECTS.get(subject, f"subject {subject}")
        return Clip(path.stem, subject, action, "bvh", path, lambda: _bvh_motion(path))
    return Clip(f"{folder}/{path.stem}", folder, folder, "bvh", path, lambda: _bvh_motion(path))


def _bvh_motion(path: Path) -> Motion:
    """The motion of a BVH file with its lost bones, its true rate, and no rest pose in front."""
    file = whole(read_bvh(path))
    file = replace(file, fps=FRAME_RATES.get(path.parent.name, round(file.fps, 2)))
    if not file.values_TC[0, 3:6].any():
        file = replace(file, values_TC=file.values_TC[_rest_frames(file.names) :])
    return file.motion()


def _rest_frames(names: Sequence[str]) -> int:
    """How many frames pass from the rest pose to the motion: one conversion eases into it."""
    return 6 if "lButtock" in names else 1


def _position_clips(path: Path) -> Iterator[Clip]:
    try:
        motions = list(read_positions(path))
    except Invalid as error:
        yield Clip(path.stem, path.stem, path.stem, "positions", path, _failing(error))
        return
    for name, motion in motions:
        action = name.split("/")[-2] if "/" in name else name
        yield Clip(
            name, f"positions {action}", action.replace("_", " "), "positions", path, _given(motion)
        )


def _given(motion: Motion) -> Callable[[], Motion]:
    return lambda: motion


def _failing(error: Invalid) -> Callable[[], Motion]:
    def read() -> Motion:
        raise error

    return read


def without_duplicates(clips: Iterable[Clip]) -> list[Clip]:
    """One clip of each name; AMC, the original, before its conversions."""
    kept: dict[str, Clip] = {}
    for clip in clips:
        if clip.name not in kept or (clip.source, kept[clip.name].source) == ("amc", "bvh"):
            kept[clip.name] = clip
    return list(kept.values())


def prepare_clip(clip: Clip, fps: float) -> tuple[list[Prepared], list[Fault]]:
    """Read, map, check and resample one clip; what is wrong with it is noted, not raised."""
    try:
        motion = clip.read()
        points, _ = points_of(motion)
        check(points, motion.fps)
    except Invalid as error:
        return [], [Fault(clip, error.detail)]
    jumps = find_jumps(points, motion.fps)
    parts = pieces(points, jumps, motion.fps)
    names = [clip.name, *(f"{clip.name}.{number}" for number in range(2, len(parts) + 1))]
    prepared = [
        Prepared(replace(clip, name=name), resample(points[part], motion.fps, fps), motion.fps)
        for name, part in zip(names, parts, strict=False)
    ]
    return prepared, [
        Fault(clip, f"frames {jump.first} to {jump.last} cut out: {jump.reason}") for jump in jumps
    ]


def resample(points_TJ3: Floats, fps: float, target_fps: float) -> Floats:
    """Cubic interpolation in time from one frame rate to another, from the same first frame."""
    if fps == target_fps:
        return points_TJ3
    # Rounded, so that a last frame is not lost to 0.1 + 0.2.
    frames = int(np.floor(round((len(points_TJ3) - 1) / fps * target_fps, 6))) + 1
    spline = CubicSpline(np.arange(len(points_TJ3)) / fps, points_TJ3)
    return np.asarray(spline(np.arange(frames) / target_fps))


def prepare(
    folders: Sequence[Path], fps: float, held_out: Sequence[str] = HELD_OUT
) -> tuple[MotionSet, list[Fault]]:
    """All clips under the folders as one set, and what was left out with the reasons."""
    clips = without_duplicates(clip for folder in folders for clip in find_clips(folder))
    kept: list[Prepared] = []
    faults: list[Fault] = []
    for clip in tqdm(clips, "preparing", unit="clip"):
        prepared, found = prepare_clip(clip, fps)
        kept += prepared
        faults += found
    kept, same = _without_copies(kept, fps)
    faults += same
    if not kept:
        raise Invalid.at(
            ", ".join(map(str, folders)), "at least one usable .amc, .bvh or .npz clip"
        )
    return _collect(kept, fps, held_out), faults


def _without_copies(kept: Sequence[Prepared], fps: float) -> tuple[list[Prepared], list[Fault]]:
    """Drop the clips without a subject number that are also there under one.

    Left in, a held-out person's motion would be in training under another name.
    """
    numbered = {
        item.clip.name: angles_of(item.points_TJ3)
        for item in kept
        if item.clip.source != "positions"
    }
    unique: list[Prepared] = []
    faults: list[Fault] = []
    for item in kept:
        same = None
        if item.clip.source == "positions":
            same = find_same(angles_of(item.points_TJ3), numbered, fps)
        if same is None:
            unique.append(item)
        else:
            faults.append(Fault(item.clip, f"the same motion as {same}"))
    return unique, faults


def _collect(kept: Sequence[Prepared], fps: float, held_out: Sequence[str]) -> MotionSet:
    subjects = tuple(item.clip.subject for item in kept)
    if held_out and not set(held_out) & set(subjects):
        raise Invalid.at(
            "held-out subjects",
            f"some of {', '.join(sorted(set(subjects)))}, found {', '.join(held_out)}",
        )
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
        origin=ORIGIN,
        joint_names=POINTS,
    )
