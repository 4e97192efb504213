"""Lift a real trial from each of its four cameras alone and compare with their triangulation.

    make serve                                  # in another terminal
    .venv/bin/python examples/balancing.py

The keypoints are OpenPose's, the reference is triangulated from all four cameras, the error is
P-MPJPE over the twelve limb joints. See ``examples/README.md`` for where they come from.
"""

import argparse
import json
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.pose.camera import Camera
from service.pose.formats import FORMATS
from service.pose.skeleton import H36M17
from training.metrics import p_mpjpe

Floats = NDArray[np.floating]

TRIAL = Path(__file__).with_name("balancing")
CAMERAS = ("cam01", "cam02", "cam03", "cam04")
LIMBS = tuple(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
_SURE = 0.3
"""Keypoints with a lower score do not take part in the triangulation."""


def request(camera: str) -> dict[str, Any]:
    """The lift request of one camera."""
    body: dict[str, Any] = json.loads((TRIAL / f"{camera}.json").read_text())
    return body


def keypoints(camera: str) -> Floats:
    """The limbs' keypoints (T, 12, 3) of one camera."""
    joints = FORMATS[request(camera)["keypoint_format"]].joints
    columns = [joints.index(limb) for limb in LIMBS]
    return np.array(request(camera)["clips"][0]["keypoints"])[:, columns]


def triangulated() -> Floats:
    """The limbs (T, 12, 3) in metres, from all cameras by least squares on the rays."""
    calibration = json.loads((TRIAL / "calibration.json").read_text())
    rows, weights = [], []
    for name in CAMERAS:
        seen = keypoints(name)
        lens = Camera(**{key: tuple(v) for key, v in calibration[name]["camera"].items()})
        projection = _projection(calibration[name])
        rays = lens.rays(seen[..., :2])
        rows.append(rays[..., None] * projection[2] - projection[:2])
        weights.append(np.where(seen[..., 2] > _SURE, seen[..., 2], 0))
    system = np.stack(rows, axis=2) * np.stack(weights, axis=2)[..., None, None]
    system = system.reshape(*system.shape[:2], -1, 4)
    solution = np.linalg.svd(system)[2][..., -1, :]
    points: Floats = solution[..., :3] / solution[..., 3:]
    return points


def _projection(calibration: dict[str, Any]) -> Floats:
    """The matrix (3, 4) that maps world points to the camera's axes."""
    rotation = _from_rotation_vector(np.array(calibration["rotation_vector"]))
    return np.column_stack([rotation, calibration["translation_m"]])


def _from_rotation_vector(vector: Floats) -> Floats:
    """The rotation by |vector| radians about it (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Floats = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn


def lift(url: str, body: dict[str, Any]) -> Floats:
    """Poses (T, 17, 3) from a running service."""
    call = urllib.request.Request(
        f"{url}/v1/lift", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call) as answer:
        return np.array(json.load(answer)["clips"][0]["poses"])


def errors_mm(url: str, model: str, with_intrinsics: bool = False) -> dict[str, float]:
    """P-MPJPE of each camera's poses, in millimetres."""
    reference = triangulated()
    calibration = json.loads((TRIAL / "calibration.json").read_text())
    columns = [H36M17.joints.index(limb.replace("_ankle", "_foot")) for limb in LIMBS]
    errors = {}
    for name in CAMERAS:
        body = {**request(name), "model": model}
        if with_intrinsics:
            body["camera"] = calibration[name]["camera"]
        errors[name] = p_mpjpe(lift(url, body)[:, columns], reference) * 1000
    return errors


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--model", default="default")
    parser.add_argument("--with-intrinsics", action="store_true")
    arguments = parser.parse_args()
    errors = errors_mm(arguments.url, arguments.model, arguments.with_intrinsics)
    for name, error in errors.items():
        print(f"{name}  {error:6.1f} mm")
    print(f"mean   {np.mean(list(errors.values())):6.1f} mm")


if __name__ == "__main__":
    main()
