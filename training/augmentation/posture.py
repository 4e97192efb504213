"""Posture: clips of upright people become clips of people who sit or lie."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from training.array_types import Floats
from training.augmentation.augmentation import Augmentation, Stage, with_probability
from training.augmentation.limbs import body_frame, flex, flexion, limb, turn_about

_SEATED_THIGHS = np.radians((55, 110))
"""Between a hanging and a seated thigh, forwards."""
_SEATED_KNEES = np.radians((30, 115))


def seat_person(points_TM3: Floats, joint_names: Sequence[str], rng: np.random.Generator) -> Floats:
    """Bring the thighs of an upright person forwards and bend the knees, as on a chair or floor.

    What the legs do besides stays, around their new mean.
    """
    seated = points_TM3
    thighs, knees = rng.uniform(*_SEATED_THIGHS), rng.uniform(*_SEATED_KNEES)
    for side in ("left", "right"):
        chain = limb(joint_names, side, "hip")
        across, up, ahead = np.moveaxis(body_frame(seated, joint_names, "hip"), 2, 0)
        thigh = seated[:, chain[1]] - seated[:, chain[0]]
        forwards_T = np.arctan2((thigh * ahead).sum(-1), -(thigh * up).sum(-1))
        forwards = float(np.angle(np.exp(1j * forwards_T).mean()))
        more = thighs + rng.normal(0, np.radians(10)) - forwards
        seated = turn_about(seated, chain[0], chain[1:], Rotation.from_rotvec(-more * across))
        wanted = knees + rng.normal(0, np.radians(10))
        change = wanted - float(np.mean(flexion(seated, chain)))
        seated = flex(seated, joint_names, "hip", chain, np.full(len(seated), change))
    return seated


SITTING = Augmentation(
    name="sitting",
    help="Share of the clips in which legs are bent as if seated.",
    stage=Stage.MOTION,
    change=with_probability(
        lambda points, motions, rng: seat_person(points, motions.joint_names, rng)
    ),
    condition="sitting, simulated",
)


def lay_down_person(points_TM3: Floats, rng: np.random.Generator) -> Floats:
    """Turn the body about the hip in any direction, as far as lying, for the whole clip."""
    direction, angle = rng.uniform(0, 2 * np.pi), rng.uniform(np.radians(50), np.radians(110))
    turn = Rotation.from_rotvec(angle * np.array([np.cos(direction), 0.0, np.sin(direction)]))
    others = range(1, points_TM3.shape[1])
    return turn_about(points_TM3, 0, others, Rotation.concatenate([turn] * len(points_TM3)))


LYING = Augmentation(
    name="lying",
    help="Share of the clips in which the body is turned about the hip, as far as lying.",
    stage=Stage.MOTION,
    change=with_probability(lambda points, _, rng: lay_down_person(points, rng)),
    condition="lying, simulated",
)


def straighten_arms(
    points_TM3: Floats, joint_names: Sequence[str], rng: np.random.Generator
) -> Floats:
    """Scale the flexion of each elbow by a factor for the whole clip, which is often 0."""
    straighter = points_TM3
    for side in ("left", "right"):
        chain = limb(joint_names, side, "shoulder")
        less = min(rng.uniform(0, 1.5), 1.0)
        straighter = flex(
            straighter, joint_names, "shoulder", chain, -less * flexion(straighter, chain)
        )
    return straighter


STRAIGHT_ARMS = Augmentation(
    name="straight_arms",
    help="Share of the clips in which elbows are straighter than recorded, or straight.",
    stage=Stage.MOTION,
    change=with_probability(
        lambda points, motions, rng: straighten_arms(points, motions.joint_names, rng)
    ),
)
