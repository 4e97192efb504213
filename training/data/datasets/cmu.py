"""The CMU motion capture database in its several formats, as one set of clips."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets import preparation
from training.data.datasets.actions import cmu_action
from training.data.datasets.asfamc import read_amc, read_asf
from training.data.datasets.body import POINTS, whole
from training.data.datasets.bvh import read_bvh
from training.data.datasets.c3d import read_c3d
from training.data.datasets.clips import read_arrays
from training.data.datasets.kinematics import Motion
from training.data.datasets.marked_people import fitted, whole_runs
from training.data.datasets.markers import Markers
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
    "09": "run",
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
    "32": "walk",
    "55": "dance",
    "85": "break dance",
    "131": "stylised walk",
    "135": "karate",
}
"""What a numbered subject does, for the tables of an evaluation."""

FRAME_RATES = {"salsa": 60.0}
"""By folder: the true rates of BVH files whose headers say 120."""

UNNUMBERED = {
    "lambada": ("55", "dance"),
    "pirouette": ("05", "modern dance"),
    "charleston1": ("charleston", "dance"),
    "charleston2": ("charleston", "dance"),
    "backflip": ("backflip", "acrobatics"),
    "zombie": ("zombie", "stylised walk"),
    "semi_style_bvh/dance": ("05", "modern dance"),
    "semi_style_bvh/walk": ("01", "walk"),
    "semi_style_bvh/female-walk": ("01", "walk"),
    "semi_style_bvh/jump": ("49", "jump"),
    "semi_style_bvh/jump-across": ("49", "jump"),
    "semi_style_bvh/box-1": ("semi_style_bvh boxer", "boxing"),
    "semi_style_bvh/box-2": ("semi_style_bvh boxer", "boxing"),
    "semi_style_bvh/box-3": ("semi_style_bvh box-3", "boxing"),
    "semi_style_bvh/jumping-jack": ("semi_style_bvh boxer", "jumping jacks"),
    "semi_style_bvh/wipe": ("semi_style_bvh boxer", "wash windows"),
    "semi_style_bvh/kick": ("semi_style_bvh kick", "kick"),
    "semi_style_bvh/swim": ("semi_style_bvh swim", "swim"),
}
"""Subject and action of clips that lost their numbers. A subject is known by its bones, which are
as long as a numbered one's to a tenth of a millimetre."""

_EXPECTED = "at least one usable .amc, .bvh, .c3d or .npz clip"
_NUMBERED = re.compile(r"(\d+)_\d+(?:\.\d+)?")
_OTHER_DATA_SET = "HDM_"
"""What begins the names of HDM05's files, which may not be trained on."""


def find_clips(folder: Path) -> Iterator[Clip]:
    """Every AMC, BVH, positions and C3D clip under a folder, in the order of their paths."""
    paths = sorted(folder.rglob("*") if folder.is_dir() else [folder])
    for path in paths:
        if path.name.startswith(_OTHER_DATA_SET):
            continue
        match path.suffix.lower():
            case ".amc":
                yield Clip(*_about(path), "amc", partial(_amc_motion, path))
            case ".bvh":
                yield Clip(*_about(path), "bvh", partial(_bvh_motion, path))
            case ".npz":
                yield from _position_clips(path)
    yield from _marker_clips([path for path in paths if path.suffix.lower() == ".c3d"])


def _numbered(stem: str) -> str | None:
    """The subject of a clip named NN_MM."""
    found = _NUMBERED.fullmatch(stem)
    return found[1].lstrip("0").zfill(2) if found else None


def _about(path: Path) -> tuple[str, str, str]:
    """Name, subject and action of a file's clip; ``ben/squat`` where it has no number."""
    folder, stem = path.parent.name, path.stem
    if (subject := _numbered(stem)) is not None:
        return stem, subject, cmu_action(stem) or SUBJECTS.get(subject, f"subject {subject}")
    name = stem if stem in UNNUMBERED else f"{folder}/{stem}"
    return (name, *UNNUMBERED.get(name, (folder, folder)))


def _amc_motion(path: Path) -> Motion:
    """A clip with the skeleton next to it: ``02.asf`` of ``02_01.amc``, or of ``02.amc``."""
    skeleton = path.with_name(f"{path.stem.split('_')[0].rstrip('0123456789') or path.stem}.asf")
    numbered = path.with_name(f"{path.stem.split('_')[0]}.asf")
    skeleton = numbered if numbered.exists() else skeleton
    if not skeleton.exists():
        raise InvalidInput.at(str(path), f"its skeleton {numbered.name} next to it")
    return read_amc(path, read_asf(skeleton))


def _marker_clips(paths: Sequence[Path]) -> Iterator[Clip]:
    """Clips of optical markers, for each subject with one skeleton."""
    for _, group in groupby(paths, key=lambda path: _about(path)[1]):
        files: dict[Path, Markers] = {}
        for path in group:
            try:
                files[path] = read_c3d(path)
            except InvalidInput as error:
                yield Clip(*_about(path), "c3d", failing(error))
        try:
            fits = fitted(list(files.values()))
        except InvalidInput as error:
            yield from (Clip(*_about(path), "c3d", failing(error)) for path in files)
            continue
        for path, fit in zip(files, fits, strict=True):
            clip = Clip(*_about(path), "c3d", given(fit.motion))
            yield from whole_runs(clip, fit.motion)


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
    """One clip of each name; AMC, the original, before its conversions.

    Numbered clips are conversions of one recording; others that share a name cannot be read.
    """
    kept: dict[str, Clip] = {}
    for clip in clips:
        same = kept.get(clip.name)
        if same is None or (clip.source, same.source) == ("amc", "bvh"):
            kept[clip.name] = clip
        elif _numbered(clip.name) is None and clip.source == same.source:
            error = InvalidInput.at(clip.name, "a name of its own; another clip has it")
            kept[f"{clip.name} {len(kept)}"] = replace(clip, read=failing(error))
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
    others = {
        item.clip.name: each
        for item, each in zip(kept, angles, strict=True)
        if not _is_doubtful(item.clip)
    }
    unique: list[Prepared] = []
    rejections: list[Rejection] = []
    for item, each in zip(kept, angles, strict=True):
        if _is_doubtful(item.clip) and (same := find_same(each, others, fps)):
            rejections.append(Rejection(item.clip, f"the same motion as {same}"))
        else:
            unique.append(item)
    return unique, rejections


def _is_doubtful(clip: Clip) -> bool:
    """Whether a clip may be one that is there under its number too."""
    return clip.source == "positions" or clip.name.partition(".")[0] in UNNUMBERED


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
