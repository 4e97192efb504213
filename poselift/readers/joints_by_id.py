"""Joints in objects with an id each, some of which may be left out: {"id", "x", "y", …}."""

from typing import Final

from poselift.readers.detections import Detections
from poselift.readers.landmark_rows import LandmarkRow, landmark_detections
from poselift.readers.landmarks import OF_MEDIAPIPE, people, some_landmark
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_BY_COUNT: Final = {
    17: "coco17",
    18: "openpose_coco18",
    25: "openpose_body25",
    26: "halpe26",
    33: "mediapipe33",
    133: "wholebody133",
}


def _sniff(source: Source) -> bool:
    some = some_landmark(source.sniffed_json)
    return "id" in some and not OF_MEDIAPIPE & set(some)


def _read(source: Source) -> Detections:
    rows = [
        LandmarkRow(person.frame, person.joints, person.where, person.track, person.time_s)
        for person in people(source.json, source.name)
    ]
    return landmark_detections(rows, source.name, _BY_COUNT)


JOINTS_BY_ID = Reader(
    "joints-by-id",
    "joints as objects with id, x, y and a confidence, some left out",
    "keypoints with id, x and y",
    _sniff,
    _read,
)
