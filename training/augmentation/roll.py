"""Roll: the camera is turned about its optical axis, as when held by hand."""

from dataclasses import replace

import numpy as np

from training.augmentation.augmentation import Augmentation, Stage, with_probability
from training.augmentation.synthetic_camera import SyntheticCamera, rolled

_MOST_ROLL = np.radians(45)


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
