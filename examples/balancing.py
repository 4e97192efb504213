"""Lift a real trial from each of its four cameras alone and compare with their triangulation.

    make serve                                  # in another terminal
    .venv/bin/python examples/balancing.py

The keypoints are OpenPose's, the reference is triangulated from all four cameras, the error is
P-MPJPE over the twelve limb joints. With the cameras' intrinsics the hip's path is compared too, as
it is in the room. See ``examples/README.md`` for where they come from.
"""

import argparse
import json
import urllib.request
from dataclasses import dataclass
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


def lift(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The lifted clip from a running service."""
    call = urllib.request.Request(
        f"{url}/v1/lift", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call) as answer:
        clip: dict[str, Any] = json.load(answer)["clips"][0]
    return clip


@dataclass(frozen=True)
class Compared:
    """One camera's poses and path against the triangulation."""

    pose_error_mm: float
    """P-MPJPE."""
    path_error_mm: float
    path_error_share: float
    """Of the hip's distance; both NaN without a path."""


def compare(url: str, model: str, with_intrinsics: bool = False) -> dict[str, Compared]:
    """What each camera alone makes of the trial, by its name."""
    reference = triangulated()
    calibration = json.loads((TRIAL / "calibration.json").read_text())
    columns = [H36M17.joints.index(limb.replace("_ankle", "_foot")) for limb in LIMBS]
    compared = {}
    for name in CAMERAS:
        body = {**request(name), "model": model}
        if with_intrinsics:
            body["camera"] = calibration[name]["camera"]
        clip = lift(url, body)
        error_mm = p_mpjpe(np.array(clip["poses"])[:, columns], reference) * 1000
        path = [[np.nan] * 3] if clip["trajectory"] is None else clip["trajectory"]
        compared[name] = Compared(error_mm, *_path_errors(path, reference, calibration[name]))
    return compared


def _path_errors(
    path: list[list[float]], reference: Floats, calibration: dict[str, Any]
) -> tuple[float, float]:
    hips = [LIMBS.index(f"{side}_hip") for side in ("left", "right")]
    hip_T3 = reference[:, hips].mean(axis=1)
    seen_T3 = np.column_stack([hip_T3, np.ones(len(hip_T3))]) @ _projection(calibration).T
    errors = np.linalg.norm(np.array(path) - seen_T3, axis=-1)
    return float(errors.mean() * 1000), float((errors / seen_T3[:, 2]).mean())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--model", default="default")
    parser.add_argument("--with-intrinsics", action="store_true")
    arguments = parser.parse_args()
    compared = compare(arguments.url, arguments.model, arguments.with_intrinsics)
    for name, errors in compared.items():
        line = f"{name}  {errors.pose_error_mm:6.1f} mm"
        if arguments.with_intrinsics:
            line += f"   path {errors.path_error_mm:.0f} mm, {errors.path_error_share:.1%} off"
        print(line)
    print(f"mean   {np.mean([errors.pose_error_mm for errors in compared.values()]):6.1f} mm")


if __name__ == "__main__":
    main()
