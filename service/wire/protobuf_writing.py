"""Answers written as protobuf messages."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from poselift.errors import PoseliftError
from poselift.imputation import letters
from poselift.packed_fields import embedded, packed, packed_floats, whole_number
from poselift.poses import PoseWarning
from poselift.v1 import poselift_pb2 as messages
from service.error_table import problem
from service.live.frames import FramePoses
from service.requests import LiftedClip, LiftResult
from service.wire.description import pose_description
from service.wire.protobuf_reading import AXES
from service.wire.stream_messages import OpenedSession, PersonAnswer, people_of

_AXES_NAMES = {name: messages.Axes.Name(number) for number, name in AXES.items()}
_QUALITIES = (messages.QUALITY_MEASURED, messages.QUALITY_FILLED, messages.QUALITY_UNKNOWN)
"""By index into ``poselift.imputation.QUALITY``."""
_PROBLEM = ("type", "title", "detail", "errors")


class ProtobufWriter:
    """The writing half of ``ProtobufFormat``."""

    def encode_lift_result(self, result: LiftResult) -> bytes:
        """Write a ``LiftResponse``."""
        return messages.LiftResponse(
            **pose_description(result.card, _AXES_NAMES[result.axes]),
            clips=[_lifted_clip(clip) for clip in result.clips],
            warnings=[
                _warning(warning, clip=clip.id)
                for clip in result.clips
                for warning in clip.poses.warnings
            ],
        ).SerializeToString()

    def encode_session(self, session: OpenedSession) -> bytes:
        """Write an ``Opened``."""
        return _opened(session).SerializeToString()

    def encode_opened(self, session: OpenedSession) -> bytes:
        """Write a ``LiftStreamResponse`` with ``opened``."""
        return messages.LiftStreamResponse(opened=_opened(session)).SerializeToString()

    def encode_frames(self, answers: Iterable[FramePoses], next_index: int) -> bytes:
        """Write a ``LiftFramesResponse``."""
        number = messages.LiftFramesResponse.FRAMES_FIELD_NUMBER
        frames = b"".join([embedded(number, _pose(answer)) for answer in answers])
        return frames + messages.LiftFramesResponse(next_index=next_index).SerializeToString()

    def encode_pose(self, answer: FramePoses) -> bytes:
        """Write a ``LiftStreamResponse`` with ``pose``."""
        return embedded(messages.LiftStreamResponse.POSE_FIELD_NUMBER, _pose(answer))

    def encode_refusal(self, index: int, error: PoseliftError, next_index: int) -> bytes:
        """Write a ``LiftStreamResponse`` with a ``pose`` of no people and the problem."""
        refused = messages.FramePoses(
            index=index, next_index=next_index, problem=_problem(problem(error))
        )
        return messages.LiftStreamResponse(pose=refused).SerializeToString()

    def encode_notice(self, session_id: str, error: PoseliftError, next_index: int) -> bytes:
        """Write a ``LiftStreamResponse`` with ``notice``."""
        notice = messages.Notice(
            session_id=session_id, next_index=next_index, problem=_problem(problem(error))
        )
        return messages.LiftStreamResponse(notice=notice).SerializeToString()


def _lifted_clip(clip: LiftedClip) -> messages.LiftedClip:
    # Built from its own serialised form: see ``packed_fields``. An enum value below 128 is a byte.
    kind = messages.LiftedClip
    floats = packed_floats(
        (kind.POSES_FIELD_NUMBER, clip.poses.poses),
        (kind.TRAJECTORY_FIELD_NUMBER, clip.poses.trajectory),
        (kind.EXPECTED_ERRORS_FIELD_NUMBER, clip.poses.expected_errors),
    )
    quality_T = clip.poses.quality.astype(np.uint8) + np.uint8(messages.QUALITY_MEASURED)
    message = kind.FromString(floats + packed(kind.QUALITY_FIELD_NUMBER, quality_T))
    message.id = clip.id
    message.first_frame = clip.poses.first_frame
    if clip.poses.joint_quality is not None:
        message.joint_quality.extend(letters(clip.poses.joint_quality))
    return message


def _warning(warning: PoseWarning, **place: str) -> messages.InputWarning:
    frames = warning.frames or ()
    return messages.InputWarning(code=warning.code, detail=warning.detail, frames=frames, **place)


def _opened(session: OpenedSession) -> messages.Opened:
    return messages.Opened(
        session_id=session.session_id,
        next_index=session.next_index,
        **pose_description(session.card, _AXES_NAMES[session.axes]),
    )


def _pose(answer: FramePoses) -> bytes:
    """A ``FramePoses``: what every frame has is put together from bytes, the rest by its class."""
    kind = messages.FramePoses
    people = [embedded(kind.PEOPLE_FIELD_NUMBER, _person(person)) for person in people_of(answer)]
    index = whole_number(kind.INDEX_FIELD_NUMBER, answer.index)
    if answer.is_durable and not answer.warnings:
        return b"".join((index, *people))
    warnings = [_warning(each, track_id=each.track_id or "") for each in answer.warnings]
    rest = kind(durable=None if answer.is_durable else False, warnings=warnings)
    return b"".join((index, *people, rest.SerializeToString()))


def _person(person: PersonAnswer) -> bytes:
    """A ``PersonPose``."""
    kind = messages.PersonPose
    # Numbers are copied as they are; passing them one by one costs ten times as much.
    floats = packed_floats(
        (kind.POSE_FIELD_NUMBER, person.pose_K3),
        (kind.TRAJECTORY_FIELD_NUMBER, person.trajectory_3),
        (kind.EXPECTED_ERRORS_FIELD_NUMBER, person.expected_errors_K),
    )
    fields = [
        embedded(kind.TRACK_ID_FIELD_NUMBER, person.track_id.encode()),
        floats,
        whole_number(kind.QUALITY_FIELD_NUMBER, _QUALITIES[person.quality]),
        embedded(kind.JOINT_QUALITY_FIELD_NUMBER, person.joint_quality.encode()),
    ]
    if person.problem is not None:
        fields.append(kind(problem=_problem(person.problem)).SerializeToString())
    if person.source is not None:
        fields.append(whole_number(kind.SOURCE_FIELD_NUMBER, person.source))
    return b"".join(fields)


def _problem(details: Mapping[str, Any]) -> messages.Problem:
    return messages.Problem(**{name: details[name] for name in _PROBLEM if name in details})
