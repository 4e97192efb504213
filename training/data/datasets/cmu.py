"""The CMU motion capture database in its several formats, as one set of clips."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets import preparation
from training.data.datasets.asfamc import read_amc, read_asf
from training.data.datasets.body import POINTS, whole
from training.data.datasets.bvh import read_bvh
from training.data.datasets.clips import read_arrays
from training.data.datasets.kinematics import Motion
from training.data.datasets.preparation import Clip, Prepared, Rejection, failing, given
from training.data.datasets.prepared import MotionSet

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

_EXPECTED = "at least one usable .amc, .bvh or .npz clip"
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
    return Clip(path.stem, subject, action, "amc", lambda: _amc_motion(path))


def _amc_motion(path: Path) -> Motion:
    skeleton = path.with_name(f"{path.stem.split('_')[0]}.asf")
    if not skeleton.exists():
        raise InvalidInput.at(str(path), f"its skeleton {skeleton.name} next to it")
    return read_amc(path, read_asf(skeleton))


def _bvh_clip(path: Path) -> Clip:
    folder = path.parent.name
    name, subject, action = f"{folder}/{path.stem}", folder, folder
    if numbered := _numbered(path.stem):
        name, subject, action = path.stem, numbered, SUBJECTS.get(numbered, f"subject {numbered}")
    return Clip(name, subject, action, "bvh", lambda: _bvh_motion(path))


def _bvh_motion(path: Path) -> Motion:
    """The motion of a BVH file with its lost bones, its true rate, and no rest pose in front."""
    file = whole(read_bvh(path))
    file = replace(file, fps=FRAME_RATES.get(path.parent.name, round(file.fps, 2)))
    if not file.values_TC[0, 3:6].any():
        rest_frames = 6 if "lButtock" in file.names else 1  # one conversion eases into the motion
        file = replace(file, values_TC=file.values_TC[rest_frames:])
    return file.motion()


def _position_clips(path: Path) -> Iterator[Clip]:
    try:
        motions = list(read_positions(path))
    except InvalidInput as error:
        yield Clip(path.stem, path.stem, path.stem, "positions", failing(error))
        return
    for name, motion in motions:
        folder = name.split("/")[-2] if "/" in name else name
        action = folder.replace("_", " ")
        yield Clip(name, f"positions {folder}", action, "positions", given(motion))


def read_positions(path: Path) -> Iterator[tuple[str, Motion]]:
    """The name and the motion of every clip of world positions in one file, in millimetres."""
    keys = ("positions_mm", "clip_ends", "clip_names", "joint_names", "fps")
    positions_FJ3, ends, names, joints, fps = read_arrays(path, keys).values()
    if positions_FJ3.ndim != 3 or positions_FJ3.shape[1:] != (len(joints), 3):
        expected = f"shape (frames, {len(joints)}, 3), found {positions_FJ3.shape}"
        raise InvalidInput.at(f"{path}, positions_mm", expected)
    starts = np.concatenate([[0], ends[:-1]])
    if len(ends) != len(names) or (ends <= starts).any() or ends[-1] != len(positions_FJ3):
        raise InvalidInput.at(f"{path}, clip_ends", f"rising ends, the last {len(positions_FJ3)}")
    for name, start, end in zip(names, starts, ends, strict=True):
        # The first frame of each clip is the rest pose.
        clip = positions_FJ3[start + 1 : end].astype(np.float64)
        yield str(name), Motion(tuple(map(str, joints)), clip, None, float(fps))


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
    return preparation.prepare(clips, fps, held_out, ORIGIN, folders, _EXPECTED, _without_copies)


def _without_copies(kept: Sequence[Prepared], fps: float) -> tuple[list[Prepared], list[Rejection]]:
    """Drop the clips without a subject number that are also there under one.

    Left in, a held-out person's motion would be in training under another name.
    """
    angles = [angles_of(item.points_TJ3) for item in kept]
    numbered = {
        item.clip.name: each
        for item, each in zip(kept, angles, strict=True)
        if item.clip.source != "positions"
    }
    unique: list[Prepared] = []
    rejections: list[Rejection] = []
    for item, each in zip(kept, angles, strict=True):
        if item.clip.source == "positions" and (same := find_same(each, numbered, fps)):
            rejections.append(Rejection(item.clip, f"the same motion as {same}"))
        else:
            unique.append(item)
    return unique, rejections


SAME_RAD = 0.06
"""Angles at the knees, elbows, hips and shoulders hardly change from skeleton to skeleton. Two
conversions of a recording differ by under 0.04 rad on average, the nearest others by over 0.08."""
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
