"""What an example is, and the people in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poselift.formats import FORMATS
from poselift.reference_pose import REFERENCE_POSE


@dataclass(frozen=True)
class Example:
    """A file by its name, or the files of a folder; and what is read from them."""

    reader: str
    files: Mapping[str, str | bytes]
    keypoint_format: str = "coco17"
    people: int = 1
    frames: int = 4
    """Of the first person."""
    is_folder: bool = False
    coordinates: str = "pixels"


FRAMES = 4
WIDTH, HEIGHT = 1920, 1080


def walker(
    person: int = 0, keypoint_format: str = "coco17", frames: int = FRAMES
) -> NDArray[np.float32]:
    """One of several people (T, J, 3), far from each other; x grows by 5 from frame to frame."""
    joints = FORMATS[keypoint_format].joints
    figure = np.array([REFERENCE_POSE.get(joint, (0.03, -0.5)) for joint in joints])
    clip = np.full((frames, len(joints), 3), 0.9, np.float32)
    clip[..., :2] = 400 * figure + [300 + 600 * person, 700]
    clip[..., 0] += 5 * np.arange(frames)[:, None]
    return clip


def joints_of(keypoint_format: str) -> int:
    return len(FORMATS[keypoint_format].joints)


def flat(keypoints_J3: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 3) for value in keypoints_J3.ravel()]


def dumps(content: Any) -> str:
    return json.dumps(content)
