"""Joint-angle jitter: trunk, arms and legs turn, elbows and knees open and close, slowly.

Limbs turn as a whole about hips and shoulders, and knees and elbows about their own hinges, within
the limits of human joints.
"""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from poselift.skeletons import H36M17
from training.array_types import Array, Floats
from training.augmentation.augmentation import Augmentation, Stage, with_probability
from training.augmentation.limbs import LIMBS, flex, limb, turn_about

_SWING = {"shoulder": np.radians(30), "hip": np.radians(18)}
"""Spread of the turns of arms and legs about where they hang."""
_FLEXION = {"shoulder": np.radians(35), "hip": np.radians(25)}
"""Spread of what elbows and knees open or close."""
_TRUNK = np.radians(10)
"""Spread of the upper body's turns about the hip."""
_KNOTS_APART_S = (0.4, 3.0)


def jitter_joint_angles(
    points_TM3: Floats, joint_names: Sequence[str], fps: float, rng: np.random.Generator
) -> Floats:
    """Turn trunk, arms and legs, and open and close elbows and knees, a little and slowly."""
    frames = len(points_TM3)
    bent = _turn_trunk(points_TM3, _TRUNK * _smooth_noise(frames, 3, fps, rng))
    for limbs in LIMBS:
        for side in ("left", "right"):
            chain = limb(joint_names, side, limbs)
            swing = Rotation.from_rotvec(_SWING[limbs] * _smooth_noise(frames, 3, fps, rng))
            bent = turn_about(bent, chain[0], chain[1:], swing)
            change = _FLEXION[limbs] * _smooth_noise(frames, 1, fps, rng)[:, 0]
            bent = flex(bent, joint_names, limbs, chain, change)
    return bent


def _turn_trunk(points_TM3: Floats, angles_T3: Array) -> Floats:
    legs = [joint for side in ("left", "right") for joint in limb(H36M17.joints, side, "hip")]
    above = [joint for joint in range(1, points_TM3.shape[1]) if joint not in legs]
    return turn_about(points_TM3, 0, above, Rotation.from_rotvec(angles_T3))


def _smooth_noise(frames: int, channels: int, fps: float, rng: np.random.Generator) -> Array:
    """Smooth random curves (T, channels) about a random constant, of unit spread, within 2."""
    apart = max(fps * np.exp(rng.uniform(*np.log(_KNOTS_APART_S))), 1.0)
    knots = np.arange(int(frames / apart) + 3) * apart
    values = rng.normal(0, 1, (len(knots), channels)) + rng.normal(0, 1, channels)
    curves = CubicSpline(knots, values)(np.arange(frames)) / np.sqrt(2)
    return np.asarray(np.clip(curves, -2, 2))


JOINT_ANGLE_JITTER = Augmentation(
    name="joint_angle_jitter",
    help="Share of the clips in which joint angles are jittered, slowly.",
    stage=Stage.MOTION,
    change=with_probability(
        lambda points, motions, rng: jitter_joint_angles(
            points, motions.joint_names, motions.fps, rng
        )
    ),
)
