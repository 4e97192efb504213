"""Sitting: the thighs of a standing person are brought forwards and the knees bent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.augmentation.augmentation import Augmentation, Floats, Stage, with_probability
from training.augmentation.limbs import body_axes, flex, flexion, limb, turn_about

_SEATED_THIGHS = np.radians((55, 110))
"""Between a hanging and a seated thigh, forwards."""
_SEATED_KNEES = np.radians((30, 115))


def seat_person(points_TM3: Floats, joint_names: Sequence[str], rng: np.random.Generator) -> Floats:
    """Bring the thighs of an upright person forwards and bend the knees, as on a chair or floor.

    What the legs do besides stays, around their new mean.

    Args:
        points_TM3: world axes, metres, y up.
        joint_names: what the M points are.
        rng: how far each leg is bent.
    """
    seated = points_TM3
    thighs, knees = rng.uniform(*_SEATED_THIGHS), rng.uniform(*_SEATED_KNEES)
    for side in ("left", "right"):
        chain = limb(joint_names, side, "hip")
        across, up, ahead = body_axes(seated, joint_names, "hip")
        thigh = seated[:, chain[1]] - seated[:, chain[0]]
        forwards = np.arctan2((thigh * ahead).sum(-1), -(thigh * up).sum(-1))
        more = thighs + rng.normal(0, np.radians(10)) - _mean_angle(forwards)
        seated = turn_about(seated, chain[0], chain[1:], Rotation.from_rotvec(-more * across))
        wanted = knees + rng.normal(0, np.radians(10))
        change = wanted - float(np.mean(flexion(seated, chain)))
        seated = flex(seated, joint_names, "hip", chain, np.full(len(seated), change))
    return seated


def _mean_angle(angles_T: NDArray[np.floating]) -> float:
    return float(np.angle(np.exp(1j * angles_T).mean()))


SITTING = Augmentation(
    name="sitting",
    help="Share of the clips in which legs are bent as if seated.",
    stage=Stage.MOTION,
    change=with_probability(
        lambda points, motions, rng: seat_person(points, motions.joint_names, rng)
    ),
    condition="sitting, simulated",
)
