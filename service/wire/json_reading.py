"""Messages read from JSON."""

import json
import re
from typing import Any, NoReturn

import numpy as np
import orjson

from poselift.errors import InvalidInput
from service.live.frames import Frame
from service.request_errors import Unreadable
from service.requests import Clip, LiftRequest, SessionOptions
from service.validation import Limits, check_limit
from service.wire.keypoint_lists import are_numbers, keypoint_array
from service.wire.options import clip_id, lift_options, session_options, unknown_field
from service.wire.stream_messages import Close, FrameBatch, Message, PersonRead, frame_of

_KINDS = "one of open, frame, close"
_CLIP_FIELDS = {"id", "keypoints", "first_frame", "timestamps_s"}
_FORM = (
    "a list of clips, with the keypoints inside: "
    '{"image_size": [1920, 1080], "clips": [{"keypoints": [...]}]}'
)
_CONSTANT = re.compile(rb"(?<![\w\"])-?(NaN|Infinity)(?![\w\"])")


class JsonReader:
    """The reading half of ``JsonFormat``."""

    def decode_lift_request(self, body: bytes, limits: Limits) -> LiftRequest:
        """Read a lift request."""
        fields = _object(body)
        clips = fields.pop("clips", None)
        if clips is None and "keypoints" in fields:
            raise InvalidInput.at("clips", _FORM)
        options = lift_options(fields)
        joints = options.joint_count()
        if type(clips) is not list or not clips:
            raise InvalidInput.at("clips", "a list of at least one clip")
        check_limit("clips", len(clips), limits.max_clips_per_request)
        check_limit("frames", sum(map(_frame_count, clips)), limits.max_frames_sent)
        read = (_clip(clip, index, joints) for index, clip in enumerate(clips))
        return LiftRequest(options, tuple(read))

    def decode_open(self, body: bytes) -> SessionOptions:
        """Read the fields of ``SessionOptions``."""
        return session_options(_object(body))

    def decode_frames(self, body: bytes, joints: int) -> FrameBatch:
        """Read an object with ``frames`` and ``flush``, either of which may be absent."""
        fields = _object(body)
        frames, flush = fields.pop("frames", []), fields.pop("flush", False)
        for name in fields:
            raise unknown_field(name)
        if type(flush) is not bool:
            raise InvalidInput.at("flush", "true or false")
        if type(frames) is not list:
            raise InvalidInput.at("frames", "a list of frames")
        read = (_frame(frame, joints, f"frames[{number}]") for number, frame in enumerate(frames))
        return FrameBatch.of(len(frames), read, flush)

    def decode_stream_message(self, body: bytes, joints: int) -> Message:
        """Read an object with one of ``open``, ``frame`` and ``close``."""
        fields = _parsed(body)
        if type(fields) is not dict or len(fields) != 1:
            raise InvalidInput.at("body", f"a JSON object with {_KINDS}")
        ((kind, content),) = fields.items()
        if kind == "frame":
            return _frame(content, joints, "frame")
        if type(content) is not dict:
            raise InvalidInput.at(str(kind)[:100], "an object")
        if kind == "open":
            return session_options(content)
        if kind == "close":
            return Close()
        raise InvalidInput.at("body", _KINDS)


def _object(body: bytes) -> dict[str, Any]:
    fields = _parsed(body)
    if type(fields) is not dict:
        raise InvalidInput.at("body", "a JSON object")
    return fields


def _parsed(body: bytes) -> object:
    """What a JSON text holds.

    Raises:
        Unreadable: it is not JSON in UTF-8.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "infinity" in error.msg:
            return _parse_beyond_double(body)
        raise Unreadable(f"the body is not JSON in UTF-8: {_reason(body, error)}") from None


def _reason(body: bytes, error: orjson.JSONDecodeError) -> str:
    constant = _CONSTANT.search(body)
    if constant is None:
        return str(error)
    name = constant.group().decode()
    return f"{name} at byte {constant.start()} is not JSON: send null for a joint that is missing"


def _parse_beyond_double(body: bytes) -> object:
    """Parse JSON with numbers beyond double, which become infinite, so that they get a place."""
    try:
        parsed = json.loads(body, parse_int=float, parse_constant=_refuse_constant)
        orjson.dumps(parsed)  # which is stricter about text and nesting than the other parser
    except (ValueError, TypeError, RecursionError):
        raise Unreadable("the body is not JSON in UTF-8") from None
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _frame_count(clip: object) -> int:
    keypoints = clip.get("keypoints") if type(clip) is dict else None
    return len(keypoints) if type(keypoints) is list else 0


def _clip(fields: object, index: int, joints: int) -> Clip:
    where = f"clips[{index}]"
    if type(fields) is not dict:
        raise InvalidInput.at(where, "an object with keypoints")
    for name in fields:
        if name not in _CLIP_FIELDS:
            raise unknown_field(f"{where}.{name}")
    name = "" if fields.get("id") is None else fields["id"]
    if type(name) is not str:
        raise InvalidInput.at(f"{where}.id", "a string")
    keypoints_TJ3 = keypoint_array(fields.get("keypoints"), joints, f"{where}.keypoints")
    first_frame, times = fields.get("first_frame"), fields.get("timestamps_s")
    if first_frame is not None and type(first_frame) is not int:
        raise InvalidInput.at(f"{where}.first_frame", "a whole number from 0")
    if times is not None and (type(times) is not list or not are_numbers(times)):
        raise InvalidInput.at(f"{where}.timestamps_s", "a list of numbers, in seconds")
    timestamps_s = None if times is None else np.array(times, np.float64)
    return Clip(clip_id(name, index), keypoints_TJ3, first_frame or 0, timestamps_s)


def _frame(fields: object, joints: int, where: str) -> Frame:
    if type(fields) is not dict:
        raise InvalidInput.at(where, "an object with index and people")
    for name in fields:
        if name not in {"index", "people", "timestamp_s"}:
            raise unknown_field(f"{where}.{name}")
    index, people = fields.get("index"), fields.get("people")
    time = fields.get("timestamp_s")
    if time is not None and not are_numbers([time]):
        raise InvalidInput.at(f"{where}.timestamp_s", "a number, in seconds")
    if type(index) is not int:
        raise InvalidInput.at(f"{where}.index", "a whole number from 0")
    if type(people) is not list:
        raise InvalidInput.at(f"{where}.people", "a list of people, which may be empty")
    read = (_person(each, joints, f"{where}.people[{i}]") for i, each in enumerate(people))
    return frame_of(index, len(people), read, where, None if time is None else float(time))


def _person(fields: object, joints: int, where: str) -> PersonRead:
    if type(fields) is not dict:
        return "", InvalidInput.at(where, "an object with track_id and keypoints")
    track_id = fields.get("track_id", "")
    if type(track_id) is not str:
        # Trackers count people: 7 and "7" are the same track.
        if type(track_id) is not int:
            return "", InvalidInput.at(f"{where}.track_id", "a string or a whole number")
        track_id = str(track_id)
    for name in fields:
        if name not in {"track_id", "keypoints"}:
            return track_id, unknown_field(f"{where}.{name}")
    keypoints = fields.get("keypoints")
    if keypoints is None or keypoints == []:
        return track_id, np.zeros((joints, 3), np.float32)
    try:
        return track_id, keypoint_array([keypoints], joints, f"{where}.keypoints")[0]
    except InvalidInput as error:
        return track_id, error
