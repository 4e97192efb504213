"""Lift requests and results as JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
import orjson
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.imputation import QUALITY
from service.request_errors import Unreadable
from service.requests import Clip, LiftedClip, LiftRequest, LiftResult
from service.validation import Limits
from service.wire.description import model_summary, skeleton
from service.wire.keypoints import keypoint_array
from service.wire.options import (
    check_clip_count,
    check_frame_count,
    clip_id,
    joint_count,
    lift_options,
    unknown_field,
)

DECIMALS = 5
"""Of a metre: a hundredth of a millimetre. A quarter fewer bytes than all of float32's digits."""
ERROR_DECIMALS = 3
"""Of expected errors: what is only likely needs no more than a millimetre."""
_PIECE = 500
"""Frames encoded in one go; between pieces other threads have their turn."""
_UNKNOWN = QUALITY.index("unknown")


def decode_request(body: bytes, limits: Limits) -> LiftRequest:
    """Read a lift request; what the arrays hold is left to the engine to check.

    Raises:
        Unreadable: not JSON in UTF-8.
        InvalidInput: not a lift request, and where it is not.
        TooLarge: too many clips.
    """
    fields = parsed(body)
    if type(fields) is not dict:
        raise InvalidInput.at("body", "a JSON object")
    clips = fields.pop("clips", None)
    options = lift_options(fields)
    joints = joint_count(options.keypoint_format)
    if type(clips) is not list or not clips:
        raise InvalidInput.at("clips", "a list of at least one clip")
    check_clip_count(len(clips), limits)
    check_frame_count(sum(map(_frame_count, clips)), limits)
    return LiftRequest(
        options, tuple(_clip(clip, index, joints) for index, clip in enumerate(clips))
    )


def encode_result(result: LiftResult) -> bytes:
    """Write a result; frames without a pose are null."""
    return orjson.dumps(
        {
            "model": model_summary(result.card),
            "skeleton": skeleton(result.card),
            "units": result.card.units,
            "axes": result.axes,
            "clips": [_lifted_clip(clip) for clip in result.clips],
        }
    )


def parsed(body: bytes) -> object:
    """What a JSON text holds.

    Raises:
        Unreadable: it is not JSON in UTF-8.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "infinity" in error.msg:
            return _parse_beyond_double(body)
        raise Unreadable(f"the body is not JSON in UTF-8: {error}") from None


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
        if name not in {"id", "keypoints"}:
            raise unknown_field(f"{where}.{name}")
    name = "" if fields.get("id") is None else fields["id"]
    if type(name) is not str:
        raise InvalidInput.at(f"{where}.id", "a string")
    keypoints_TJ3 = keypoint_array(fields.get("keypoints"), joints, f"{where}.keypoints")
    return Clip(clip_id(name, index), keypoints_TJ3)


def _lifted_clip(clip: LiftedClip) -> dict[str, Any]:
    unknown_T = clip.quality_T == _UNKNOWN
    trajectory, errors = clip.lifted.trajectory, clip.lifted.expected_errors
    return {
        "id": clip.id,
        "poses": _frames(clip.lifted.poses, unknown_T),
        "trajectory": None if trajectory is None else _frames(trajectory, unknown_T),
        "expected_errors": None if errors is None else _frames(errors, unknown_T, ERROR_DECIMALS),
        "quality": list(map(QUALITY.__getitem__, clip.quality_T.tolist())),
    }


def _frames(
    values: NDArray[np.float32], unknown_T: NDArray[np.bool_], decimals: int = DECIMALS
) -> orjson.Fragment:
    """A JSON list with an item for each frame, null where unknown."""
    pieces = (slice(start, start + _PIECE) for start in range(0, len(values), _PIECE))
    return orjson.Fragment(b"[" + b",".join(_encoded(values, unknown_T, pieces, decimals)) + b"]")


def _encoded(
    values: NDArray[np.float32],
    unknown_T: NDArray[np.bool_],
    pieces: Iterator[slice],
    decimals: int,
) -> Iterator[bytes]:
    for piece in pieces:
        rounded = np.round(values[piece].astype(np.float64), decimals)
        frames: Sequence[Any] | NDArray[Any] = rounded
        if unknown_T[piece].any():
            frames = [
                None if unknown else frame
                for unknown, frame in zip(unknown_T[piece], rounded, strict=True)
            ]
        yield orjson.dumps(frames, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
