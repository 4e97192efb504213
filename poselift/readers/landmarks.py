"""Landmarks as JSON objects and lists, however frames and people are wrapped around them.

A landmark is ``{"x", "y"}`` with a score, an id or a name or without, ``[x, y]``, ``[x, y, z]`` or
``[x, y, z, visibility]``. Landmarks of a person are a list, or an object by joint. People of a
frame and frames of a video are lists, or objects that hold them under one of several names.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeGuard

from poselift.errors import InvalidInput
from poselift.readers.detections import Landmark

HOLDERS = ("landmarks", "poseLandmarks", "pose_landmarks", "landmark", "keypoints", "pose", "poses")
"""What people or landmarks stand under in a frame."""
WORLD = ("worldLandmarks", "poseWorldLandmarks", "pose_world_landmarks", "world_landmarks")
OF_MEDIAPIPE = {"visibility", "presence", "z"}
"""What no other detector's landmarks have."""
_PEOPLE = ("people", "persons")
_BESIDE = (*WORLD, "segmentationMasks", "segmentation_masks")
"""What MediaPipe's tasks give beside landmarks."""
_MOST_PEOPLE = 20
"""In one image; longer lists are of frames."""
_WRAPPERS = ("frames", "data", "results", *_PEOPLE, *HOLDERS)
_FRAME = ("frame", "frame_id", "frame_number", "frameNumber", "frame_index", "frameIndex")
_TIMES = {"timestamp_ms": 1e-3, "timestampMs": 1e-3, "time_ms": 1e-3, "timestamp_s": 1.0}
_TRACKS = ("track_id", "person_id", "trackId", "personId", "person")
_SCORES = ("visibility", "score", "confidence", "presence", "likelihood", "conf")
_NAMES = ("name", "part", "joint", "label", "landmark", "landmark_name", "bodyPart")
_NUMBERS = ("id", "index", "landmark_id", "landmark_index", "idx")
_DEEPEST = 6
_LARGEST = 2**63
_FEWEST_NUMBERED = 5
"""Places whose x may not be their number by chance."""
_SNIFFED = 100_000
"""Frames that a file may begin with before anyone is in them."""
_OF_REQUESTS = {"clips", "keypoint_format"}
"""Lift requests have keypoints too, and a reader of their own."""
_NUMBERED = re.compile(
    r"(?:frame|landmark|joint|keypoint|kp|lm|pose)?[ _-]*(\d{1,18})", re.IGNORECASE
)


@dataclass(frozen=True)
class Person:
    """One person in one frame.

    Attributes:
        frame: the frame's number, as the file tells it or by counting.
        track: who it is, where the file tells.
        time_s: when it was, where the file tells.
        joints: landmarks by the joint's number, or by its name.
        fields: the names that the landmarks' values have in the file; none of lists.
        listed: how many landmarks are told by their places in a list; 0 if none is.
        where: the place in the file.
    """

    frame: int
    track: str | None
    time_s: float | None
    joints: dict[int | str, Landmark]
    fields: frozenset[str]
    listed: int
    where: str


def people(content: object, where: str) -> Iterator[Person]:
    """Every person of every frame.

    Raises:
        InvalidInput: something is no frame, person or landmark, or is either frames or people.
    """
    _refuse_frames_or_people(content, where)
    for place, (number, frame) in enumerate(frames(content)):
        at = f"{where}, frame {place}"
        own = frame if isinstance(frame, dict) else {}
        count = _first(own, _FRAME)
        known = number if count is None else _whole(count, at)
        for track, given in _people_of(frame, at):
            landmarks = _without_numbers(given)
            joints, fields = _joints(landmarks, at)
            told = _first(own, _TRACKS) if track is None else track
            name = None if told is None else str(told)
            yield Person(known, name, _time(own), joints, fields, _listed(landmarks), at)


def frames(content: object) -> Iterator[tuple[int, object]]:
    """The frames and their numbers, by counting or by the names of an object's values."""
    content, holder = _unwrapped(content)
    if holder in _PEOPLE and isinstance(content, list) and not any(map(_tells_frame, content)):
        yield 0, content
    elif isinstance(content, dict) and not _is_frame(content):
        yield from _by_number(content)
    elif isinstance(content, list) and content and _is_row(content[0]):
        yield from _rows(content)
    elif isinstance(content, list) and not _is_landmarks(content):
        yield from enumerate(content)
    else:
        yield 0, content


def _by_number(content: Mapping[str, Any]) -> Iterator[tuple[int, object]]:
    """The frames of an object by the numbers in their names, in order."""
    names: dict[int, str] = {}
    for name in content:
        first = names.setdefault(_number(name), name)
        if first != name:
            expected = f"one of each number, found {first[:40]!r} and {name[:40]!r}"
            raise InvalidInput.at("frames", expected)
    for number in sorted(names):
        yield number, content[names[number]]


