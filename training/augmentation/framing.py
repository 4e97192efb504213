"""Framing: the camera is rolled, as when held by hand, and the image border truncates people."""

from dataclasses import replace

import numpy as np

from poselift.imputation import MIN_SCORE, measured_joints
from training.array_types import Floats
from training.augmentation.augmentation import Augmentation, Stage, with_probability
from training.augmentation.synthetic_camera import SyntheticCamera, rolled

_MOST_ROLL = np.radians(45)
_FEWEST_LEFT = 6


def roll_camera(camera: SyntheticCamera, rng: np.random.Generator) -> SyntheticCamera:
    """The same camera, rolled by up to 45°."""
    turn = rolled(camera.turn_33, rng.uniform(-_MOST_ROLL, _MOST_ROLL))
    return replace(camera, turn_33=turn.astype(np.float32))


ROLL = Augmentation(
    name="roll",
    help="Share of the clips whose camera is rolled, by up to 45 degrees.",
    stage=Stage.CAMERA,
    change=with_probability(lambda camera, _, rng: roll_camera(camera, rng)),
    condition="rolled camera",
)


def truncate(detected_TJ3: Floats, rng: np.random.Generator) -> Floats:
    """Remove the joints beyond the lower, right or left image border, the lower one mostly.

    In the middle frame up to half of the person is beyond it. Clips in which too few joints would
    be left in some frame stay as they are: a joint or two do not tell a person's size.
    """
    x, y = detected_TJ3[..., 0], detected_TJ3[..., 1]
    towards = (y, y, x, -x)[rng.integers(4)]
    middle = towards[len(towards) // 2]
    border = middle.max() - rng.uniform(0.05, 0.55) * np.ptp(middle)
    truncated = detected_TJ3.copy()
    truncated[towards > border, 2] = 0
    left_T = measured_joints(truncated, MIN_SCORE).sum(axis=1)
    was_detected_T = measured_joints(detected_TJ3, MIN_SCORE).any(axis=1)
    return detected_TJ3 if (left_T[was_detected_T] < _FEWEST_LEFT).any() else truncated


TRUNCATION = Augmentation(
    name="truncation",
    help="Share of the clips in which the image border cuts the person.",
    stage=Stage.KEYPOINTS,
    change=with_probability(lambda detected, _, rng: truncate(detected, rng)),
    condition="truncated by the image border",
)
