"""A standing figure seen from the front, from which joints that were never measured are placed."""

from collections.abc import Mapping
from types import MappingProxyType

_MIDDLE = {
    "nose": -0.92,
    "head": -1.05,
    "neck": -0.88,
    "upper_neck": -0.85,
    "thorax": -0.80,
    "chest": -0.65,
    "spine": -0.62,
    "hip": -0.50,
    "pelvis": -0.50,
}
_LEFT = {
    "eye": (0.02, -0.94),
    "ear": (0.04, -0.93),
    "shoulder": (0.11, -0.80),
    "elbow": (0.14, -0.62),
    "wrist": (0.15, -0.46),
    "hip": (0.06, -0.50),
    "knee": (0.06, -0.27),
    "ankle": (0.06, -0.04),
    "foot": (0.06, -0.04),
    "heel": (0.06, -0.01),
    "big_toe": (0.07, 0.0),
    "small_toe": (0.09, 0.0),
    "foot_index": (0.08, 0.0),
}

REFERENCE_POSE: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        **{joint: (0.0, y) for joint, y in _MIDDLE.items()},
        **{f"left_{joint}": place for joint, place in _LEFT.items()},
        **{f"right_{joint}": (-x, y) for joint, (x, y) in _LEFT.items()},
    }
)
"""Where joints are, x right and y down in shares of the stature, the person facing the camera."""
