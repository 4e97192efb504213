"""Lying: the body is turned about the hip, as far as lying."""

import numpy as np
from scipy.spatial.transform import Rotation

from training.augmentation.augmentation import Augmentation, Floats, Stage, with_probability
from training.augmentation.limbs import turn_about


def lay_down_person(points_TM3: Floats, rng: np.random.Generator) -> Floats:
    """Tip the body over about the hip in any direction, as far as lying, for the whole clip."""
    direction, angle = rng.uniform(0, 2 * np.pi), rng.uniform(np.radians(50), np.radians(110))
    tip = Rotation.from_rotvec(angle * np.array([np.cos(direction), 0.0, np.sin(direction)]))
    others = range(1, points_TM3.shape[1])
    return turn_about(points_TM3, 0, others, Rotation.concatenate([tip] * len(points_TM3)))


LYING = Augmentation(
    name="lying",
    help="Share of the clips in which the body is turned about the hip, as far as lying.",
    stage=Stage.MOTION,
    change=with_probability(lambda points, _, rng: lay_down_person(points, rng)),
    condition="lying, simulated",
)
