"""MediaPipe landmarks, and keypoints by the names of joints, in CSV: wide, long, texts as cells."""

from collections.abc import Iterable, Sequence
from typing import Final

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections
from poselift.readers.joint_labels import is_labelled
from poselift.readers.landmark_rows import LandmarkRow, landmark_detections, zero_based
from poselift.readers.mediapipe import WORLD, refuse_world
from poselift.readers.reader import Reader
from poselift.readers.source import Source
from poselift.readers.tables import Table, table_rows

_BY_COUNT: Final = {17: "coco17", 33: "mediapipe33"}
_WITH_FACE: Final = 33 + 468
"""Landmarks of pose and face in one row, the pose first."""
_FEWEST: Final = 12
_SNIFFED_BYTES: Final = 128 * 1024
"""Headers of landmarks of the face are long."""


def _sniff(source: Source) -> bool:
    table = sniffed_table(source)
    if table is None or "instance.score" in table.header:
        return False
    return table.is_long or _are_joints(table.joint_columns()) or _are_joints(table.text_columns())


def sniffed_table(source: Source) -> Table | None:
    """The first lines of a CSV file, or None if this is none."""
    if source.is_folder or source.suffix not in {".csv", ".tsv", ".txt"}:
        return None
    with source.open() as file:
        head = file.read(_SNIFFED_BYTES)
    text = head.decode("utf-8-sig", errors="replace")
    if "\0" in text:
        return None
    if len(head) == _SNIFFED_BYTES:
        text = text[: text.rfind("\n") + 1]
    try:
        return Table.of(text, source.name)
    except InvalidInput:
        return None


def _are_joints(columns: Iterable[int | str]) -> bool:
    """Whether columns are of joints by number or by the names of a person's."""
    keys = list(columns)
    names = [key for key in keys if isinstance(key, str)]
    return len(keys) - len(names) >= _FEWEST or is_labelled(names) or _are_world(names)


def _are_world(names: Sequence[str]) -> bool:
    return sum("world" in name.lower() for name in names) >= _FEWEST


def _read(source: Source) -> Detections:
    rows = list(table_rows(Table.of(source.read_text(), source.name)))
    keys = dict.fromkeys(key for row in rows for key in row.joints)
    chosen = _chosen(list(keys), source.name)
    landmarks = [
        LandmarkRow(
            row.frame,
            {chosen[key]: landmark for key, landmark in row.joints.items() if key in chosen},
            row.where,
            row.track,
        )
        for row in rows
    ]
    found = landmark_detections(landmarks, source.name, _BY_COUNT)
    if found.keypoint_format == "mediapipe33":
        refuse_world(found.keypoints_NJ3, source.name)
    return found


def _chosen(keys: Sequence[int | str], where: str) -> dict[int | str, int | str]:
    """The joints that are read, and as which: numbers of the pose from 0, or names."""
    numbers = [key for key in keys if isinstance(key, int)]
    names = [key for key in keys if isinstance(key, str)]
    if len(numbers) >= _FEWEST:
        if set(numbers) == set(range(1, _WITH_FACE + 1)):
            numbers = list(range(1, max(_BY_COUNT) + 1))
        base = zero_based(numbers, _BY_COUNT, where)
        return {number: number - base for number in numbers}
    of_image = [name for name in names if "world" not in name.lower()]
    if not of_image and names:
        raise InvalidInput.at(where, WORLD)
    return {name: name for name in of_image}


TABLE = Reader(
    "table",
    "MediaPipe landmarks, and keypoints by names of joints, in CSV: a row a frame, a row a joint, "
    "or texts as cells",
    "columns of joints and axes, as in nose_x or x12, or frame, landmark, x and y",
    _sniff,
    _read,
)
