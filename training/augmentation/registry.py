"""All augmentations of motion capture: a new one is a file of its own and a line here."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.augmentation.augmentation import Augmentation, Motions, Stage
from training.augmentation.bodies import BONE_LENGTH_SCALING, LIMB_SWAP
from training.augmentation.framing import ROLL, TRUNCATION
from training.augmentation.joint_angle_jitter import JOINT_ANGLE_JITTER
from training.augmentation.joint_definitions import JOINT_DEFINITIONS
from training.augmentation.posture import LYING, SITTING, STRAIGHT_ARMS
from training.augmentation.timing import BACKWARDS, SPEED

AUGMENTATIONS: tuple[Augmentation, ...] = (
    SPEED,
    LIMB_SWAP,
    SITTING,
    JOINT_ANGLE_JITTER,
    STRAIGHT_ARMS,
    LYING,
    BONE_LENGTH_SCALING,
    BACKWARDS,
    ROLL,
    JOINT_DEFINITIONS,
    TRUNCATION,
)
"""In the order in which they are applied within their stages."""


def augment(
    stage: Stage,
    subject: Any,  # noqa: ANN401 - what the stage says
    settings: Mapping[str, Any],
    motions: Motions,
    rng: np.random.Generator,
) -> Any:  # noqa: ANN401
    """Apply the augmentations of a stage; those that ``settings`` does not name are off."""
    for each in AUGMENTATIONS:
        if each.stage is stage:
            subject = each.change(subject, settings.get(each.name, each.off), motions, rng)
    return subject
