"""Requests that work as they stand, for the OpenAPI document."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from poselift.formats import FORMATS
from poselift.reference_pose import REFERENCE_POSE

_JOINTS = FORMATS["coco17"].joints
_FRAME = [
    [round(640 + 640 * x, 1), round(700 + 640 * y, 1), 0.9]
    for x, y in (REFERENCE_POSE[joint] for joint in _JOINTS)
]
"""A person who stands before a camera, as a COCO detector finds them: x, y and score."""
_FRAME_WITHOUT_SCORES = [[x, y] for x, y, _ in _FRAME]
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
            "coordinates": "pixels",
            "person_height_m": 1.75,
            "clips": [
                {
                    "id": "left person",
                    "first_frame": 120,
                    "keypoints": [_FRAME, None, _FRAME_WITHOUT_FACE],
                },
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
