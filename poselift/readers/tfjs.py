"""Poses of TensorFlow.js and MoveNet: objects with keypoints by name, or arrays of y, x, score."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from poselift.array_types import Floats
from poselift.errors import InvalidInput
from poselift.readers.detections import Detections, Rows, in_detected_coordinates
from poselift.readers.landmark_rows import LandmarkRow, landmark_detections
from poselift.readers.landmarks import people, some_landmark
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_JOINTS: Final = 17
_MULTIPOSE: Final = _JOINTS * 3 + 5
"""Of each of six people: joints, box and score."""
_BY_COUNT: Final = {_JOINTS: "coco17", 33: "mediapipe33"}
_LEAST_SCORE: Final = 0.1
"""Of a person in the output for six, which has all six whether they are there or not."""


def _sniff(source: Source) -> bool:
    content = source.sniffed_json
    return content is not None and (_tensors(content) is not None or _has_poses(content))


def _has_poses(content: object) -> bool:
    """Whether there are landmarks in objects, by name or in order, with a score and no id."""
    some = some_landmark(content)
    if "position" in some and "part" in some:
        return True
    return bool({"score", "name"} & set(some)) and not {"id", "visibility", "presence"} & set(some)


def _read(source: Source) -> Detections:
    tensors = _tensors(source.json)
    if tensors is not None:
        return _read_tensors(tensors, source.name)
    rows = [
        LandmarkRow(person.frame, person.joints, person.where, person.track, person.time_s)
        for person in people(source.json, source.name)
    ]
    return landmark_detections(rows, source.name, _BY_COUNT)


def _tensors(content: object) -> list[Any] | None:
    """The output of MoveNet for each frame, [1, 1, 17, 3] or [1, 6, 56]; None if it is none."""
    listed = content.get("frames") if isinstance(content, dict) else content
    if not isinstance(listed, list):
        return None
    some = next((each for each in listed if each is not None), None)
    return listed if _shape(some) in {(1, 1, _JOINTS, 3), (1, 6, _MULTIPOSE)} else None


def _shape(value: object) -> tuple[int, ...]:
    lengths: list[int] = []
    while isinstance(value, list) and len(lengths) < 5:
        lengths.append(len(value))
        value = value[0] if value else None
    return tuple(lengths)


def _read_tensors(tensors: list[Any], name: str) -> Detections:
    rows = Rows()
    for frame, tensor in enumerate(tensors):
        where = f"{name}, frame {frame}"
        if tensor is not None:
            for keypoints_J3 in _people(tensor, where):
                rows.add(frame, keypoints_J3[:, [1, 0, 2]], where)
    found = rows.detections("coco17", name=name)
    return in_detected_coordinates(found)


def _people(tensor: list[Any], where: str) -> Iterator[Floats]:
    """Each person's y, x and score."""
    try:
        array = np.array(tensor, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput.at(where, "numbers [1][1][17][3] or [1][6][56]") from None
    if array.shape == (1, 1, _JOINTS, 3):
        yield array[0, 0]
    elif array.shape == (1, 6, _MULTIPOSE):
        for person in array[0]:
            if person[-1] >= _LEAST_SCORE:
                yield person[: _JOINTS * 3].reshape(_JOINTS, 3)
    else:
        raise InvalidInput.at(where, f"[1][1][17][3] or [1][6][56], found {array.shape}")


TFJS = Reader(
    "tfjs",
    "TensorFlow.js, PoseNet and ml5 poses; MoveNet's arrays of y, x, score",
    "keypoints with x, y, score and name; arrays [1][1][17][3]",
    _sniff,
    _read,
)
