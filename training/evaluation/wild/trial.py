"""A real trial with ground truth: a person on a beam, in four calibrated cameras.

The keypoints are OpenPose's; the truth is triangulated from all four cameras.
``examples/README.md`` says where they come from.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.formats import FORMATS
from poselift.skeletons import H36M17

Floats = NDArray[np.floating]

TRIAL = Path(__file__).parents[3] / "examples" / "balancing"
CAMERAS = ("cam01", "cam02", "cam03", "cam04")
LIMBS = tuple(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
"""The joints that take part."""
POSE_COLUMNS = [H36M17.joints.index(limb.replace("_ankle", "_foot")) for limb in LIMBS]
"""Where the limbs are among a pose's joints."""
_SURE = 0.3
"""Keypoints with a lower score do not take part in the triangulation."""


def request(camera: str) -> dict[str, Any]:
    """The lift request of one camera."""
    body: dict[str, Any] = json.loads((TRIAL / f"{camera}.json").read_text())
    return body


def calibration() -> dict[str, Any]:
    """Each camera's intrinsics, and its place in the room."""
    cameras: dict[str, Any] = json.loads((TRIAL / "calibration.json").read_text())
    return cameras


def keypoints(camera: str) -> Floats:
    """The limbs' keypoints (T, 12, 3) of one camera."""
    joints = FORMATS[request(camera)["keypoint_format"]].joints
    columns = [joints.index(limb) for limb in LIMBS]
    return np.array(request(camera)["clips"][0]["keypoints"])[:, columns]


def triangulated() -> Floats:
    """The limbs (T, 12, 3) in metres, from all cameras by least squares on the rays."""
    calibrations = calibration()
    rows, weights = [], []
    for name in CAMERAS:
        seen = keypoints(name)
        camera_model = Camera(**{key: tuple(v) for key, v in calibrations[name]["camera"].items()})
        matrix = projection(calibrations[name])
        rays = camera_model.rays(seen[..., :2])
        rows.append(rays[..., None] * matrix[2] - matrix[:2])
        weights.append(np.where(seen[..., 2] > _SURE, seen[..., 2], 0))
    system = np.stack(rows, axis=2) * np.stack(weights, axis=2)[..., None, None]
    system = system.reshape(*system.shape[:2], -1, 4)
    solution = np.linalg.svd(system)[2][..., -1, :]
    return np.asarray(solution[..., :3] / solution[..., 3:])


def projection(camera: dict[str, Any]) -> Floats:
    """The matrix (3, 4) that maps world points to the camera's axes."""
    rotation = _from_rotation_vector(np.array(camera["rotation_vector"]))
    return np.column_stack([rotation, camera["translation_m"]])


def _from_rotation_vector(vector: Floats) -> Floats:
    """The rotation by |vector| radians about it (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
