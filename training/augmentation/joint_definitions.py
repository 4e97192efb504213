"""Joint definitions: where each detector puts hips, shoulders, ankles and the face.

Motion capture places joints at their centres of rotation. Detectors learned from people who clicked
on images: on the outer edge of the hip, the tip of the shoulder, the ankle bone. The offsets are
fixed in the body, not in the image, so they act on the points before these are projected; the
targets stay the true joints.

The numbers are fixed here, before any training, from published definitions, in shares of bones:

- Pose2Sim (Pagnon, Domalain and Reveret, Sensors 2021, 21(19), 6530; version 0.8.4) places the
  keypoints of COCO, BODY_25 and BlazePose on the joints of its own body, adapted from
  Beaucage-Gauvreau et al., 2019 (thigh 408 mm, shank 430 mm, upper arm 286 mm). Hips: 22 mm
  outwards, 15 mm down, 7 mm ahead of the joint centre; shoulders 32 mm outwards, 5 mm down, 16 mm
  back; elbows 12 mm beyond the joint and 12 mm ahead; knees 22 mm above it, 8 mm outwards, 3 mm
  ahead; ankles 22 mm (later) or 53 mm (earlier) above it, 15 mm outwards; wrists on it. Its noses
  lie 8 mm further ahead for COCO and BODY_25 than for BlazePose.
- Needham et al. (Scientific Reports 11, 20673, 2021) find OpenPose and AlphaPose systematically off
  by 30 to 50 mm at hips and knees and by 1 to 15 mm at ankles, and blame the training labels.
- COCO's people (Lin et al., ECCV 2014) are labelled by clicks on images, BlazePose (Bazarevsky et
  al., 2020) takes COCO's joints over and adds the landmarks of a face mesh.

Pose2Sim gives all three nearly the same offsets. How they differ here is an assumption within the
published sizes, so that training sees detectors disagree: COCO-like hips are wide and high, on the
contour; MediaPipe-like ones as in Pose2Sim; OpenPose-like ones low and close to the centre, with
knees high and ankles near the centre as Needham et al. find. Offsets of eyes and ears are about a
centimetre or less, and assumed too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training.array_types import Array, Floats
from training.augmentation.augmentation import Augmentation, Motions, Stage, happens
from training.augmentation.limbs import body_frame

Offset = tuple[float, float, float]
"""Outwards (to its own side), up (towards the trunk along the limb) and ahead, shares of a bone."""

BONES = {
    "hip": ("hip", "knee"),
    "knee": ("hip", "knee"),
    "foot": ("knee", "foot"),
    "shoulder": ("shoulder", "elbow"),
    "elbow": ("shoulder", "elbow"),
    "wrist": ("elbow", "wrist"),
}
"""The bone, of the joint's own side, that an offset is a share of; of others, from ear to ear."""
_PARENTS = {"knee": "hip", "foot": "knee", "elbow": "shoulder", "wrist": "elbow"}
"""What is up for joints of limbs; for others it is the back's direction."""
_LEGS = ("hip", "knee", "foot")
STRENGTHS = (0.5, 1.3)
"""Range of the factor that a clip's offsets are multiplied by, in training."""
SPREAD = 0.025
"""Of what is added to them in each direction, of a bone; detectors of one family differ too."""


@dataclass(frozen=True)
class JointDefinitions:
    """Where a family of detectors puts joints, relative to their centres of rotation."""

    offsets: Mapping[str, Offset]
    """By joint without its side."""


