"""MediaPipe's pose landmarks in JSON, in any of the wrappings that people save them in."""

from typing import Final

import numpy as np

from poselift.array_types import Floats
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.readers.detections import Detections
from poselift.readers.landmark_rows import LandmarkRow, landmark_detections
from poselift.readers.landmarks import OF_MEDIAPIPE, has_world_only, people, some_person
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_JOINTS: Final = 33
_LISTS: Final = {0, 25, _JOINTS}
"""Lengths of lists; MediaPipe's old model of the upper body has the first 25."""
_HIPS: Final = [FORMATS["mediapipe33"].joints.index(f"{side}_hip") for side in ("left", "right")]
_AT_ORIGIN: Final = 0.02
"""World landmarks have their origin between the hips; metres."""
WORLD: Final = (
    "2D landmarks, from 0 to 1 over the image; these are world landmarks, 3D positions in metres "
    "around the hips, and what is lifted is 2D: save pose_landmarks too"
)


def refuse_world(keypoints_NJ3: Floats, where: str) -> None:
    """Refuse mediapipe33 keypoints whose hips are around the origin in all frames.

    Raises:
        InvalidInput: they are world landmarks.
    """
    hips_N23 = keypoints_NJ3[:, _HIPS]
    hips_N2 = hips_N23[(hips_N23[..., 2] > 0).all(axis=1)][..., :2].mean(axis=1)
    if len(hips_N2) and np.median(np.abs(hips_N2).max(axis=1)) < _AT_ORIGIN:
        raise InvalidInput.at(where, WORLD)


def _sniff(source: Source) -> bool:
    content = source.sniffed_json
    if content is None:
        return False
    return has_world_only(content) or _is_mediapipe(some_person(content))


def _is_mediapipe(person: object) -> bool:
    """Whether landmarks are 33, or those of fewer have what MediaPipe alone writes."""
    if isinstance(person, dict):
        values = [value for value in person.values() if value is not None]
    elif isinstance(person, list):
        values = [value for value in person if value is not None]
    else:
        return False
    if len(values) == 0 or any(isinstance(v, dict) and "position" in v for v in values):
        return False
    if isinstance(values[0], list):
        return len(values) == _JOINTS
    return bool(OF_MEDIAPIPE & set(values[0])) and "score" not in values[0]


def _read(source: Source) -> Detections:
    content = source.json
    if has_world_only(content):
        raise InvalidInput.at(source.name, WORLD)
    rows = []
    for person in people(content, source.name):
        if person.listed not in _LISTS:
            expected = f"{_JOINTS} landmarks, or fewer with their names or ids"
            raise InvalidInput.at(person.where, f"{expected}; found {person.listed}")
        rows.append(
            LandmarkRow(person.frame, person.joints, person.where, person.track, person.time_s)
        )
    found = landmark_detections(rows, source.name, {_JOINTS: "mediapipe33"})
    if found.keypoint_format == "mediapipe33":
        refuse_world(found.keypoints_NJ3, source.name)
    return found


MEDIAPIPE = Reader(
    "mediapipe",
    "MediaPipe pose landmarks in JSON: lists, objects by joint, tasks results, with timestamps",
    "33 landmarks, or landmarks with visibility or z",
    _sniff,
    _read,
)
