"""UI-PRMD: rehabilitation exercises as optical markers (Vakanski et al., 2018), in one file.

The file has the arrays ``markers_tenth_mm`` (frames, markers, 3), z up, +x ahead and +y left of
someone at the start, a missing marker at the origin; ``marker_names``, ``clip_ends``,
``clip_names`` (c_m05_s01_e03: done right or wrong, movement, subject, repetition) and ``fps``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets import preparation
from training.data.datasets.clips import check_clips, read_arrays
from training.data.datasets.marked_people import Fitted, fitted, whole_runs
from training.data.datasets.markers import Markers, joined, known_markers
from training.data.datasets.preparation import Clip, Rejection, failing, given
from training.data.datasets.prepared import MotionSet

ORIGIN = (
    "UI-PRMD (Vakanski et al., Data 2018, 3(1), 2), under the Open Data Commons Public Domain "
    "Dedication and License 1.0."
)
HELD_OUT = ("s07", "s08")
LEFT_OUT = {
    "s05": "the markers of the pelvis lie 0.44 m apart, which puts the hips 0.31 m apart",
    "s10": "the marker of the right elbow is misplaced",
}
MOVEMENTS = {
    "m01": "deep squat",
    "m02": "hurdle step",
    "m03": "inline lunge",
    "m04": "side lunge",
    "m05": "sit to stand",
    "m06": "leg raise",
    "m07": "shoulder abduction",
    "m08": "shoulder extension",
    "m09": "shoulder rotation",
    "m10": "shoulder scaption",
}
LARGEST_STEP_M = 0.02
"""What any marker may be off by from one repetition to the next for them to be continuous."""
_TENTH_MM = 1e-4
_MARKERS = "markers_tenth_mm"


class Repetition(NamedTuple):
    """What a clip's name says: c_m05_s01_e03."""

    kind: str
    movement: str
    subject: str
    number: str


@dataclass(frozen=True)
class Exercise:
    """Repetitions that follow one another without a break."""

    name: str
    about: Repetition
    markers: Markers


def prepare(
    path: Path, fps: float, held_out: Sequence[str] = HELD_OUT
) -> tuple[MotionSet, list[Rejection], list[Fitted]]:
    """All clips of the file as one set, what was left out, and the fits with their residuals."""
    path = file_of(path)
    exercises = read(path)
    fits: list[Fitted] = []
    clips: list[Clip] = []
    for subject, group in groupby(exercises, key=lambda each: each.about.subject):
        own = list(group)
        try:
            found = _fitted(subject, own)
        except InvalidInput as error:
            clips.append(Clip(subject, subject, "all", "uiprmd", failing(error)))
            continue
        fits += found
        for exercise, fit in zip(own, found, strict=True):
            clips += _clips(exercise, fit)
    expected = "at least one usable clip"
    return *preparation.prepare(clips, fps, held_out, ORIGIN, [path], expected), fits


def _fitted(subject: str, exercises: Sequence[Exercise]) -> list[Fitted]:
    if subject in LEFT_OUT:
        raise InvalidInput.at("markers", f"usable ones; {LEFT_OUT[subject]}")
    return fitted([exercise.markers for exercise in exercises])


def _clips(exercise: Exercise, fit: Fitted) -> list[Clip]:
    _, movement, subject, _ = exercise.about
    action = MOVEMENTS.get(movement, movement)
    clip = Clip(exercise.name, subject, action, "uiprmd", given(fit.motion))
    return list(whole_runs(clip, fit.motion))


def file_of(path: Path) -> Path:
    """The file itself, or the one file of markers in a folder, searched to its depth."""
    if not path.is_dir():
        return path
    found = [each for each in sorted(path.rglob("*.npz")) if _MARKERS in _names(each)]
    if len(found) != 1:
        expected = f"one .npz file with an array {_MARKERS}, found {len(found)}"
        raise InvalidInput.at(str(path), expected)
    return found[0]


def _names(path: Path) -> list[str]:
    """The arrays of a file, none if it is another file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return list(arrays)
    except (OSError, ValueError, BadZipFile):
        return []


def read(path: Path) -> list[Exercise]:
    """The exercises of a file, by subject; repetitions that are continuous are one clip."""
    keys = (_MARKERS, "marker_names", "clip_ends", "clip_names", "fps")
    arrays = read_arrays(path, keys)
    raw, names = arrays[_MARKERS], [str(name) for name in arrays["marker_names"]]
    if raw.ndim != 3 or raw.shape[1:] != (len(names), 3):
        expected = f"shape (frames, {len(names)}, 3), found {raw.shape}"
        raise InvalidInput.at(f"{path}, {_MARKERS}", expected)
    check_clips(arrays, {"clip_ends": "i", "clip_names": "U"}, len(raw), path)
    about = [_repetition(str(name), path) for name in arrays["clip_names"]]
    starts = [0, *arrays["clip_ends"][:-1]]
    markers = [
        known_markers(names, _in_world(raw[a:b]), float(arrays["fps"]), str(path))
        for a, b in zip(starts, arrays["clip_ends"], strict=True)
    ]
    order = sorted(zip(about, markers, strict=True), key=_place)
    groups = groupby(order, key=lambda each: each[0][:3])
    return [exercise for _, group in groups for exercise in _continuous(list(group))]


def _repetition(name: str, path: Path) -> Repetition:
    parts = name.split("_")
    if len(parts) != len(Repetition._fields):
        raise InvalidInput.at(f"{path}, clip_names", f"names like c_m05_s01_e03, found {name}")
    return Repetition(*parts)


def _place(each: tuple[Repetition, Markers]) -> tuple[str, str, str, str]:
    kind, movement, subject, number = each[0]
    return subject, movement, kind, number


def _in_world(raw_TM3: Doubles) -> Doubles:
    """Metres, y up, facing +z; NaN where a marker is missing."""
    positions = raw_TM3[..., [1, 2, 0]] * _TENTH_MM
    positions[(raw_TM3 == 0).all(axis=2)] = np.nan
    return np.asarray(positions)


def _continuous(repetitions: list[tuple[Repetition, Markers]]) -> Iterator[Exercise]:
    first, parts = 0, [repetitions[0][1]]
    for index in range(1, len(repetitions) + 1):
        if index < len(repetitions) and _follows(parts[-1], repetitions[index][1]):
            parts.append(repetitions[index][1])
            continue
        about, last = repetitions[first][0], repetitions[index - 1][0]
        name = "_".join(about) + (f"-{last.number}" if index - first > 1 else "")
        yield Exercise(name, about, joined(parts))
        if index < len(repetitions):
            first, parts = index, [repetitions[index][1]]


def _follows(before: Markers, after: Markers) -> bool:
    """Whether all markers go on where they were."""
    steps = np.linalg.norm(after.positions_TM3[0] - before.positions_TM3[-1], axis=-1)
    return bool(np.nanmax(steps, initial=0.0) < LARGEST_STEP_M)