def is_landmark(value: object) -> bool:
    """Whether this is x and y, by name or in a list."""
    if isinstance(value, dict):
        place = value.get("position", value)
        return isinstance(place, dict) and all(_is_coordinate(place.get(axis, "")) for axis in "xy")
    return isinstance(value, list) and 2 <= len(value) <= 5 and all(map(_is_coordinate, value))


def some_frames(content: object, most: int = 100) -> list[object]:
    """The first frames, none if this is no content of frames; for sniffing."""
    if isinstance(content, dict) and _OF_REQUESTS & set(content):
        return []
    try:
        return [frame for _, frame in islice(frames(content), most)]
    except InvalidInput:
        return []


def some_person(content: object) -> object:
    """The landmarks of the first person, as they stand in the file, or None."""
    try:
        for frame in some_frames(content, _SNIFFED):
            for _, landmarks in _people_of(frame, ""):
                return landmarks
    except InvalidInput:
        return None
    return None


def some_landmark(content: object) -> dict[str, Any]:
    """The first landmark, if landmarks are objects in a list; else an empty object."""
    person = some_person(content)
    if not isinstance(person, list):
        return {}
    return next((each for each in person if isinstance(each, dict)), {})


def has_world_only(content: object) -> bool:
    """Whether frames have world landmarks, which are in metres, and no others."""
    some = [frame for frame in some_frames(content) if isinstance(frame, dict)]
    return any(_first(frame, WORLD) for frame in some) and not any(
        _first(frame, HOLDERS) for frame in some
    )


def _unwrapped(content: object) -> tuple[object, str | None]:
    """What an object around all frames holds, and under which name."""
    holder = None
    while isinstance(content, dict) and not _is_by_joint(content):
        if _tells_frame(content) or _is_one_result(content):
            break
        name = next(
            (each for each in _WRAPPERS if isinstance(content.get(each), list | dict)), None
        )
        if name is None:
            break
        content, holder = content[name], name
    return content, holder


def _tells_frame(content: object) -> bool:
    return isinstance(content, dict) and any(name in content for name in (*_FRAME, *_TIMES))


def _is_one_result(content: Mapping[str, Any]) -> bool:
    """Whether this is what MediaPipe's tasks give for one image: lists of its people."""
    held = _first(content, HOLDERS)
    is_result = any(name in content for name in _BESIDE)
    return is_result and isinstance(held, list) and len(held) <= _MOST_PEOPLE


def _refuse_frames_or_people(content: object, where: str) -> None:
    """Refuse a few lists of landmarks in one object, which could be either.

    Raises:
        InvalidInput: saying how to write which.
    """
    held, holder = _unwrapped(content)
    if holder not in HOLDERS or not isinstance(held, list) or not 2 <= len(held) <= _MOST_PEOPLE:
        return
    if not any(
        is_landmark(each)
        or _tells_frame(each)
        or (isinstance(each, dict) and _first(each, _TRACKS) is not None)
        for each in held
    ):
        raise InvalidInput.at(
            where,
            f"frames or people; {holder!r} with {len(held)} lists of landmarks may be either: "
            'write {"frames": […]} or {"people": […]} around them',
        )


def _is_frame(content: Mapping[str, Any]) -> bool:
    return _is_by_joint(content) or any(
        name in content for name in (*HOLDERS, *WORLD, *_FRAME, "people")
    )


def _is_by_joint(content: Mapping[str, Any]) -> bool:
    """Whether an object's values are landmarks, more than the fields of one."""
    return len(content) >= 5 and all(
        is_landmark(value) for value in content.values() if value is not None
    )


def _is_landmarks(content: list[Any]) -> bool:
    some = next((each for each in content if each is not None), None)
    return is_landmark(some)


def _is_row(value: object) -> bool:
    """Whether this is a landmark that tells its frame, as a row of a table does."""
    return isinstance(value, dict) and is_landmark(value) and _first(value, _FRAME) is not None


def _rows(content: list[Any]) -> Iterator[tuple[int, object]]:
    """Rows of a table by their frames and people."""
    grouped: dict[int, dict[str | None, list[Any]]] = {}
    for row in content:
        if not _is_row(row):
            raise InvalidInput.at("rows", "x, y and a frame in each")
        number = _whole(_first(row, _FRAME), "rows")
        track = _first(row, _TRACKS)
        who = None if track is None else str(track)
        grouped.setdefault(number, {}).setdefault(who, []).append(row)
    for number in sorted(grouped):
        tracks = grouped[number]
        persons = [{"track_id": who, "landmarks": rows} for who, rows in tracks.items()]
        yield number, {"frame": number, "people": persons}


