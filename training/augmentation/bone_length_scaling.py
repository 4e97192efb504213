"""Bone-length scaling: each bone of a clip is made longer or shorter, alike on both sides."""

from typing import Annotated

import numpy as np
from pydantic import Field

from poselift.skeletons import H36M17
from training.array_types import Floats
from training.augmentation.augmentation import Augmentation, Stage


def scale_bones(points_TM3: Floats, spread: float, rng: np.random.Generator) -> Floats:
    """Make each bone longer or shorter, alike on both sides; its directions stay.

    Points besides Human3.6M's joints lie on the head and go where the neck goes. ``spread`` is the
    standard deviation of the factors' logarithms.
    """
    bones = [name.removeprefix("left_").removeprefix("right_") for name in H36M17.joints]
    factors = {bone: float(np.exp(spread * rng.standard_normal())) for bone in dict.fromkeys(bones)}
    moved = points_TM3.copy()
    for joint, parent in enumerate(H36M17.parents):
        if parent >= 0:
            bone = points_TM3[:, joint] - points_TM3[:, parent]
            moved[:, joint] = moved[:, parent] + factors[bones[joint]] * bone
    neck, face = H36M17.joints.index("neck"), slice(len(H36M17.joints), None)
    moved[:, face] += (moved[:, neck] - points_TM3[:, neck])[:, None]
    return moved


BONE_LENGTH_SCALING = Augmentation(
    name="bone_length_scaling",
    help="Spread of the factors by which the bones of each clip are made longer or shorter.",
    stage=Stage.MOTION,
    change=lambda points, spread, _, rng: scale_bones(points, spread, rng) if spread else points,
    type=Annotated[float, Field(ge=0, le=0.2)],
)
