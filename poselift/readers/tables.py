"""Tables of keypoints in CSV: a row a frame with columns by joint, or a row a joint.

Columns are named by joint and axis in any order and spelling (``nose_x``, ``x12``,
``landmark_3.visibility``), or by joint alone where cells hold texts such as ``x: 0.5 y: 0.2`` or
``(0.5, 0.2, 0.0, 0.9)``.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from poselift.errors import InvalidInput
from poselift.readers.detections import Landmark

_AXES = {
    "x": "x",
    "y": "y",
    "z": "z",
    "presence": "presence",
    **dict.fromkeys(("v", "vis", "visibility", "score", "confidence"), "score"),
    **dict.fromkeys(("conf", "likelihood", "prob"), "score"),
}
_AXIS = "|".join(sorted(_AXES, key=len, reverse=True))
_JOINT_AXIS = re.compile(rf"(.+?)[_. :-]({_AXIS})", re.IGNORECASE)
_AXIS_JOINT = re.compile(rf"({_AXIS})(?:[_. :-]?(\d+)|[_. :-](.+))", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?:pose)?[_ .-]*(?:landmark|joint|keypoint|kpt?|lm|point)?s?[_ .-]*(\d{1,18})", re.IGNORECASE
)
_FRAMES = (
    *("frame", "frame_id", "frame_idx", "frame_number", "frame_no", "frame_num"),
    *("frame_index", "frameindex", "framenumber", "frameid"),
)
_TRACKS = ("person", "person_id", "person_idx", "track_id", "track", "pose_id")
_JOINTS = (
    *("landmark", "landmark_name", "landmark_id", "landmark_index", "landmark_idx"),
    *("joint", "joint_name", "joint_id", "keypoint", "keypoint_name", "keypoint_id"),
    *("name", "id", "bodypart", "part"),
)
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan"
_NAMED = re.compile(rf"\W?\b({_AXIS})\b\W?\s*[:=]\s*({_NUMBER})", re.IGNORECASE)
_LISTED = re.compile(rf"[\(\[]\s*(?:{_NUMBER})(?:[\s,;]+(?:{_NUMBER})){{1,4}}\s*[\)\]]", re.I)
_ANY_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_MISSING: Landmark = (0.0, 0.0, 0.0)
_LONGEST_CELL = 500

Row = Sequence[str]
Columns = Mapping[int | str, Mapping[str, int]]
"""For each joint, where its values are: by axis x, y, z and score."""


@dataclass(frozen=True)
class TableRow:
    """One person in one frame: landmarks by the joint's number or name."""

    frame: int
    track: str | None
    joints: dict[int | str, Landmark]
    where: str


@dataclass(frozen=True)
class Table:
    """A table with the names of its columns."""

    where: str
    header: list[str]
    rows: Sequence[Row]

    @classmethod
    def of(cls, text: str, where: str) -> "Table":
        """The table in a text, separated by commas, semicolons or tabs; empty rows left out.

        Raises:
            InvalidInput: it is no CSV.
        """
        end = text.find("\n")
        separator = max(",;\t", key=text[: end if end >= 0 else len(text)].count)
        try:
            lines = csv.reader(StringIO(text.lstrip("\ufeff"), newline=""), delimiter=separator)
            rows = [row for row in lines if any(cell.strip() for cell in row)]
        except csv.Error as error:
            raise InvalidInput.at(where, f"a table in CSV: {error}") from None
        header = [name.strip() for name in rows[0]] if rows else []
        return cls(where, header, rows[1:])

    def column(self, names: Sequence[str]) -> int | None:
        """The first column of one of these names, in lower case."""
        lower = [re.sub(r"\W+", "_", name.lower()) for name in self.header]
        return next((lower.index(name) for name in names if name in lower), None)

    def line(self, index: int) -> str:
        """The place of a row in the file."""
        return f"{self.where}, line {index + 2}"

    @property
    def is_long(self) -> bool:
        """Whether each row is one joint."""
        axes = {name.lower() for name in self.header}
        return (
            {"x", "y"} <= axes
            and self.column(_JOINTS) is not None
            and self.column(_FRAMES) is not None
        )

    def joint_columns(self) -> Columns:
        """The columns named by joint and axis, of joints that have both x and y."""
        found: dict[int | str, dict[str, int]] = {}
        for index, name in enumerate(self.header):
            told = _joint_and_axis(name)
            if told is not None:
                found.setdefault(told[0], {}).setdefault(told[1], index)
        return {joint: axes for joint, axes in found.items() if {"x", "y"} <= set(axes)}

    def text_columns(self) -> dict[int | str, int]:
        """The columns whose cells are whole landmarks."""
        found = {}
        for index, name in enumerate(self.header):
            cells = (row[index].strip() for row in self.rows if index < len(row))
            if _is_landmark_text(next(filter(None, cells), "")):
                found[_joint(name)] = index
        return found


