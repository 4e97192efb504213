"""The service's own lift requests, in JSON and in protobuf."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeGuard

import numpy as np

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.readers.detections import Detections, Rows
from poselift.readers.protobuf_requests import request_fields
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_FORM: Final = (
    "a list of clips, with the keypoints inside: "
    '{"image_size": [1920, 1080], "clips": [{"keypoints": [...]}]}'
)
_NOT_JSON: Final = "JSON; {} is not JSON: send null for a joint that is missing"
_OPTIONS: Final = frozenset(
    (
        *("model", "camera", "min_score", "axes", "person_height_m", "smoothing_s"),
        *("flip_augmentation", "constant_bone_lengths", "ground_contact"),
    )
)
_KNOWN: Final = frozenset(("image_size", "fps", "keypoint_format", "coordinates", "clips"))
_OF_CLIPS: Final = frozenset(("id", "keypoints", "first_frame", "timestamps_s"))
_PROTOBUF: Final = (".pb", ".protobuf", ".binpb")
_LARGEST: Final = 1e300
_MISSING: Final = [math.nan, math.nan, 0.0]


def _sniff(source: Source) -> bool:
    content = source.sniffed_json
    if isinstance(content, dict):
        return "clips" in content or (
            "keypoints" in content and bool({"image_size", "keypoint_format"} & set(content))
        )
    return source.suffix in _PROTOBUF


def _read(source: Source) -> Detections:
    if source.suffix in _PROTOBUF:
        return _detections(request_fields(source), source.name)
    return _detections(_strict_json(source), source.name)


def _strict_json(source: Source) -> dict[str, Any]:
    """The request; unlike detectors, it says what is missing by null.

    Raises:
        InvalidInput: it is no JSON object, or has NaN or Infinity.
    """

    def refuse(name: str) -> NoReturn:
        raise InvalidInput.at(source.name, _NOT_JSON.format(name))

    try:
        fields = json.loads(source.read_text(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput.at(source.name, f"JSON: {error}") from None
    if not isinstance(fields, dict):
        raise InvalidInput.at(source.name, "a lift request, which is a JSON object")
    return fields


def _detections(fields: Mapping[str, Any], name: str) -> Detections:
    clips = fields.get("clips")
    if clips is None:
        raise InvalidInput.at("clips", _FORM)
    _refuse_unknown(fields, _KNOWN | _OPTIONS, "")
    if not isinstance(clips, list) or not clips:
        raise InvalidInput.at("clips", "a list of at least one clip")
    keypoint_format = fields.get("keypoint_format") or "coco17"
    if not isinstance(keypoint_format, str) or keypoint_format not in FORMATS:
        expected = f"one of {', '.join(FORMATS)}, found {str(keypoint_format)[:100]!r}"
        raise InvalidInput.at("keypoint_format", expected)
    rows = Rows()
    _refuse_same_ids(clips)
    for index, clip in enumerate(clips):
        _add_clip(rows, clip, index, len(FORMATS[keypoint_format].joints))
    return rows.detections(
        keypoint_format,
        name=name,
        coordinates=_coordinates(fields.get("coordinates")),
        image_size=_image_size(fields.get("image_size")),
        fps=_fps(fields.get("fps")),
        options={name: v for name, v in fields.items() if name in _OPTIONS and v is not None},
    )


def _refuse_same_ids(clips: list[Any]) -> None:
    """Refuse two clips of one id, which would be read as one person."""
    first: dict[str, int] = {}
    for index, clip in enumerate(clips):
        if isinstance(clip, dict) and first.setdefault(name := _id(clip, index), index) != index:
            expected = f"another id than clips[{first[name]}], found {name[:100]!r}"
            raise InvalidInput.at(f"clips[{index}].id", expected)


def _add_clip(rows: Rows, clip: object, index: int, joints: int) -> None:
    where = f"clips[{index}]"
    if not isinstance(clip, dict):
        raise InvalidInput.at(where, "an object with keypoints")
    _refuse_unknown(clip, _OF_CLIPS, f"{where}.")
    frames, first = clip.get("keypoints"), clip.get("first_frame") or 0
    if not isinstance(frames, list | np.ndarray) or not len(frames):
        raise InvalidInput.at(f"{where}.keypoints", "a list of at least one frame")
    if isinstance(first, bool) or not isinstance(first, int):
        raise InvalidInput.at(f"{where}.first_frame", "a whole number from 0")
    times = _times(clip.get("timestamps_s"), len(frames), where)
    for place, frame in enumerate(frames):
        at = f"{where}.keypoints[{place}]"
        if frame is not None and not isinstance(frame, list | np.ndarray):
            raise InvalidInput.at(at, f"{joints} joints, or null; found {type(frame).__name__}")
        if frame is not None and len(frame):
            keypoints = _frame(frame, joints, at)
            rows.add(
                first + place, keypoints, at, _id(clip, index), times[place] if times else None
            )


def _frame(frame: object, joints: int, where: str) -> Any:  # noqa: ANN401 - checked by Rows
    if isinstance(frame, np.ndarray):
        return frame
    if not isinstance(frame, list) or len(frame) != joints:
        found = len(frame) if isinstance(frame, list) else type(frame).__name__
        raise InvalidInput.at(where, f"{joints} joints, found {found}")
    return [_joint(joint, f"{where}[{place}]") for place, joint in enumerate(frame)]


def _joint(joint: object, where: str) -> list[Any]:
    if joint is None:
        return _MISSING
    if not isinstance(joint, list) or len(joint) not in {2, 3}:
        raise InvalidInput.at(where, "[x, y] or [x, y, score] in numbers, or null")
    if None in joint[:2]:
        return _MISSING
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in joint):
        raise InvalidInput.at(where, "[x, y] or [x, y, score] in numbers, or null")
    return [*joint, 1.0] if len(joint) == 2 else joint


def _id(clip: Mapping[str, Any], index: int) -> str:
    told = clip.get("id")
    if told is not None and not isinstance(told, str | int):
        raise InvalidInput.at(f"clips[{index}].id", "a text")
    return str(index) if told in (None, "") else str(told)


def _times(times: object, frames: int, where: str) -> list[float] | None:
    if times is None:
        return None
    if not _are_numbers(times) or len(times) != frames:
        raise InvalidInput.at(f"{where}.timestamps_s", f"{frames} numbers, in seconds")
    return times


def _are_numbers(values: object) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < _LARGEST for v in values
    )


def _image_size(size: object) -> tuple[float, float] | None:
    if size is None:
        return None
    if not isinstance(size, list) or not _are_numbers(size) or len(size) != 2:
        raise InvalidInput.at("image_size", "[width, height] in pixels")
    return float(size[0]), float(size[1])


def _fps(fps: object) -> float | None:
    if fps is not None and not _are_numbers([fps]):
        raise InvalidInput.at("fps", "a number")
    return None if fps is None else float(fps)  # type: ignore[arg-type]


def _coordinates(told: object) -> Any:  # noqa: ANN401 - one of the names
    if told not in (None, "pixels", "normalized"):
        raise InvalidInput.at("coordinates", f"pixels or normalized, found {str(told)[:40]!r}")
    return told or "pixels"


def _refuse_unknown(fields: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in fields:
        if name not in known:
            raise InvalidInput.at(f"{where}{str(name)[:100]}", "no field of this name")


LIFT_REQUEST = Reader(
    "lift-request",
    "lift requests of poselift's own service, in JSON or protobuf",
    "an object with clips",
    _sniff,
    _read,
)
