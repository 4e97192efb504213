"""The CMU motion capture database in its several formats, as one set of clips."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from poselift.errors import InvalidInput
from training.data.datasets.asfamc import read_amc, read_asf
from training.data.datasets.body import whole
from training.data.datasets.bvh import read_bvh
from training.data.datasets.duplicates import angles_of, find_same
from training.data.datasets.kinematics import Motion
from training.data.datasets.motion import MotionSet
from training.data.datasets.positions import read_positions
from training.data.datasets.preparation import (
    Clip,
    Prepared,
    Rejection,
    collect,
    failing,
    given,
    prepare_clips,
)

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
        raise InvalidInput.at(str(path), f"its skeleton {skeleton.name} beside it")
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
    except InvalidInput as error:
        yield Clip(path.stem, path.stem, path.stem, "positions", path, failing(error))
        return
    for name, motion in motions:
        action = name.split("/")[-2] if "/" in name else name
        yield Clip(
            name, f"positions {action}", action.replace("_", " "), "positions", path, given(motion)
        )


def without_duplicates(clips: Iterable[Clip]) -> list[Clip]:
    """One clip of each name; AMC, the original, before its conversions."""
    kept: dict[str, Clip] = {}
    for clip in clips:
        if clip.name not in kept or (clip.source, kept[clip.name].source) == ("amc", "bvh"):
            kept[clip.name] = clip
    return list(kept.values())


def prepare(
    folders: Sequence[Path], fps: float, held_out: Sequence[str] = HELD_OUT
) -> tuple[MotionSet, list[Rejection]]:
    """All clips under the folders as one set, and what was left out with the reasons."""
    clips = without_duplicates(clip for folder in folders for clip in find_clips(folder))
    kept, rejections = prepare_clips(clips, fps)
    kept, same = _without_copies(kept, fps)
    rejections += same
    if not kept:
        raise InvalidInput.at(
            ", ".join(map(str, folders)), "at least one usable .amc, .bvh or .npz clip"
        )
    return collect(kept, fps, held_out, ORIGIN), rejections


def _without_copies(kept: Sequence[Prepared], fps: float) -> tuple[list[Prepared], list[Rejection]]:
    """Drop the clips without a subject number that are also there under one.

    Left in, a held-out person's motion would be in training under another name.
    """
    numbered = {
        item.clip.name: angles_of(item.points_TJ3)
        for item in kept
        if item.clip.source != "positions"
    }
    unique: list[Prepared] = []
    rejections: list[Rejection] = []
    for item in kept:
        same = None
        if item.clip.source == "positions":
            same = find_same(angles_of(item.points_TJ3), numbered, fps)
        if same is None:
            unique.append(item)
        else:
            rejections.append(Rejection(item.clip, f"the same motion as {same}"))
    return unique, rejections
