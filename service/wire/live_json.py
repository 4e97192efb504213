"""Live messages as JSON."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from poselift.card import Card
from poselift.errors import InvalidInput, PoseliftError
from poselift.imputation import QUALITY
from service.error_table import problem
from service.live.frames import Frame, FramePoses
from service.requests import SessionOptions
from service.wire.description import model_summary, skeleton
from service.wire.json_messages import DECIMALS, ERROR_DECIMALS, parsed
from service.wire.keypoints import keypoint_array
from service.wire.live_messages import (
    Close,
    FrameBatch,
    LiveCodec,
    Message,
    check_frame,
    check_frame_count,
    frame_of,
    people_of,
)
from service.wire.options import session_options, unknown_field

_KINDS = "one of open, frame, close"


def _decode(body: bytes, joints: int) -> Message:
    """A stream's message: an object with one of ``open``, ``frame`` and ``close``."""
    fields = parsed(body)
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


def _decode_open(body: bytes) -> SessionOptions:
    fields = parsed(body)
    if type(fields) is not dict:
        raise InvalidInput.at("body", "a JSON object")
    return session_options(fields)


def _decode_frames(body: bytes, joints: int) -> FrameBatch:
    fields = parsed(body)
    if type(fields) is not dict:
        raise InvalidInput.at("body", "a JSON object")
    frames, flush = fields.pop("frames", []), fields.pop("flush", False)
    for name in fields:
        raise unknown_field(name)
    if type(flush) is not bool:
        raise InvalidInput.at("flush", "true or false")
    if type(frames) is not list or not (frames or flush):
        raise InvalidInput.at("frames", "a list of at least one frame, or flush")
    check_frame_count(len(frames))
    read = (_frame(frame, joints, f"frames[{number}]") for number, frame in enumerate(frames))
    return FrameBatch(tuple(read), flush)


def _frame(fields: object, joints: int, where: str) -> Frame:
    if type(fields) is not dict:
        raise InvalidInput.at(where, "an object with index and people")
    for name in fields:
        if name not in {"index", "people"}:
            raise unknown_field(f"{where}.{name}")
    index, people = fields.get("index"), fields.get("people")
    if type(index) is not int:
        raise InvalidInput.at(f"{where}.index", "a whole number from 0")
    if type(people) is not list:
        raise InvalidInput.at(f"{where}.people", "a list of people, which may be empty")
    check_frame(index, len(people), where)
    return frame_of(index, _people(people, joints, f"{where}.people"), f"{where}.people")


def _people(
    people: list[Any], joints: int, where: str
) -> Iterator[tuple[str, NDArray[np.float32] | InvalidInput]]:
    for number, person in enumerate(people):
        yield _person(person, joints, f"{where}[{number}]")


def _person(
    fields: object, joints: int, where: str
) -> tuple[str, NDArray[np.float32] | InvalidInput]:
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
    if keypoints is None:
        return track_id, np.zeros((joints, 3), np.float32)
    try:
        return track_id, keypoint_array([keypoints], joints, f"{where}.keypoints")[0]
    except InvalidInput as error:
        return track_id, error


def _encode_opened(session_id: str, card: Card, axes: str, next_index: int) -> bytes:
    return orjson.dumps({"opened": _opened(session_id, card, axes, next_index)})


def _encode_session(session_id: str, card: Card, axes: str, next_index: int) -> bytes:
    return orjson.dumps(_opened(session_id, card, axes, next_index))


def _opened(session_id: str, card: Card, axes: str, next_index: int) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "next_index": next_index,
        "model": model_summary(card),
        "skeleton": skeleton(card),
        "units": card.units,
        "axes": axes,
    }


def _encode_pose(answer: FramePoses) -> bytes:
    return orjson.dumps({"pose": _pose(answer)}, option=orjson.OPT_SERIALIZE_NUMPY)


def _encode_frames(answers: Iterable[FramePoses], next_index: int) -> bytes:
    content = {"frames": [_pose(answer) for answer in answers], "next_index": next_index}
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def _pose(answer: FramePoses) -> dict[str, Any]:
    people = []
    for person in people_of(answer):
        found: dict[str, Any] = {
            "track_id": person.track_id,
            "pose": _rounded(person.pose_K3),
            "trajectory": _rounded(person.trajectory_3),
            "expected_errors": _rounded(person.expected_errors_K, ERROR_DECIMALS),
            "quality": QUALITY[person.quality],
        }
        if person.problem is not None:
            found["problem"] = person.problem
        people.append(found)
    content: dict[str, Any] = {"index": answer.index, "people": people}
    if not answer.is_durable:
        content["durable"] = False
    return content


def _rounded(
    values: NDArray[np.float32] | None, decimals: int = DECIMALS
) -> NDArray[np.float64] | None:
    if values is None:
        return None
    wide = values.astype(np.float64)
    return wide.round(decimals)


def _encode_refusal(index: int, error: PoseliftError, next_index: int) -> bytes:
    refused = {"index": index, "people": [], "next_index": next_index, "problem": problem(error)}
    return orjson.dumps({"pose": refused})


def _encode_notice(session_id: str, error: PoseliftError, next_index: int) -> bytes:
    content = {"session_id": session_id, "next_index": next_index, "problem": problem(error)}
    return orjson.dumps({"notice": content})


LIVE_JSON: Final = LiveCodec(
    media_type="application/json",
    subprotocol="poselift.v1.json",
    is_text=True,
    decode=_decode,
    decode_open=_decode_open,
    decode_frames=_decode_frames,
    encode_opened=_encode_opened,
    encode_session=_encode_session,
    encode_pose=_encode_pose,
    encode_frames=_encode_frames,
    encode_refusal=_encode_refusal,
    encode_notice=_encode_notice,
)
