"""Ultralytics' results: ``to_json`` of frames, JSON lines, or folders of labels."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from poselift.array_types import Doubles
from poselift.errors import InvalidInput
from poselift.readers.coco import BY_COUNT, person_id
from poselift.readers.detections import Detections, Rows, in_detected_coordinates
from poselift.readers.frame_order import order_frames
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_BOX: Final = 5
"""Numbers before a label's joints: class, middle and size of the box."""
_MOST_AFTER: Final = 2
"""Numbers after a label's joints: the box's confidence, the track's id."""
_LAYOUTS: Final = ((17, 3), (17, 2), (26, 3), (133, 3))
"""Joints and numbers for each; the first that a label's length allows."""
_Frame = tuple[int, Any, str]


def _sniff(source: Source) -> bool:
    if source.is_folder:
        first = next((file for file in source.files_ending(".json") if file.size), None)
        return first is not None and _is_frame(first.sniffed_json)
    content = source.sniffed_json
    if content is None:
        lines = source.sniffed_lines
        return len(lines) > 1 and any(map(_is_frame, lines)) and all(map(_is_listed, lines))
    if _is_frame(content):
        return True
    return isinstance(content, list) and any(_is_frame(_parsed(each)) for each in content)


def _is_listed(content: object) -> bool:
    return isinstance(content, list)


def _is_frame(content: object) -> bool:
    """Whether this is a list of people with arrays of x and y."""
    return isinstance(content, list) and bool(content) and all(map(_is_person, content))


def _is_person(person: object) -> bool:
    points = person.get("keypoints") if isinstance(person, dict) else None
    return isinstance(points, dict) and all(isinstance(points.get(key), list) for key in ("x", "y"))


def _parsed(frame: object) -> object:
    """A frame that was kept as the text that ``to_json`` gives."""
    if not isinstance(frame, str):
        return frame
    try:
        return json.loads(frame)
    except (ValueError, RecursionError):
        return None


def _read(source: Source) -> Detections:
    rows = Rows()
    for frame, people, where in _frames(source):
        if not isinstance(people, list):
            raise InvalidInput.at(where, "a list of people")
        for number, person in enumerate(people):
            place = f"{where}[{number}]"
            rows.add(frame, _keypoints(person, place), place, person_id(person))
    return in_detected_coordinates(rows.detections(by_count=BY_COUNT, name=source.name))


def _frames(source: Source) -> Iterator[_Frame]:
    if source.is_folder:
        files = source.files_ending(".json")
        order = order_frames([file.name for file in files], source.name)
        for file in files:
            yield order.frames[file.name], file.read_json() if file.size else [], file.name
        return
    content = source.sniffed_json
    if content is None and len(source.sniffed_lines) > 1:
        for number, frame in source.json_lines():
            yield number - 1, frame, f"{source.name}, line {number}"
        return
    content = source.json
    if _is_frame(content):
        yield 0, content, source.name
        return
    if not isinstance(content, list):
        raise InvalidInput.at(source.name, "a list of frames")
    for number, frame in enumerate(content):
        yield number, _parsed(frame), f"{source.name}: [{number}]"


def _keypoints(person: object, where: str) -> Doubles:
    if not isinstance(person, dict) or not isinstance(person.get("keypoints"), dict):
        raise InvalidInput.at(where, "an object with keypoints, which has x and y")
    points = person["keypoints"]
    scores = points.get("visible") or [1.0] * len(points.get("x") or [])
    try:
        return np.array([points.get("x"), points.get("y"), scores], np.float64).T
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput.at(where, "as many numbers in x, y and visible") from None


def _sniff_labels(source: Source) -> bool:
    if source.is_folder:
        files = source.files_ending(".txt")
        first = next((file for file in files if file.size), None)
        return first is not None and _sniff_labels(first)
    if source.suffix != ".txt":
        return False
    line = next((line for line in source.head.split(b"\n") if line.strip()), b"")
    try:
        values = [float(value) for value in line.split()]
    except ValueError:
        return False
    return _layout(len(values)) is not None and all(-0.5 < value < 1.5 for value in values[1:_BOX])


def _layout(length: int) -> tuple[int, int] | None:
    """How many joints a label of so many numbers has, and numbers for each."""
    fitting = (
        layout for layout in _LAYOUTS if 0 <= length - _BOX - layout[0] * layout[1] <= _MOST_AFTER
    )
    return next(fitting, None)


def _read_labels(source: Source) -> Detections:
    files = source.files_ending(".txt") if source.is_folder else (source,)
    order = order_frames([file.name for file in files], source.name)
    labels = [
        (order.frames[file.name], values, where)
        for file in files
        for values, where in _labels(file)
    ]
    joints, size = _common_layout(labels, source.name)
    end = _BOX + joints * size
    is_tracked = _last_are_ids([values[end:] for _, values, _ in labels])
    rows = Rows()
    for frame, values, where in labels:
        rest = values[end:]
        track = rest[-1] if len(rest) == _MOST_AFTER or (rest and is_tracked) else None
        rows.add(frame, np.reshape(values[_BOX:end], (joints, size)), where, track)
    return rows.detections(by_count=BY_COUNT, name=source.name, coordinates="normalized")


def _labels(file: Source) -> Iterator[tuple[list[float], str]]:
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        where = f"{file.name}, line {number}"
        try:
            values = [float(value) for value in line.split()]
        except ValueError:
            raise InvalidInput.at(where, "numbers with spaces between") from None
        if values:
            yield values, where


def _common_layout(labels: Sequence[tuple[int, list[float], str]], name: str) -> tuple[int, int]:
    """The layout of all labels."""
    if not labels:
        raise InvalidInput.at(name, "at least one label")
    found = {where: _layout(len(values)) for _, values, where in labels}
    first = found[labels[0][2]]
    for where, layout in found.items():
        if layout is None or layout != first:
            expected = "a class, a box, and 17 joints with or without confidences, as in all labels"
            raise InvalidInput.at(where, expected)
    assert first is not None
    return first


def _last_are_ids(rests: Sequence[list[float]]) -> bool:
    """Whether single numbers after the joints are ids of tracks: whole, unlike confidences."""
    if any(len(rest) == _MOST_AFTER for rest in rests):
        return False
    singles = [rest[0] for rest in rests if rest]
    return bool(singles) and all(value >= 1 and value.is_integer() for value in singles)


ULTRALYTICS = Reader(
    name="ultralytics",
    reads="Ultralytics YOLO `to_json`, plain or normalised: a frame, frames, JSON lines, a folder",
    looks_for="JSON people with keypoints as arrays x and y",
    sniff=_sniff,
    read=_read,
)
ULTRALYTICS_LABELS = Reader(
    name="ultralytics-labels",
    reads="Ultralytics YOLO `save_txt`: a folder of labels, or one file; also `save_conf` and ids",
    looks_for="text files with a class, a box and 17 joints in a line, in shares of the image",
    sniff=_sniff_labels,
    read=_read_labels,
)
