"""Answers written as JSON."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson

from poselift.array_types import Doubles, Floats, Mask
from poselift.errors import PoseliftError
from poselift.imputation import QUALITY, letters
from poselift.poses import PoseWarning
from service.error_table import problem
from service.live.frames import FramePoses
from service.requests import LiftedClip, LiftResult
from service.wire.description import pose_description
from service.wire.stream_messages import OpenedSession, people_of

_DECIMALS = 5
"""Of a metre: a hundredth of a millimetre. A quarter fewer bytes than all of float32's digits."""
_ERROR_DECIMALS = 3
"""Of expected errors: an estimate needs no more than a millimetre."""
_PIECE = 500
"""Frames encoded in one go; between pieces other threads have their turn."""
_UNKNOWN = QUALITY.index("unknown")


class JsonWriter:
    """The writing half of ``JsonFormat``."""

    def encode_lift_result(self, result: LiftResult) -> bytes:
        """Write a result; frames without a pose are null."""
        clips = [_lifted_clip(clip) for clip in result.clips]
        content = pose_description(result.card, result.axes) | {"clips": clips}
        content["warnings"] = [
            warning_fields(each, clip=clip.id)
            for clip in result.clips
            for each in clip.poses.warnings
        ]
        return orjson.dumps(content)

    def encode_session(self, session: OpenedSession) -> bytes:
        """Write the fields of an opened session."""
        return orjson.dumps(_session(session))

    def encode_opened(self, session: OpenedSession) -> bytes:
        """Write an object with ``opened``."""
        return orjson.dumps({"opened": _session(session)})

    def encode_frames(self, answers: Iterable[FramePoses], next_index: int) -> bytes:
        """Write an object with ``frames`` and ``next_index``."""
        content = {"frames": [_pose(answer) for answer in answers], "next_index": next_index}
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)

    def encode_pose(self, answer: FramePoses) -> bytes:
        """Write an object with ``pose``."""
        return orjson.dumps({"pose": _pose(answer)}, option=orjson.OPT_SERIALIZE_NUMPY)

    def encode_refusal(self, index: int, error: PoseliftError, next_index: int) -> bytes:
        """Write an object with a ``pose`` of no people and the problem."""
        told = problem(error)
        refused = {"index": index, "people": [], "next_index": next_index, "problem": told}
        return orjson.dumps({"pose": refused})

    def encode_notice(self, session_id: str, error: PoseliftError, next_index: int) -> bytes:
        """Write an object with ``notice``."""
        notice = {"session_id": session_id, "next_index": next_index, "problem": problem(error)}
        return orjson.dumps({"notice": notice})


def _lifted_clip(clip: LiftedClip) -> dict[str, Any]:
    unknown_T = clip.poses.quality == _UNKNOWN
    trajectory, errors = clip.poses.trajectory, clip.poses.expected_errors
    qualities = clip.poses.joint_quality
    return {
        "id": clip.id,
        "poses": _frames(clip.poses.poses, unknown_T),
        "trajectory": None if trajectory is None else _frames(trajectory, unknown_T),
        "expected_errors": None if errors is None else _frames(errors, unknown_T, _ERROR_DECIMALS),
        "quality": list(map(QUALITY.__getitem__, clip.poses.quality.tolist())),
        "joint_quality": None if qualities is None else letters(qualities),
        "first_frame": clip.poses.first_frame,
    }


def warning_fields(warning: PoseWarning, **place: str) -> dict[str, Any]:
    """A warning as messages have it; ``place`` says whose it is."""
    told: dict[str, Any] = {"code": warning.code, **place}
    if warning.frames is not None:
        told["frames"] = warning.frames
    return told | {"detail": warning.detail}


def _frames(values: Floats, unknown_T: Mask, decimals: int = _DECIMALS) -> orjson.Fragment:
    """A JSON list with an item for each frame, null where unknown."""
    pieces = []
    for start in range(0, len(values), _PIECE):
        piece = slice(start, start + _PIECE)
        rounded = values[piece].astype(np.float64).round(decimals)
        frames: object = rounded
        if unknown_T[piece].any():
            pairs = zip(unknown_T[piece], rounded, strict=True)
            frames = [None if unknown else frame for unknown, frame in pairs]
        pieces.append(orjson.dumps(frames, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1])
    return orjson.Fragment(b"[" + b",".join(pieces) + b"]")


def _session(session: OpenedSession) -> dict[str, Any]:
    place = {"session_id": session.session_id, "next_index": session.next_index}
    return place | pose_description(session.card, session.axes)


def _pose(answer: FramePoses) -> dict[str, Any]:
    people = []
    for person in people_of(answer):
        found: dict[str, Any] = {
            "track_id": person.track_id,
            "pose": _rounded(person.pose_K3),
            "trajectory": _rounded(person.trajectory_3),
            "expected_errors": _rounded(person.expected_errors_K, _ERROR_DECIMALS),
            "quality": QUALITY[person.quality],
            "joint_quality": person.joint_quality,
            "source": person.source,
        }
        if person.problem is not None:
            found["problem"] = person.problem
        people.append(found)
    content: dict[str, Any] = {"index": answer.index, "people": people}
    if not answer.is_durable:
        content["durable"] = False
    if answer.warnings:
        content["warnings"] = [
            warning_fields(each, track_id=each.track_id or "") for each in answer.warnings
        ]
    return content


def _rounded(values: Floats | None, decimals: int = _DECIMALS) -> Doubles | None:
    return None if values is None else values.astype(np.float64).round(decimals)