def table_rows(table: Table) -> Iterator[TableRow]:
    """The people of a table, row by row.

    Raises:
        InvalidInput: there are no columns of joints, or a cell is no number.
    """
    if table.is_long:
        yield from _long(table)
        return
    joints = table.joint_columns()
    texts = {} if joints else table.text_columns()
    if not joints and not texts:
        raise InvalidInput.at(table.where, "columns of joints, as in nose_x, nose_y")
    frame, track = table.column(_FRAMES), table.column(_TRACKS)
    for index, row in enumerate(table.rows):
        where = table.line(index)
        if len(row) < len(table.header):
            raise InvalidInput.at(where, f"{len(table.header)} cells, found {len(row)}")
        values = {j: _landmark(row, axes, where) for j, axes in joints.items()}
        values |= {j: _text_landmark(row[column], where) for j, column in texts.items()}
        number = index if frame is None else _whole(row[frame], where)
        yield TableRow(number, _cell(row, track), values, where)


def _long(table: Table) -> Iterator[TableRow]:
    frame, joint, track = map(table.column, (_FRAMES, _JOINTS, _TRACKS))
    axes = {
        _AXES[name.lower()]: index
        for index, name in reversed(list(enumerate(table.header)))
        if name.lower() in _AXES
    }
    grouped: dict[tuple[int, str | None], dict[int | str, Landmark]] = {}
    for index, row in enumerate(table.rows):
        where = table.line(index)
        if len(row) < len(table.header) or frame is None or joint is None:
            raise InvalidInput.at(where, f"{len(table.header)} cells, found {len(row)}")
        who = _whole(row[frame], where), _cell(row, track)
        name = _joint(row[joint].strip())
        joints = grouped.setdefault(who, {})
        if name in joints:
            raise InvalidInput.at(where, f"each joint once a frame; {name!r} is there twice")
        joints[name] = _landmark(row, axes, where)
    for (number, who_track), joints in grouped.items():
        yield TableRow(number, who_track, joints, f"{table.where}, frame {number}")


def _joint_and_axis(name: str) -> tuple[int | str, str] | None:
    match = _JOINT_AXIS.fullmatch(name)
    if match is not None:
        return _joint(match.group(1)), _AXES[match.group(2).lower()]
    match = _AXIS_JOINT.fullmatch(name)
    if match is not None:
        return _joint(match.group(2) or match.group(3)), _AXES[match.group(1).lower()]
    return None


def _joint(name: str) -> int | str:
    match = _NUMBERED.fullmatch(name)
    return int(match.group(1)) if match else name


def _landmark(row: Row, axes: Mapping[str, int], where: str) -> Landmark:
    x, y = as_float(row[axes["x"]], where), as_float(row[axes["y"]], where)
    score = as_float(row[axes["score"]], where) if "score" in axes else 1.0
    return (x, y, score) if math.isfinite(x + y + score) else _MISSING


def _is_landmark_text(cell: str) -> bool:
    if len(cell) > _LONGEST_CELL:
        return False
    return bool(_LISTED.fullmatch(cell)) or {"x", "y"} <= set(_by_name(cell))


def _by_name(cell: str) -> dict[str, float]:
    found = _NAMED.findall(cell[:_LONGEST_CELL])
    return {_AXES[name.lower()]: float(value) for name, value in found}


def _text_landmark(cell: str, where: str) -> Landmark:
    """A landmark in one cell; none in an empty one."""
    cell = cell.strip()
    if not cell or cell.lower() in {"nan", "none", "null"}:
        return _MISSING
    if not _is_landmark_text(cell):
        raise InvalidInput.at(where, f"a landmark in each cell, found {cell[:40]!r}")
    named = _by_name(cell)
    if named:
        x, y, score = named["x"], named["y"], named.get("score", 1.0)
    else:
        x, y, *rest = map(float, _ANY_NUMBER.findall(cell))
        score = rest[1] if len(rest) > 1 else 1.0
    return (x, y, score) if math.isfinite(x + y + score) else _MISSING


def as_float(cell: str, where: str) -> float:
    """A number in a cell; NaN in an empty one."""
    cell = cell.strip()
    if not cell or cell.lower() in {"none", "null", "na"}:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise InvalidInput.at(where, f"a number, found {cell[:40]!r}") from None


def _whole(cell: str, where: str) -> int:
    number = as_float(cell, where)
    if not math.isfinite(number) or number != int(number):
        raise InvalidInput.at(where, f"a frame's number, found {cell[:40]!r}")
    return int(number)


def _cell(row: Row, column: int | None) -> str | None:
    return (row[column].strip() or None) if column is not None else None
