"""Lift a real trial from each of its four cameras alone and compare with their triangulation.

    make serve                                  # in another terminal
    .venv/bin/python examples/balancing.py

The keypoints are OpenPose's, the reference is triangulated from all four cameras, the error is
P-MPJPE over the twelve limb joints. With the cameras' intrinsics the hip's trajectory is compared
too. See ``examples/README.md`` for where they come from.
"""

import argparse
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluation.wild.trial import (
    CAMERAS,
    LIMBS,
    POSE_COLUMNS,
    calibration,
    projection,
    request,
    triangulated,
)
from training.metrics import p_mpjpe

Floats = NDArray[np.floating]


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
    """One camera's poses and trajectory against the triangulation."""

    pose_error_mm: float
    """P-MPJPE."""
    trajectory_error_mm: float
    trajectory_error_share: float
    """Of the hip's distance; both NaN without a trajectory."""


def check_parity(url: str, model: str, with_intrinsics: bool = False) -> dict[str, Compared]:
    """The errors of each camera lifted alone, by its name."""
    reference = triangulated()
    cameras = calibration()
    compared = {}
    for name in CAMERAS:
        body = {**request(name), "model": model}
        if with_intrinsics:
            body["camera"] = cameras[name]["camera"]
        clip = lift(url, body)
        error_mm = p_mpjpe(np.array(clip["poses"])[:, POSE_COLUMNS], reference) * 1000
        trajectory = [[np.nan] * 3] if clip["trajectory"] is None else clip["trajectory"]
        compared[name] = Compared(
            error_mm, *_trajectory_errors(trajectory, reference, cameras[name])
        )
    return compared


def _trajectory_errors(
    trajectory: list[list[float]], reference: Floats, camera: dict[str, Any]
) -> tuple[float, float]:
    hips = [LIMBS.index(f"{side}_hip") for side in ("left", "right")]
    hip_T3 = reference[:, hips].mean(axis=1)
    hip_in_camera_T3 = np.column_stack([hip_T3, np.ones(len(hip_T3))]) @ projection(camera).T
    errors = np.linalg.norm(np.array(trajectory) - hip_in_camera_T3, axis=-1)
    return float(errors.mean() * 1000), float((errors / hip_in_camera_T3[:, 2]).mean())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--model", default="default")
    parser.add_argument("--with-intrinsics", action="store_true")
    arguments = parser.parse_args()
    compared = check_parity(arguments.url, arguments.model, arguments.with_intrinsics)
    for name, errors in compared.items():
        line = f"{name}  {errors.pose_error_mm:6.1f} mm"
        if arguments.with_intrinsics:
            share = errors.trajectory_error_share
            line += f"   trajectory {errors.trajectory_error_mm:.0f} mm, {share:.1%} off"
        print(line)
    print(f"mean   {np.mean([errors.pose_error_mm for errors in compared.values()]):6.1f} mm")


if __name__ == "__main__":
    main()