def _people_of(
    frame: object, where: str, depth: int = 0
) -> Iterator[tuple[object, list[Any] | dict[str, Any]]]:
    """Who, where told, and their landmarks."""
    if depth > _DEEPEST:
        raise InvalidInput.at(where, "landmarks in people in frames, found lists nested deeper")
    if isinstance(frame, dict) and not _is_by_joint(frame):
        held = _first(frame, (*_PEOPLE, *HOLDERS))
        for track, landmarks in _people_of(held, where, depth + 1):
            yield (_first(frame, _TRACKS) if track is None else track), landmarks
    elif isinstance(frame, dict):
        yield None, frame
    elif isinstance(frame, list):
        if _is_landmarks(frame):
            yield None, frame
        else:
            for person in frame:
                yield from _people_of(person, where, depth + 1)
    elif frame is not None:
        raise InvalidInput.at(where, f"landmarks of people, found {type(frame).__name__}")


def _listed(landmarks: list[Any] | dict[str, Any]) -> int:
    """How many landmarks are told by their places in a list."""
    if isinstance(landmarks, dict):
        return 0
    told = (isinstance(each, dict) and _first(each, (*_NAMES, *_NUMBERS)) for each in landmarks)
    return 0 if any(each is not False and each is not None for each in told) else len(landmarks)


def _without_numbers(landmarks: list[Any] | dict[str, Any]) -> list[Any] | dict[str, Any]:
    """The same without the numbers before x and y in [[0, x, y], [1, x, y], …]."""
    if isinstance(landmarks, dict) or len(landmarks) < _FEWEST_NUMBERED:
        return landmarks
    for place, landmark in enumerate(landmarks):
        if not isinstance(landmark, list) or len(landmark) < 3 or landmark[0] != place:
            return landmarks
    return [landmark[1:] for landmark in landmarks]


def _joints(
    landmarks: list[Any] | dict[str, Any], where: str
) -> tuple[dict[int | str, Landmark], frozenset[str]]:
    named = landmarks.items() if isinstance(landmarks, dict) else enumerate(landmarks)
    joints: dict[int | str, Landmark] = {}
    fields: set[str] = set()
    for place, value in named:
        at = f"{where}, landmark {place!r}"
        if value is None:
            continue
        if not is_landmark(value):
            raise InvalidInput.at(at, "x and y, in an object or a list")
        joint = _joint(value, place)
        if joint in joints:
            raise InvalidInput.at(at, f"each joint once; {joint!r} is there twice")
        joints[joint] = _landmark(value, at)
        if isinstance(value, dict):
            fields.update(value)
    return joints, frozenset(fields)


def _joint(value: dict[str, Any] | list[Any], place: int | str) -> int | str:
    """A landmark's joint: by its name, by its number, or by its place."""
    if isinstance(value, dict):
        told = _first(value, _NAMES)
        told = _first(value, _NUMBERS) if told is None else told
        place = told if isinstance(told, int | str) else place
    if isinstance(place, str):
        match = _NUMBERED.fullmatch(place)
        return int(match.group(1)) if match else place
    return place


def _landmark(value: dict[str, Any] | list[Any], where: str) -> Landmark:
    if isinstance(value, list):
        x, y, score = value[0], value[1], value[3] if len(value) > 3 else 1.0
    else:
        place = value.get("position", value)
        x, y, score = place["x"], place["y"], _first(value, _SCORES)
    score = 1.0 if score is None else score
    if not _is_coordinate(score):
        raise InvalidInput.at(where, f"a number as score, found {str(score)[:40]!r}")
    if x is None or y is None or not math.isfinite(x + y + score):
        return 0.0, 0.0, 0.0
    return float(x), float(y), float(score)


def _is_coordinate(value: object) -> bool:
    return value is None or _is_number(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether this is a number, and no integer beyond those of computers."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < _LARGEST
    return isinstance(value, float)


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401
    """The first of these values that an object has."""
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _whole(value: object, where: str) -> int:
    if isinstance(value, str):
        return _number(value)
    if not _is_number(value) or not math.isfinite(value) or value != int(value):
        raise InvalidInput.at(where, f"a frame's number, found {str(value)[:40]!r}")
    return int(value)


def _number(name: str) -> int:
    match = _NUMBERED.fullmatch(name)
    if match is None:
        raise InvalidInput.at("frames", f"numbers as names of frames, found {name[:40]!r}")
    return int(match.group(1))


def _time(frame: Mapping[str, Any]) -> float | None:
    for name, seconds in _TIMES.items():
        value = frame.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and not _is_number(value):
            raise InvalidInput.at(name, "a time, found an integer beyond those of computers")
        if _is_number(value) and math.isfinite(value):
            return float(value) * seconds
    return None
