"""Timing: clips are resampled in time, which also stands for other frame rates, or reversed."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from training.array_types import Floats
from training.augmentation.augmentation import Augmentation, Stage, in_order, with_probability
from training.command import List


def change_speed(positions_TM3: Floats, speed: float) -> Floats:
    """Resample a clip as if it had been performed ``speed`` times as fast, linearly in time."""
    last = len(positions_TM3) - 1
    if speed == 1.0 or last < 1:
        return positions_TM3
    times = np.arange(0, last, speed)
    before = np.minimum(times.astype(np.int64), last - 1)
    share = (times - before).astype(np.float32)[:, None, None]
    return np.asarray(positions_TM3[before] * (1 - share) + positions_TM3[before + 1] * share)


_Positive = Annotated[float, Field(gt=0)]
SPEED = Augmentation(
    name="speed",
    help="Range of the factors by which clips are sped up: 2 looks like half the frame rate.",
    stage=Stage.MOTION,
    change=lambda points, ends, _, rng: change_speed(
        points, float(np.exp(rng.uniform(*np.log(ends))))
    ),
    type=Annotated[tuple[_Positive, _Positive], *List, AfterValidator(in_order)],
    default=(0.7, 2.0),
    off=(1.0, 1.0),
)

BACKWARDS = Augmentation(
    name="backwards",
    help="Share of the clips that run backwards in time.",
    stage=Stage.MOTION,
    change=with_probability(lambda points, _, __: points[::-1]),
)