FAMILIES = {
    "COCO-like": JointDefinitions(
        {
            "hip": (0.09, 0.04, 0.02),
            "knee": (0.02, 0.03, 0.01),
            "foot": (0.03, 0.05, 0.0),
            "shoulder": (0.11, 0.03, -0.05),
            "elbow": (0.0, -0.04, 0.04),
            "wrist": (0.0, 0.0, 0.0),
            "nose": (0.0, 0.0, 0.05),
            "eye": (0.0, 0.0, 0.02),
            "ear": (0.03, 0.0, 0.02),
        }
    ),
    "MediaPipe-like": JointDefinitions(
        {
            "hip": (0.05, -0.04, 0.02),
            "knee": (0.02, 0.05, 0.01),
            "foot": (0.03, 0.06, 0.0),
            "shoulder": (0.11, -0.02, -0.06),
            "elbow": (0.0, -0.04, 0.04),
            "wrist": (0.0, 0.0, 0.0),
            "nose": (0.0, 0.0, 0.0),
            "eye": (0.0, 0.0, 0.0),
            "ear": (0.0, 0.0, -0.08),
        }
    ),
    "OpenPose-like": JointDefinitions(
        {
            "hip": (0.03, -0.07, 0.02),
            "knee": (0.01, 0.07, 0.01),
            "foot": (0.02, 0.03, 0.0),
            "shoulder": (0.08, -0.02, -0.04),
            "elbow": (0.0, -0.04, 0.03),
            "wrist": (0.0, 0.0, 0.0),
            "nose": (0.0, 0.0, 0.05),
            "eye": (0.0, 0.0, 0.02),
            "ear": (0.03, 0.0, 0.0),
        }
    ),
}
"""Those that training draws from, and that evaluation measures, each as it is."""


def displace(
    points_TM3: Floats, joint_names: Sequence[str], definitions: JointDefinitions
) -> Floats:
    """Move joints from their centres to where a detector puts them; others stay."""
    displaced = points_TM3.copy()
    frames = {limbs: body_frame(points_TM3, joint_names, limbs) for limbs in ("hip", "shoulder")}
    for joint, name in enumerate(joint_names):
        side, _, part = name.rpartition("_")
        if any(definitions.offsets.get(part, ())) and (side or part == "nose"):
            outwards, up, ahead = definitions.offsets[part]
            frame_T33 = frames["hip" if part in _LEGS else "shoulder"]
            axes_T33 = _axes(points_TM3, joint_names, side, part, frame_T33)
            local = np.array([outwards * (-1 if side == "right" else 1), up, ahead])
            length = _bone_length(points_TM3, joint_names, side, part)
            displaced[:, joint] += (axes_T33 @ (length * local)).astype(np.float32)
    return displaced


def _axes(
    points_TM3: Floats, joint_names: Sequence[str], side: str, part: str, frame_T33: Floats
) -> Array:
    """To the left, up and ahead (T, 3, 3), as columns, at a joint.

    Those across a limb become shorter as it points to the side, where they mean nothing.
    """
    if part not in _PARENTS:
        return frame_T33
    parent, joint = (joint_names.index(f"{side}_{each}") for each in (_PARENTS[part], part))
    up = points_TM3[:, parent] - points_TM3[:, joint]
    up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-6)
    left = frame_T33[:, :, 0]
    left = left - (left * up).sum(axis=-1, keepdims=True) * up
    return np.stack([left, up, np.cross(left, up)], axis=-1)


def _bone_length(points_TM3: Floats, joint_names: Sequence[str], side: str, part: str) -> float:
    names = [f"{side}_{joint}" for joint in BONES[part]] if part in BONES else _EARS
    start, end = (points_TM3[:, joint_names.index(name)] for name in names)
    return float(np.linalg.norm(end - start, axis=-1).mean())


_EARS = ["left_ear", "right_ear"]


def random_definitions(rng: np.random.Generator) -> JointDefinitions:
    """Draw a family of detectors, how far it goes, and how one of them differs from it."""
    family = tuple(FAMILIES.values())[rng.integers(len(FAMILIES))]
    strength = rng.uniform(*STRENGTHS)
    offsets = {
        part: tuple((strength * np.array(offset) + rng.normal(0, SPREAD, 3)).tolist())
        for part, offset in family.offsets.items()
    }
    return replace(family, offsets=offsets)


def _change(points_TM3: Floats, setting: Any, motions: Motions, rng: np.random.Generator) -> Floats:  # noqa: ANN401
    """By a family's definitions, or by random ones for a share of the clips."""
    if isinstance(setting, JointDefinitions):
        return displace(points_TM3, motions.joint_names, setting)
    if happens(setting, rng):
        return displace(points_TM3, motions.joint_names, random_definitions(rng))
    return points_TM3


JOINT_DEFINITIONS = Augmentation(
    name="joint_definitions",
    help="Share of the clips in which hips, shoulders and others are where some detector puts them,"
    " not at the joints' centres.",
    stage=Stage.POINTS,
    change=_change,
)
