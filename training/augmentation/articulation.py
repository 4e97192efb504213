"""Poses that nobody recorded: joints bent further, people sitting and lying.

Limbs turn as a whole about hips and shoulders, and knees and elbows open and close about their own
hinges, within what people can do. All of it changes slowly, so that motion stays motion.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from poselift.skeletons import H36M17
from training.augmentation.recombination import LIMBS, body_frame

Floats = NDArray[np.float32]

_SWING = {"shoulder": np.radians(30), "hip": np.radians(18)}
"""Spread of the turns of arms and legs about where they hang."""
_FLEXION = {"shoulder": np.radians(35), "hip": np.radians(25)}
"""Spread of what elbows and knees open or close."""
_MOST_FLEXED = np.radians(145)
_TRUNK = np.radians(10)
"""Spread of the upper body's turns about the hip."""
_KNOTS_APART_S = (0.4, 3.0)
_SEATED_THIGHS = np.radians((55, 110))
"""Between a hanging and a seated thigh, forwards."""
_SEATED_KNEES = np.radians((30, 115))
_HINGE_SHARE = 0.1
"""Of a limb's bones, how much a nearly straight limb keeps to the hinge of an ordinary one."""


def jitter_joint_angles(
    points_TM3: Floats, joint_names: Sequence[str], fps: float, rng: np.random.Generator
) -> Floats:
    """Turn trunk, arms and legs, and open and close elbows and knees, a little and slowly.

    Args:
        points_TM3: world axes, metres, y up; the first are the joints of Human3.6M.
        joint_names: what the M points are.
        fps: frames per second.
        rng: where the angles come from.
    """
    frames = len(points_TM3)
    bent = _turn_trunk(points_TM3, _TRUNK * _wander(frames, 3, fps, rng))
    for limbs in LIMBS:
        for side in ("left", "right"):
            chain = limb(joint_names, side, limbs)
            swing = Rotation.from_rotvec(_SWING[limbs] * _wander(frames, 3, fps, rng))
            bent = _turn_about(bent, chain[0], chain[1:], swing)
            change = _FLEXION[limbs] * _wander(frames, 1, fps, rng)[:, 0]
            bent = flex(bent, joint_names, limbs, chain, change)
    return bent


def seat_person(points_TM3: Floats, joint_names: Sequence[str], rng: np.random.Generator) -> Floats:
    """Bring the thighs of somebody upright forwards and bend the knees, as on a chair or floor.

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
        across, up, ahead = _axes(seated, joint_names, "hip")
        thigh = seated[:, chain[1]] - seated[:, chain[0]]
        forwards = np.arctan2((thigh * ahead).sum(-1), -(thigh * up).sum(-1))
        more = thighs + rng.normal(0, np.radians(10)) - _mean_angle(forwards)
        seated = _turn_about(seated, chain[0], chain[1:], Rotation.from_rotvec(-more * across))
        wanted = knees + rng.normal(0, np.radians(10))
        change = wanted - float(np.mean(_flexion(seated, chain)))
        seated = flex(seated, joint_names, "hip", chain, np.full(len(seated), change))
    return seated


def lay_down_person(points_TM3: Floats, rng: np.random.Generator) -> Floats:
    """Tip the body over about the hip in any direction, as far as lying, for the whole clip."""
    direction, angle = rng.uniform(0, 2 * np.pi), rng.uniform(np.radians(50), np.radians(110))
    tip = Rotation.from_rotvec(angle * np.array([np.cos(direction), 0.0, np.sin(direction)]))
    others = range(1, points_TM3.shape[1])
    return _turn_about(points_TM3, 0, others, Rotation.concatenate([tip] * len(points_TM3)))


def limb(joint_names: Sequence[str], side: str, limbs: str) -> list[int]:
    """The points of an arm (``shoulder``) or a leg (``hip``), from the trunk outwards."""
    return [joint_names.index(f"{side}_{joint}") for joint in LIMBS[limbs]]


def flex(
    points_TM3: Floats,
    joint_names: Sequence[str],
    limbs: str,
    chain: Sequence[int],
    change_T: NDArray[np.floating],
) -> Floats:
    """Close a limb's elbow or knee by so many radians, between straight and fully flexed."""
    upper, lower = _bones(points_TM3, chain)
    flexion = _flexion(points_TM3, chain)
    change = np.clip(flexion + change_T, 0, _MOST_FLEXED) - flexion
    ahead = _axes(points_TM3, joint_names, limbs)[2]
    usual = np.cross(upper, ahead if limbs == "shoulder" else -ahead)
    scale = _HINGE_SHARE * np.linalg.norm(lower, axis=-1, keepdims=True)
    hinge = np.cross(upper, lower) + scale * usual
    hinge /= np.maximum(np.linalg.norm(hinge, axis=-1, keepdims=True), 1e-9)
    turn = Rotation.from_rotvec(change[:, None] * hinge)
    return _turn_about(points_TM3, chain[1], chain[2:], turn)


def _flexion(points_TM3: Floats, chain: Sequence[int]) -> NDArray[np.floating]:
    """The angle (T,) of an elbow or knee; 0 is straight."""
    upper, lower = _bones(points_TM3, chain)
    lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
    cosines = (upper * lower).sum(-1) / np.maximum(lengths, 1e-9)
    angles: NDArray[np.floating] = np.arccos(np.clip(cosines, -1, 1))
    return angles


def _bones(points_TM3: Floats, chain: Sequence[int]) -> list[Floats]:
    return [points_TM3[:, child] - points_TM3[:, parent] for parent, child in pairwise(chain)]


def _turn_trunk(points_TM3: Floats, angles_T3: NDArray[np.floating]) -> Floats:
    legs = {
        H36M17.joints.index(f"{side}_{name}") for side in ("left", "right") for name in LIMBS["hip"]
    }
    above = [joint for joint in range(1, points_TM3.shape[1]) if joint not in legs]
    return _turn_about(points_TM3, 0, above, Rotation.from_rotvec(angles_T3))


def _turn_about(points_TM3: Floats, centre: int, moved: Sequence[int], turn_T: Rotation) -> Floats:
    """Turn some points about another, in each frame by its own rotation."""
    turned = points_TM3.copy()
    moved = list(moved)
    middle = points_TM3[:, centre, None]
    matrices = turn_T.as_matrix().astype(np.float32)
    turned[:, moved] = middle + (points_TM3[:, moved] - middle) @ matrices.transpose(0, 2, 1)
    return turned


def _axes(points_TM3: Floats, joint_names: Sequence[str], limbs: str) -> list[Floats]:
    """Across the body to its left, up the back, and ahead: (T, 3) each, of unit length."""
    frame = body_frame(points_TM3, joint_names, limbs)
    return [frame[:, :, axis] for axis in range(3)]


def _mean_angle(angles_T: NDArray[np.floating]) -> float:
    return float(np.angle(np.exp(1j * angles_T).mean()))


def _wander(
    frames: int, channels: int, fps: float, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Smooth random curves (T, channels) about a random constant, of unit spread, within 2."""
    apart = max(fps * np.exp(rng.uniform(*np.log(_KNOTS_APART_S))), 1.0)
    knots = np.arange(int(frames / apart) + 3) * apart
    values = rng.normal(0, 1, (len(knots), channels)) + rng.normal(0, 1, channels)
    curves = CubicSpline(knots, values)(np.arange(frames)) / np.sqrt(2)
    clipped: NDArray[np.floating] = np.clip(curves, -2, 2)
    return clipped
