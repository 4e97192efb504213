"""Joint angles of poses, named and signed as in OpenSim's full-body models.

The axes are OpenSim's: x forward, y up, z to the right. A joint's angles are those of the distal
segment in the proximal one, about z, then x, then y of the moving segment (Grood and Suntay 1983;
for the hip Wu et al. 2002). The shoulder has those of Wu et al. 2005 too, about y, x and y.
"""

from collections.abc import Iterator

import numpy as np

from poselift.array_types import Doubles
from poselift.kinematics.rotations import euler_yxy, euler_zxy, inverse
from poselift.kinematics.segments import BodyMotion, hinge_angle, straight_down
from poselift.poses import Poses

TO_OPENSIM_33 = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
"""Turns columns y up, z towards the camera, to x forward, y up, z right: a person who faces the
camera faces forward."""
_MIRROR_33 = np.diag([1.0, 1, -1])


def joint_angles(poses: Poses) -> dict[str, Doubles]:
    """The angles (T,) of hips, knees, shoulders, elbows and trunk by name, in degrees.

    Names and signs are those of OpenSim's models, with ``_r`` and ``_l`` for the sides: flexion,
    adduction and internal rotation are positive on both. NaN where the pose is unknown. There is no
    ankle, for want of toes. The documentation of exports has the definitions.

    Raises:
        InvalidInput: the joints are not those of Human3.6M, or no frame rate or pose is known.
    """
    motion = BodyMotion.of(poses)
    angles = angles_of(motion)
    return {name: np.where(motion.is_known, each, np.nan) for name, each in angles.items()}


def angles_of(motion: BodyMotion) -> dict[str, Doubles]:
    """The same of a motion, whose unknown frames repeat those before them."""
    found = [*_trunk(motion)]
    for side in ("right", "left"):
        found += [(f"{name}_{side[0]}", each) for name, each in _limbs(motion, side)]
    return {name: np.degrees(each) for name, each in found}


def _trunk(motion: BodyMotion) -> Iterator[tuple[str, Doubles]]:
    pelvis, chest = motion.rotations["pelvis"], motion.rotations["chest"]
    names = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
    yield from zip(names, euler_zxy(_in_opensim(pelvis)).T, strict=True)
    names = ("lumbar_extension", "lumbar_bending", "lumbar_rotation")
    yield from zip(names, euler_zxy(_in_opensim(inverse(pelvis) @ chest)).T, strict=True)


def _limbs(motion: BodyMotion, side: str) -> Iterator[tuple[str, Doubles]]:
    turns = motion.rotations
    thigh = _as_right(inverse(turns["pelvis"]) @ turns[f"{side}_thigh"], side)
    names = ("hip_flexion", "hip_adduction", "hip_rotation")
    yield from zip(names, euler_zxy(thigh).T, strict=True)
    yield "knee_angle", hinge_angle(turns, f"{side}_leg")
    hanging = turns[f"{side}_upper_arm"] @ straight_down(side).T
    arm = _as_right(inverse(turns["chest"]) @ hanging, side)
    names = ("arm_flex", "arm_add", "arm_rot")
    yield from zip(names, euler_zxy(arm).T, strict=True)
    yield "elbow_flex", hinge_angle(turns, f"{side}_arm")
    plane, elevation, rotation = euler_yxy(arm).T
    yield "shoulder_plane", plane
    yield "shoulder_elevation", -elevation
    yield "shoulder_rotation", rotation


def _in_opensim(rotations_T33: Doubles) -> Doubles:
    turned: Doubles = TO_OPENSIM_33 @ rotations_T33 @ TO_OPENSIM_33.T
    return turned


def _as_right(rotations_T33: Doubles, side: str) -> Doubles:
    """In OpenSim's axes; of the left side as a mirror shows it, so that signs are the same."""
    turned = _in_opensim(rotations_T33)
    return turned if side == "right" else _MIRROR_33 @ turned @ _MIRROR_33
