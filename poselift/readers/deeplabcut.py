"""DeepLabCut's predictions and labels, CSV and HDF5, of people: its users name the joints."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles
from poselift.errors import InvalidInput
from poselift.readers.deeplabcut_hdf5 import read_pandas
from poselift.readers.detections import Detections, Rows
from poselift.readers.frame_order import order_frames
from poselift.readers.hdf5 import root_names
from poselift.readers.joint_labels import is_labelled, labelled
from poselift.readers.keypoint_table import sniffed_table
from poselift.readers.landmark_rows import unused_notes
from poselift.readers.reader import Reader
from poselift.readers.source import Source
from poselift.readers.tables import Table, as_float

_LEVELS: Final = ("scorer", "individuals", "bodyparts", "coords")
_NUMBER: Final = re.compile(r"\s*[0-9]{1,15}(\.0)?\s*")
_AXES: Final = {"x": 0, "y": 1, "likelihood": 2}


@dataclass(frozen=True)
class _Data:
    """A value for each frame and column; a column is an individual's body part's axis."""

    frames: list[int]
    columns: list[tuple[str, str, str]]
    """Individual, body part and axis."""
    values_TC: NDArray[Any]


def _sniff(source: Source) -> bool:
    names = root_names(source)
    if names is not None:
        return bool(names & {"df_with_missing", "keypoints"})
    table = sniffed_table(source)
    if table is not None:
        heads = [row[0].strip() for row in [table.header, *table.rows][:4] if row]
        return heads[:1] == ["scorer"] and "bodyparts" in heads
    return source.suffix in {".h5", ".hdf5"}  # without h5py: reading says what to install


def _read(source: Source) -> Detections:
    is_csv = source.suffix == ".csv"
    data = _of_table(source) if is_csv else _of_hdf5(source)
    individuals: dict[str, list[str]] = {}
    for individual, part, _ in data.columns:
        parts = individuals.setdefault(individual, [])
        if part not in parts:
            parts.append(part)
    people = [name for name, parts in individuals.items() if is_labelled(parts)]
    parts = list(dict.fromkeys(p for name in people or individuals for p in individuals[name]))
    matched = labelled(parts, f"{source.name}, bodyparts")
    index = {part: place for place, part in enumerate(parts)}
    rows = Rows()
    for name in people:
        labelled_TL3 = _of_person(data, name, index)
        for row in np.flatnonzero((~np.isnan(labelled_TL3[..., 0])).any(axis=1)).tolist():
            keypoints = matched.arranged(np.nan_to_num(labelled_TL3[row]))
            where = f"{source.name}, {name or 'frame'} {data.frames[row]}"
            rows.add(data.frames[row], keypoints, where, name or "0")
    found = rows.detections(matched.keypoint_format, name=source.name)
    return replace(found, notes=unused_notes(matched))


def _of_person(data: _Data, individual: str, index: Mapping[str, int]) -> Doubles:
    """Keypoints (T, L, 3) by label, NaN where missing; the score is 1 where there is none."""
    keypoints = np.full((len(data.frames), len(index), 3), np.nan)
    keypoints[..., 2] = 1
    for column, (who, part, axis) in enumerate(data.columns):
        if who == individual and axis in _AXES:
            keypoints[:, index[part], _AXES[axis]] = data.values_TC[:, column]
    keypoints[np.isnan(keypoints).any(axis=-1)] = np.nan
    return keypoints


def _of_table(source: Source) -> _Data:
    table = Table.of(source.read_text(), source.name)
    lines = [line for line in (table.header, *table.rows) if line]
    levels: dict[str, list[str]] = {}
    for line in lines[:4]:
        if line[0].strip().lower() in _LEVELS:
            levels[line[0].strip().lower()] = [cell.strip() for cell in line]
    missing = [level for level in ("bodyparts", "coords") if level not in levels]
    if missing:
        raise InvalidInput.at(source.name, f"a line of {missing[0]} among the first four")
    begin = next(
        (i for i, cell in enumerate(levels["coords"][1:], 1) if cell), len(levels["coords"])
    )
    columns = list(_columns(levels, begin, source.name))
    body = lines[len(levels) :]
    values = [
        _numbers(row, begin, len(columns), f"{source.name}, line {number}")
        for number, row in enumerate(body, len(levels) + 1)
    ]
    frames = _frames([row[begin - 1] for row in body], source.name)
    return _Data(frames, columns, np.array(values).reshape(len(body), len(columns)))


def _columns(
    levels: Mapping[str, Sequence[str]], begin: int, where: str
) -> Iterator[tuple[str, str, str]]:
    lengths = {len(cells) for cells in levels.values()}
    if len(lengths) != 1:
        raise InvalidInput.at(where, "as many cells in each line of the header")
    individuals = levels.get("individuals", [""] * lengths.pop())
    for column in range(begin, len(levels["coords"])):
        yield individuals[column], levels["bodyparts"][column], levels["coords"][column]


def _numbers(row: Sequence[str], begin: int, count: int, where: str) -> list[float]:
    if len(row) != begin + count:
        raise InvalidInput.at(where, f"{begin + count} cells, found {len(row)}")
    return [as_float(cell, where) for cell in row[begin:]]


def _of_hdf5(source: Source) -> _Data:
    index, columns, values_TC = read_pandas(source)
    named: list[tuple[str, str, str]] = []
    for column in columns:
        if not 3 <= len(column) <= 4:
            expected = "columns of scorer, individuals, bodyparts and coords"
            raise InvalidInput.at(source.name, f"{expected}; found {column}")
        named.append((column[1] if len(column) == 4 else "", column[-2], column[-1]))
    return _Data(_frames(index, source.name), named, values_TC)


def _frames(names: Sequence[str], where: str) -> list[int]:
    """Frames by their numbers, or by the names of images."""
    if all(_NUMBER.fullmatch(name) for name in names):
        return [int(float(name)) for name in names]
    order = order_frames(list(names), where)
    return [order.frames[name] for name in names]


DEEPLABCUT = Reader(
    "deeplabcut",
    "DeepLabCut's predictions and labels in CSV or HDF5, joints by their names",
    "CSV with lines of scorer and bodyparts; HDF5 with df_with_missing",
    _sniff,
    _read,
)
