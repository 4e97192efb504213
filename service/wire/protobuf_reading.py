"""Messages read from protobuf."""

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as AnyMessage

from poselift.array_types import Floats
from poselift.errors import InvalidInput
from poselift.packed_fields import floats_behind_text
from poselift.v1 import poselift_pb2 as messages
from service.live.frames import Frame
from service.request_errors import Unreadable
from service.requests import Clip, LiftRequest, SessionOptions
from service.validation import Limits, check_limit
from service.wire.options import clip_id, lift_options, session_options
from service.wire.stream_messages import Close, FrameBatch, Message, PersonRead, frame_of

M = TypeVar("M", bound=AnyMessage)

AXES = {
    messages.AXES_CAMERA: "camera",
    messages.AXES_Y_UP: "y_up",
    messages.AXES_Z_UP: "z_up",
}
_COORDINATES = {
    messages.COORDINATES_PIXELS: "pixels",
    messages.COORDINATES_NORMALIZED: "normalized",
}
_WHEN_BEHIND = {messages.WHEN_BEHIND_WAIT: "wait", messages.WHEN_BEHIND_DROP_OLDEST: "drop_oldest"}
_FEW = 8
"""More numbers than any small list may have."""
_SCALARS = ("model", "fps", "keypoint_format", "min_score", "smoothing_s", "person_height_m")
_OF_CLIPS = ("flip_augmentation", "constant_bone_lengths", "ground_contact")
_CAMERA_FIELDS = ("focal_length", "principal_point", "radial", "tangential")


class ProtobufReader:
    """The reading half of ``ProtobufFormat``."""

    def decode_lift_request(self, body: bytes, limits: Limits) -> LiftRequest:
        """Read a ``LiftRequest``."""
        message = parse(messages.LiftRequest, body)
        check_limit("clips", len(message.clips), limits.max_clips_per_request)
        for index, clip in enumerate(message.clips):
            _check_fields(clip, f"clips[{index}]")
        _check_option_fields(message, "body")
        of_clips = {name: getattr(message, name) for name in _OF_CLIPS}
        options = lift_options(_options(message) | of_clips)
        joints = options.joint_count()
        if not message.clips:
            raise InvalidInput.at("clips", "at least one clip")
        read = (_clip(clip, index, joints) for index, clip in enumerate(message.clips))
        return LiftRequest(options, tuple(read))

    def decode_open(self, body: bytes) -> SessionOptions:
        """Read an ``OpenSession``."""
        return _session_options(parse(messages.OpenSession, body))

    def decode_frames(self, body: bytes, joints: int) -> FrameBatch:
        """Read a ``LiftFramesRequest``."""
        message = parse(messages.LiftFramesRequest, body)
        return FrameBatch.of(len(message.frames), _frames(message, joints), message.flush)

    def decode_stream_message(self, body: bytes, joints: int) -> Message:
        """Read a ``LiftStreamRequest``."""
        message = parse(messages.LiftStreamRequest, body)
        kind = message.WhichOneof("message")
        if kind == "frame":
            return _frame(message.frame, joints, "frame")
        if kind == "open":
            return _session_options(message.open)
        if kind == "close":
            return Close()
        raise InvalidInput.at("message", "one of open, frame, close")


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


def _check_option_fields(message: messages.LiftRequest | messages.OpenSession, where: str) -> None:
    if message.HasField("camera"):
        _check_fields(message.camera, "camera")
    _check_fields(message, where)


def _check_fields(message: AnyMessage, where: str) -> None:
    """Refuse fields that the message does not have.

    Raises:
        InvalidInput: there are some.
    """
    # Listing unknown fields takes a second for 4 MB of them; sizes tell as well whether there are.
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise InvalidInput.at(where, f"no fields but those of {message.DESCRIPTOR.full_name}")


def _options(message: messages.LiftRequest | messages.OpenSession) -> dict[str, Any]:
    """The fields that are set and that clips and sessions have in common, as the JSON has them."""
    fields = {name: getattr(message, name) for name in _SCALARS if message.HasField(name)}
    if message.image_size:
        fields["image_size"] = list(message.image_size[:_FEW])
    if message.HasField("camera"):
        lists = ((name, list(getattr(message.camera, name)[:_FEW])) for name in _CAMERA_FIELDS)
        camera: dict[str, Any] = {name: numbers for name, numbers in lists if numbers}
        if len(message.camera.focal_length) == 1:
            camera["focal_length"] = message.camera.focal_length[0]
        if message.camera.HasField("fov_degrees"):
            camera["fov_degrees"] = message.camera.fov_degrees
        fields["camera"] = camera
    if message.axes != messages.AXES_UNSPECIFIED:
        fields["axes"] = AXES.get(message.axes, "")
    if message.coordinates != messages.COORDINATES_UNSPECIFIED:
        fields["coordinates"] = _COORDINATES.get(message.coordinates, "")
    return fields


def _session_options(message: messages.OpenSession) -> SessionOptions:
    _check_option_fields(message, "open")
    fields = _options(message)
    fields |= {"associate": message.associate, "allow_gaps": message.allow_gaps}
    if message.HasField("session_id"):
        fields["session_id"] = message.session_id
    if message.when_behind != messages.WHEN_BEHIND_UNSPECIFIED:
        fields["when_behind"] = _WHEN_BEHIND.get(message.when_behind, "")
    if message.lookahead_frames:
        fields["lookahead_frames"] = message.lookahead_frames
    return session_options(fields)


def _clip(message: messages.Clip, index: int, joints: int) -> Clip:
    count, frame = len(message.keypoints), joints * 3
    if count == 0 or count % frame != 0:
        raise InvalidInput.at(
            f"clips[{index}].keypoints",
            f"a multiple of {frame} numbers ({joints} joints of x, y, score), found {count}",
        )
    keypoints_TJ3 = _keypoints(message, message.id, count).reshape(-1, joints, 3)
    times = np.array(message.timestamps_s, np.float64) if message.timestamps_s else None
    return Clip(clip_id(message.id, index), keypoints_TJ3, message.first_frame, times)


def _frames(message: messages.LiftFramesRequest, joints: int) -> Iterator[Frame]:
    _check_fields(message, "body")
    for number, frame in enumerate(message.frames):
        yield _frame(frame, joints, f"frames[{number}]")


def _frame(message: messages.Frame, joints: int, where: str) -> Frame:
    people = _people(message, joints, where)
    time = message.timestamp_s if message.HasField("timestamp_s") else None
    return frame_of(message.index, len(message.people), people, where, time)


def _people(message: messages.Frame, joints: int, where: str) -> Iterator[PersonRead]:
    for number, person in enumerate(message.people):
        track_id, count = person.track_id, len(person.keypoints)
        if count == joints * 3:
            yield track_id, _keypoints(person, track_id, count).reshape(joints, 3)
        else:
            place = f"{where}.people[{number}].keypoints"
            expected = f"{joints * 3} numbers ({joints} joints of x, y, score)"
            yield track_id, InvalidInput.at(place, f"{expected}, found {count}")


def _keypoints(message: messages.Person | messages.Clip, text: str, count: int) -> Floats:
    """The numbers of a message with this text in its first field: see ``packed_fields``."""
    written = message.SerializeToString()
    return floats_behind_text(written, text, message.KEYPOINTS_FIELD_NUMBER, count)
