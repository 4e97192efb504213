"""Made-up poses of known joint angles, by forward kinematics of their own (SciPy's rotations)."""

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.imputation import Quality
from poselift.poses import Poses
from poselift.skeletons import H36M17

LENGTHS = {
    "hip": 0.13,
    "thigh": 0.43,
    "shank": 0.42,
    "abdomen": 0.23,
    "chest": 0.26,
    "neck": 0.11,
    "head": 0.12,
    "collar": 0.17,
    "upper_arm": 0.29,
    "forearm": 0.25,
}
FPS = 30.0
ARM_AT_REST_DEGREES = {"arm_flex": 0, "arm_add": -90, "arm_rot": 0}
"""Of a T-pose; with no angle at all, arms hang."""


def figure(angles_degrees: dict[str, object], frames: int = 1, **fields: object) -> Poses:
    """Poses, y up, of joint angles named as in OpenSim, each a number or one a frame; others 0.

    Of the body: ``pelvis_tilt``, ``pelvis_list``, ``pelvis_rotation`` and ``lumbar_…``; of sides,
    ``hip_flexion_r``, ``hip_adduction_r``, ``hip_rotation_r``, ``knee_angle_r``, ``arm_flex_r``,
    ``arm_add_r``, ``arm_rot_r``, ``elbow_flex_r``.
    """
    known = {name: np.broadcast_to(each, frames) for name, each in angles_degrees.items()}

    def turn(z: str, x: str = "", y: str = "", mirror: int = 1) -> Rotation:
        angles = [known.get(name, np.zeros(frames)) for name in (z, x, y)]
        return Rotation.from_euler("ZXY", np.stack(angles, 1) * [1, mirror, mirror], degrees=True)

    def bone(rotation: Rotation, name: str, way: tuple[float, float, float]) -> np.ndarray:
        return rotation.apply(np.tile(np.array(way) * LENGTHS[name], (frames, 1)))

    pelvis = turn("pelvis_tilt", "pelvis_list", "pelvis_rotation")
    chest = pelvis * turn("lumbar_extension", "lumbar_bending", "lumbar_rotation")
    at = {"hip": np.zeros((frames, 3))}
    at["spine"] = bone(pelvis, "abdomen", (0, 1, 0))
    at["thorax"] = at["spine"] + bone(chest, "chest", (0, 1, 0))
    at["neck"] = at["thorax"] + bone(chest, "neck", (0.2588, 0.9659, 0))
    at["head"] = at["neck"] + bone(chest, "head", (-0.2588, 0.9659, 0))
    for side, right in (("right", 1), ("left", -1)):
        end = side[0]
        at[f"{side}_hip"] = bone(pelvis, "hip", (0, 0, right))
        thigh = pelvis * turn(
            f"hip_flexion_{end}", f"hip_adduction_{end}", f"hip_rotation_{end}", right
        )
        at[f"{side}_knee"] = at[f"{side}_hip"] + bone(thigh, "thigh", (0, -1, 0))
        # A knee bends backwards, against the hip's flexion.
        knee = Rotation.from_euler(
            "Z",
            -np.reshape(known.get(f"knee_angle_{end}", np.zeros(frames)), (-1, 1)),
            degrees=True,
        )
        at[f"{side}_foot"] = at[f"{side}_knee"] + bone(thigh * knee, "shank", (0, -1, 0))
        at[f"{side}_shoulder"] = at["thorax"] + bone(chest, "collar", (0, -0.2, 0.98 * right))
        arm = chest * turn(f"arm_flex_{end}", f"arm_add_{end}", f"arm_rot_{end}", right)
        at[f"{side}_elbow"] = at[f"{side}_shoulder"] + bone(arm, "upper_arm", (0, -1, 0))
        elbow = arm * turn(f"elbow_flex_{end}")
        at[f"{side}_wrist"] = at[f"{side}_elbow"] + bone(elbow, "forearm", (0, -1, 0))
    forward_up_right = np.stack([at[name] for name in H36M17.joints], axis=1)
    y_up = np.stack(
        [-forward_up_right[..., 2], forward_up_right[..., 1], forward_up_right[..., 0]], axis=-1
    )
    known_fields = {
        "quality": np.full(frames, Quality.MEASURED, np.uint8),
        "trajectory": np.tile(np.float32([0.3, 0.9, -4.0]), (frames, 1)),
        "fps": FPS,
        "axes": "y_up",
    }
    return Poses(y_up.astype(np.float32), **(known_fields | fields))


def both(angles_degrees: dict[str, object]) -> dict[str, object]:
    """The same angles on both sides."""
    return {f"{name}_{end}": each for name, each in angles_degrees.items() for end in "rl"}


T_POSE = both(ARM_AT_REST_DEGREES)
SQUAT = {"pelvis_tilt": -20, **both({"hip_flexion": 100, "knee_angle": 120, "arm_flex": 90})}
LYING = {"pelvis_tilt": 90, **both({"arm_add": -30, "elbow_flex": 20})}
ARMS_UP = both({"arm_flex": 170, "elbow_flex": 10})
HANGING: dict[str, object] = {}
TURNED = {"pelvis_rotation": 150, **both({"hip_flexion": 20, "knee_angle": 40, "elbow_flex": 60})}
FIGURES = {
    "T-pose": T_POSE,
    "squat": SQUAT,
    "lying": LYING,
    "arms up": ARMS_UP,
    "arms hanging straight": HANGING,
    "turned away": TURNED,
}


def walk(frames: int = 60) -> Poses:
    """A person who walks and swings the arms, which are straight at times."""
    phase = np.linspace(0, 4 * np.pi, frames)
    swing = np.sin(phase)
    legs = {
        "hip_flexion_r": 25 * swing,
        "hip_flexion_l": -25 * swing,
        "knee_angle_r": 30 - 30 * np.cos(phase),
        "knee_angle_l": 30 + 30 * np.cos(phase),
        "arm_flex_r": -25 * swing,
        "arm_flex_l": 25 * swing,
        "elbow_flex_r": 20 - 20 * swing,
        "elbow_flex_l": 20 + 20 * swing,
        "lumbar_rotation": 8 * swing,
        "pelvis_rotation": np.linspace(0, 200, frames),
    }
    path = np.stack([np.linspace(0, 2, frames), np.full(frames, 0.9), np.full(frames, -4)], axis=1)
    return figure(legs, frames, trajectory=path.astype(np.float32))
