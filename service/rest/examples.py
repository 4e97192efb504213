"""Requests that work as they stand, for the OpenAPI document."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_STANDING = (
    (638.4, 98.6, 0.84),  # nose
    (653.6, 90.7, 0.8),  # left eye
    (626.1, 86.8, 0.71),  # right eye
    (668.9, 95.3, 0.76),  # left ear
    (612.5, 98.0, 0.94),  # right ear
    (706.9, 177.8, 0.83),  # left shoulder
    (568.3, 177.0, 0.85),  # right shoulder
    (730.7, 293.1, 0.72),  # left elbow
    (551.2, 294.9, 0.76),  # right elbow
    (735.5, 393.6, 0.7),  # left wrist
    (541.4, 395.6, 0.84),  # right wrist
    (677.8, 367.9, 0.79),  # left hip
    (599.4, 367.3, 0.74),  # right hip
    (676.2, 519.5, 0.92),  # left knee
    (597.6, 517.7, 0.92),  # right knee
    (678.5, 664.5, 0.76),  # left ankle
    (601.1, 663.9, 0.72),  # right ankle
)
"""Somebody standing before a camera, as a COCO detector sees them: x, y in pixels and score."""

_FRAME = [list(joint) for joint in _STANDING]
_FRAME_WITHOUT_SCORES = [[x, y] for x, y, _ in _STANDING]
_FRAME_WITHOUT_FACE = [None] * 5 + _FRAME[5:]

LIFT_REQUESTS: Mapping[str, Any] = MappingProxyType(
    {
        "one frame": {"image_size": [1280, 720], "clips": [{"keypoints": [_FRAME]}]},
        "all options": {
            "model": "default",
            "image_size": [1280, 720],
            "fps": 30,
            "keypoint_format": "coco17",
            "camera": {"focal_length": [1100, 1100], "principal_point": [640, 360]},
            "min_score": 0.1,
            "flip_augmentation": True,
            "smoothing_s": 0.2,
            "constant_bone_lengths": True,
            "ground_contact": False,
            "axes": "y_up",
            "clips": [
                {"id": "left person", "keypoints": [_FRAME, None, _FRAME_WITHOUT_FACE]},
                {"id": "right person", "keypoints": [_FRAME_WITHOUT_SCORES]},
            ],
        },
    }
)

OPEN_SESSION: Mapping[str, Any] = MappingProxyType(
    {"session_id": "anna", "image_size": [1280, 720], "fps": 30}
)
LIFT_FRAMES: Mapping[str, Any] = MappingProxyType(
    {"frames": [{"index": 0, "people": [{"track_id": "anna", "keypoints": _FRAME}]}]}
)
