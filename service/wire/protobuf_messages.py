"""Lift requests and results as protobuf messages of ``poselift.v1``."""

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.v1 import poselift_pb2 as messages
from service.request_errors import Unreadable
from service.requests import Clip, LiftedClip, LiftRequest, LiftResult
from service.validation import Limits
from service.wire.description import model_summary, skeleton
from service.wire.options import check_clip_count, clip_id, joint_count, lift_options

M = TypeVar("M", bound=Message)

_LENGTH_DELIMITED = 2
AXES = {messages.AXES_CAMERA: "camera", messages.AXES_Y_UP: "y_up"}
_FEW = 8
"""More numbers than any small list may have."""
_SCALARS = ("model", "fps", "keypoint_format", "min_score", "smoothing_s")
_OF_CLIPS = ("flip_augmentation", "constant_bone_lengths", "ground_contact")
_CAMERA_FIELDS = ("focal_length", "principal_point", "radial", "tangential")


def decode_request(body: bytes, limits: Limits) -> LiftRequest:
    """Read a serialised ``LiftRequest``; what the arrays hold is left to the engine to check.

    Raises:
        Unreadable: not a protobuf message of this kind.
        InvalidInput: it is one, and something in it is wrong.
        TooLarge: too many clips.
    """
    message = parse(messages.LiftRequest, body)
    check_clip_count(len(message.clips), limits)
    _refuse_unknown_fields(message)
    of_clips = {name: getattr(message, name) for name in _OF_CLIPS}
    options = lift_options(dict(options_of(message)) | of_clips)
    joints = joint_count(options.keypoint_format)
    return LiftRequest(
        options, tuple(_clip(clip, index, joints) for index, clip in enumerate(message.clips))
    )


def encode_result(result: LiftResult) -> bytes:
    """Serialise a ``LiftResponse``."""
    axes = next(number for number, name in AXES.items() if name == result.axes)
    return messages.LiftResponse(
        model=messages.Model(**model_summary(result.card)),
        skeleton=messages.Skeleton(**skeleton(result.card)),
        units=result.card.units,
        axes=axes,
        clips=[_lifted_clip(clip) for clip in result.clips],
    ).SerializeToString()


def parse(kind: type[M], body: bytes) -> M:
    """Parse a message.

    Raises:
        Unreadable: the bytes are no message of this kind.
    """
    try:
        return kind.FromString(body)
    except DecodeError:
        name = kind.DESCRIPTOR.full_name
        raise Unreadable(f"the body is not a {name}: truncated or not protobuf") from None


def _refuse_unknown_fields(message: messages.LiftRequest) -> None:
    for index, clip in enumerate(message.clips):
        check_fields(clip, f"clips[{index}]")
    if message.HasField("camera"):
        check_fields(message.camera, "camera")
    check_fields(message, "body")


def check_fields(message: Message, where: str) -> None:
    """Refuse fields that the message does not have.

    Raises:
        InvalidInput: there are some.
    """
    # Listing unknown fields takes a second for 4 MB of them; sizes tell as well whether there are.
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise InvalidInput.at(where, f"no fields but those of {message.DESCRIPTOR.full_name}")


def options_of(
    message: messages.LiftRequest | messages.OpenSession,
) -> Iterator[tuple[str, Any]]:
    """The fields that are set and that clips and sessions have in common, as the JSON has them."""
    for name in _SCALARS:
        if message.HasField(name):
            yield name, getattr(message, name)
    if message.image_size:
        yield "image_size", list(message.image_size[:_FEW])
    if message.HasField("camera"):
        lists = ((name, list(getattr(message.camera, name)[:_FEW])) for name in _CAMERA_FIELDS)
        yield "camera", {name: numbers for name, numbers in lists if numbers}
    if message.axes != messages.AXES_UNSPECIFIED:
        yield "axes", AXES.get(message.axes, "")


def _clip(message: messages.Clip, index: int, joints: int) -> Clip:
    count, frame = len(message.keypoints), joints * 3
    if count == 0 or count % frame != 0:
        raise InvalidInput.at(
            f"clips[{index}].keypoints",
            f"a multiple of {frame} numbers ({joints} joints of x, y, score), found {count}",
        )
    keypoints_TJ3 = np.array(message.keypoints, dtype=np.float32).reshape(-1, joints, 3)
    return Clip(clip_id(message.id, index), keypoints_TJ3)


def _lifted_clip(clip: LiftedClip) -> messages.LiftedClip:
    # Built from its own serialised form: a packed field is the array's bytes behind a tag and a
    # length, and copying bytes takes microseconds where passing Python floats takes a third of
    # a millisecond for 243 frames. An enum value below 128 is one byte.
    kind = messages.LiftedClip
    fields = (
        (kind.POSES_FIELD_NUMBER, clip.lifted.poses),
        (kind.TRAJECTORY_FIELD_NUMBER, clip.lifted.trajectory),
        (kind.EXPECTED_ERRORS_FIELD_NUMBER, clip.lifted.expected_errors),
    )
    parts = [
        packed(number, values.astype("<f4", copy=False))
        for number, values in fields
        if values is not None
    ]
    quality_T = clip.quality_T.astype(np.uint8) + np.uint8(messages.QUALITY_MEASURED)
    parts.append(packed(kind.QUALITY_FIELD_NUMBER, quality_T))
    message = kind.FromString(b"".join(parts))
    message.id = clip.id
    return message


def packed(field_number: int, values: NDArray[Any]) -> bytes:
    """A packed repeated field in protobuf's wire format."""
    content = values.tobytes()
    return _varint(field_number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)
