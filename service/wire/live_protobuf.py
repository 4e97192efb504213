"""Live messages as protobuf messages of ``poselift.v1``."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from poselift.card import Card
from poselift.errors import InvalidInput, PoseliftError
from poselift.v1 import poselift_pb2 as messages
from service.error_table import problem
from service.live.frames import Frame, FramePoses
from service.requests import SessionOptions
from service.wire.description import model_summary, skeleton
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
from service.wire.options import session_options
from service.wire.protobuf_messages import AXES, check_fields, options_of, packed, parse

_QUALITIES = (
    messages.QUALITY_MEASURED,
    messages.QUALITY_FILLED,
    messages.QUALITY_UNKNOWN,
)
"""By index into ``poselift.imputation.QUALITY``."""
_PROBLEM = ("type", "title", "detail", "errors")
_WHEN_BEHIND = {
    messages.WHEN_BEHIND_WAIT: "wait",
    messages.WHEN_BEHIND_DROP_OLDEST: "drop_oldest",
}


def _decode(body: bytes, joints: int) -> Message:
    message = parse(messages.LiftStreamRequest, body)
    kind = message.WhichOneof("message")
    if kind == "frame":
        return _frame(message.frame, joints, "frame")
    if kind == "open":
        return _session_options(message.open)
    if kind == "close":
        return Close()
    raise InvalidInput.at("message", "one of open, frame, close")


def _decode_open(body: bytes) -> SessionOptions:
    return _session_options(parse(messages.OpenSession, body))


def _session_options(message: messages.OpenSession) -> SessionOptions:
    if message.HasField("camera"):
        check_fields(message.camera, "camera")
    check_fields(message, "open")
    fields: dict[str, Any] = dict(options_of(message))
    if message.HasField("session_id"):
        fields["session_id"] = message.session_id
    if message.when_behind != messages.WHEN_BEHIND_UNSPECIFIED:
        fields["when_behind"] = _WHEN_BEHIND.get(message.when_behind, "")
    if message.lookahead_frames:
        fields["lookahead_frames"] = message.lookahead_frames
    return session_options(fields | {"associate": message.associate})


def _decode_frames(body: bytes, joints: int) -> FrameBatch:
    message = parse(messages.LiftFramesRequest, body)
    if not message.frames and not message.flush:
        raise InvalidInput.at("frames", "at least one frame, or flush")
    check_frame_count(len(message.frames))
    check_fields(message, "body")
    read = (
        _frame(frame, joints, f"frames[{number}]") for number, frame in enumerate(message.frames)
    )
    return FrameBatch(tuple(read), message.flush)


def _frame(message: messages.Frame, joints: int, where: str) -> Frame:
    check_frame(message.index, len(message.people), where)
    return frame_of(message.index, _people(message, joints, where), f"{where}.people")


def _people(
    message: messages.Frame, joints: int, where: str
) -> Iterator[tuple[str, NDArray[np.float32] | InvalidInput]]:
    for number, person in enumerate(message.people):
        numbers = person.keypoints
        if len(numbers) == joints * 3:
            yield person.track_id, np.array(numbers, np.float32).reshape(joints, 3)
        else:
            place = f"{where}.people[{number}].keypoints"
            expected = f"{joints * 3} numbers ({joints} joints of x, y, score)"
            yield person.track_id, InvalidInput.at(place, f"{expected}, found {len(numbers)}")


def _opened(session_id: str, card: Card, axes: str, next_index: int) -> messages.Opened:
    return messages.Opened(
        session_id=session_id,
        next_index=next_index,
        model=messages.Model(**model_summary(card)),
        skeleton=messages.Skeleton(**skeleton(card)),
        units=card.units,
        axes=next(number for number, name in AXES.items() if name == axes),
    )


def _encode_opened(session_id: str, card: Card, axes: str, next_index: int) -> bytes:
    opened = _opened(session_id, card, axes, next_index)
    return messages.LiftStreamResponse(opened=opened).SerializeToString()


def _encode_session(session_id: str, card: Card, axes: str, next_index: int) -> bytes:
    return _opened(session_id, card, axes, next_index).SerializeToString()


def _encode_pose(answer: FramePoses) -> bytes:
    return messages.LiftStreamResponse(pose=_pose(answer)).SerializeToString()


def _encode_frames(answers: Iterable[FramePoses], next_index: int) -> bytes:
    return messages.LiftFramesResponse(
        frames=[_pose(answer) for answer in answers], next_index=next_index
    ).SerializeToString()


def _pose(answer: FramePoses) -> messages.FramePoses:
    message = messages.FramePoses(index=answer.index)
    if not answer.is_durable:
        message.durable = False
    for person in people_of(answer):
        # Packed numbers are copied as they are; passing them one by one costs ten times as much.
        kind = messages.PersonPose
        fields = (
            (kind.POSE_FIELD_NUMBER, person.pose_K3),
            (kind.TRAJECTORY_FIELD_NUMBER, person.trajectory_3),
            (kind.EXPECTED_ERRORS_FIELD_NUMBER, person.expected_errors_K),
        )
        parts = [
            packed(number, values.astype("<f4", copy=False))
            for number, values in fields
            if values is not None
        ]
        found = message.people.add()
        found.MergeFromString(b"".join(parts))
        found.track_id = person.track_id
        found.quality = _QUALITIES[person.quality]
        if person.problem is not None:
            found.problem.CopyFrom(_problem(person.problem))
    return message


def _problem(details: Mapping[str, Any]) -> messages.Problem:
    return messages.Problem(**{name: details[name] for name in _PROBLEM if name in details})


def _encode_refusal(index: int, error: PoseliftError, next_index: int) -> bytes:
    refused = messages.FramePoses(
        index=index, next_index=next_index, problem=_problem(problem(error))
    )
    return messages.LiftStreamResponse(pose=refused).SerializeToString()


def _encode_notice(session_id: str, error: PoseliftError, next_index: int) -> bytes:
    notice = messages.Notice(
        session_id=session_id, next_index=next_index, problem=_problem(problem(error))
    )
    return messages.LiftStreamResponse(notice=notice).SerializeToString()


LIVE_PROTOBUF: Final = LiveCodec(
    media_type="application/x-protobuf",
    subprotocol="poselift.v1.protobuf",
    is_text=False,
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
