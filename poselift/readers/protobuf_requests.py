"""Lift requests in protobuf to the fields that the JSON has."""

from typing import Any, Final

import numpy as np

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.readers.source import Source

_SCALARS: Final = ("model", "fps", "keypoint_format", "min_score", "smoothing_s", "person_height_m")
_FLAGS: Final = ("flip_augmentation", "constant_bone_lengths", "ground_contact")
_CAMERA: Final = ("principal_point", "radial", "tangential")
_AXES: Final = {1: "camera", 2: "y_up", 3: "z_up"}
_COORDINATES: Final = {1: "pixels", 2: "normalized"}


def request_fields(source: Source) -> dict[str, Any]:
    """The fields of a serialised ``poselift.v1.LiftRequest``; keypoints as arrays.

    Raises:
        InvalidInput: the bytes are none, or protobuf is not installed.
    """
    try:
        from google.protobuf.message import DecodeError  # noqa: PLC0415

        from poselift.v1.poselift_pb2 import LiftRequest  # noqa: PLC0415
    except ImportError:
        expected = "the package protobuf to read it: pip install 'poselift[readers]'"
        raise InvalidInput.at(source.name, expected) from None
    try:
        message = LiftRequest.FromString(source.read_bytes())
    except DecodeError:
        raise InvalidInput.at(source.name, "a poselift.v1.LiftRequest in protobuf") from None
    fields = _options(message)
    name = fields.get("keypoint_format", "coco17")
    joints = len(FORMATS[name].joints) if name in FORMATS else 1
    fields["clips"] = [_clip(clip, i, joints) for i, clip in enumerate(message.clips)]
    return fields


def _options(message: Any) -> dict[str, Any]:  # noqa: ANN401 - the generated class
    fields = {name: getattr(message, name) for name in _SCALARS if message.HasField(name)}
    fields |= {name: True for name in _FLAGS if getattr(message, name)}
    if message.image_size:
        fields["image_size"] = list(message.image_size)
    if message.HasField("camera"):
        fields["camera"] = _camera(message.camera)
    if message.axes:
        fields["axes"] = _AXES.get(message.axes, "")
    if message.coordinates:
        fields["coordinates"] = _COORDINATES.get(message.coordinates, "")
    return fields


def _camera(message: Any) -> dict[str, Any]:  # noqa: ANN401
    fields: dict[str, Any] = {
        name: list(getattr(message, name)) for name in _CAMERA if getattr(message, name)
    }
    if message.focal_length:
        lengths = list(message.focal_length)
        fields["focal_length"] = lengths if len(lengths) > 1 else lengths[0]
    if message.HasField("fov_degrees"):
        fields["fov_degrees"] = message.fov_degrees
    return fields


def _clip(message: Any, index: int, joints: int) -> dict[str, Any]:  # noqa: ANN401
    count = len(message.keypoints)
    if count % (3 * joints):
        expected = f"a multiple of {3 * joints} numbers, found {count}"
        raise InvalidInput.at(f"clips[{index}].keypoints", expected)
    clip: dict[str, Any] = {
        "id": message.id,
        "keypoints": np.array(message.keypoints, np.float32).reshape(-1, joints, 3),
        "first_frame": message.first_frame,
    }
    return clip | ({"timestamps_s": list(message.timestamps_s)} if message.timestamps_s else {})
