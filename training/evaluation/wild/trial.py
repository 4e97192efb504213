"""A real trial with ground truth, a person on a beam in four calibrated cameras.

The keypoints are OpenPose's; the truth is triangulated from all four cameras.
``examples/README.md`` says where they come from. The errors of real detectors and of the simulated
one are measured on it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from poselift.cameras import Camera
from poselift.formats import FORMATS
from poselift.imputation import MIN_SCORE, measured_joints
from poselift.postprocess.smoothing import smooth
from poselift.skeletons import H36M17
from training.array_types import Array, Floats
from training.augmentation.detector_noise import NoiseLevel, detect

TRIAL = Path(__file__).parents[3] / "examples" / "balancing"
CAMERAS = ("cam01", "cam02", "cam03", "cam04")
LIMBS = tuple(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
POSE_COLUMNS = [H36M17.joints.index(limb.replace("_ankle", "_foot")) for limb in LIMBS]
"""Where the limbs are among a pose's joints."""
_SURE = 0.3
"""Keypoints with a lower score do not take part in the triangulation."""
FPS = 60.0
_SMOOTHED_FRAMES = 6
"""On either side: what is faster than that is the triangulation's own jitter."""
_OUTER = [i for i, name in enumerate(LIMBS) if name.endswith(("wrist", "ankle"))]
_INNER = [i for i, name in enumerate(LIMBS) if name.endswith(("shoulder", "hip"))]
_MEMORY_S = 0.1
_FORMAT = "coco17"
_COLUMNS = [FORMATS[_FORMAT].joints.index(limb) for limb in LIMBS]


def request(camera: str) -> dict[str, Any]:
    """The lift request of one camera."""
    body: dict[str, Any] = json.loads((TRIAL / f"{camera}.json").read_text())
    return body


def calibration() -> dict[str, Any]:
    """Each camera's intrinsics, and its place in the room."""
    cameras: dict[str, Any] = json.loads((TRIAL / "calibration.json").read_text())
    return cameras


def keypoints(camera: str) -> Array:
    """The limbs' keypoints (T, 12, 3) of one camera."""
    joints = FORMATS[request(camera)["keypoint_format"]].joints
    columns = [joints.index(limb) for limb in LIMBS]
    return np.array(request(camera)["clips"][0]["keypoints"])[:, columns]


def triangulated() -> Array:
    """The limbs (T, 12, 3) in metres, from all cameras by least squares on the rays."""
    calibrations = calibration()
    rows, weights = [], []
    for name in CAMERAS:
        seen = keypoints(name)
        matrix = projection(calibrations[name])
        rays = _intrinsics(calibrations[name]).rays(seen[..., :2])
        rows.append(rays[..., None] * matrix[2] - matrix[:2])
        weights.append(np.where(seen[..., 2] > _SURE, seen[..., 2], 0))
    system = np.stack(rows, axis=2) * np.stack(weights, axis=2)[..., None, None]
    system = system.reshape(*system.shape[:2], -1, 4)
    solution = np.linalg.svd(system)[2][..., -1, :]
    return np.asarray(solution[..., :3] / solution[..., 3:])


def _intrinsics(camera: dict[str, Any]) -> Camera:
    return Camera(**{key: tuple(value) for key, value in camera["camera"].items()})


def projection(camera: dict[str, Any]) -> Array:
    """The matrix (3, 4) that maps world points to the camera's axes."""
    rotation = _from_rotation_vector(np.array(camera["rotation_vector"]))
    return np.column_stack([rotation, camera["translation_m"]])


def _from_rotation_vector(vector: Array) -> Array:
    """The rotation by |vector| radians about it (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


@dataclass(frozen=True)
class DetectorErrors:
    """A detector's errors, less a constant of each joint: what each calls a hip is its own."""

    size: float
    """Median, as a share of the person's extent in the image."""
    tail: float
    """The 99th percentile over the median."""
    step: float
    """Median change from frame to frame, as a share of the extent."""
    autocorrelation: float
    """Correlation with what they are a tenth of a second later."""
    outer: float
    """Those of wrists and ankles over those of shoulders and hips."""
    missing: float
    """Share of the joints that are missing."""
    score_correlation: float
    """Rank correlation of scores with errors: -1 if they follow all of them, 0 if none."""


def truth(camera: str) -> Array:
    """Where a camera of the trial should see the limbs: (T, 12, 2) pixels."""
    calibrated = calibration()[camera]
    matrix = projection(calibrated)
    world = smooth(triangulated().astype(np.float32), _SMOOTHED_FRAMES)
    return _intrinsics(calibrated).project(
        (world @ matrix[:, :3].T + matrix[:, 3]).astype(np.float32)
    )


def openpose_errors() -> DetectorErrors:
    """OpenPose's, of which the triangulation is made: its errors come out too small."""
    return detector_errors({camera: keypoints(camera) for camera in CAMERAS})


def simulated(level: float, clips: int = 10) -> DetectorErrors:
    """Those of simulated detector noise, from many trials with the same person."""
    rng = np.random.default_rng(0)
    noise = NoiseLevel().scaled(level)
    found = {
        f"{camera} {clip}": detect(_whole(camera), _FORMAT, noise, FPS, rng)[:, _COLUMNS]
        for camera in CAMERAS
        for clip in range(clips)
    }
    return detector_errors(found)


def _whole(camera: str) -> Floats:
    """The truth in a detector's format, with a face between the shoulders."""
    limbs = truth(camera)
    shoulders = limbs[:, [LIMBS.index("left_shoulder"), LIMBS.index("right_shoulder")]]
    whole = np.repeat(shoulders.mean(axis=1)[:, None], len(FORMATS[_FORMAT].joints), axis=1)
    whole[:, _COLUMNS] = limbs
    return whole.astype(np.float32)


def detector_errors(found: Mapping[str, Array]) -> DetectorErrors:
    """The error statistics of a detector, from its detections (T, 12, 3) in cameras by name."""
    errors, missing, scores = [], [], []
    for name, seen in found.items():
        true = truth(name.split()[0])
        count = min(len(true), len(seen))
        extent_T11 = np.ptp(true[:count], axis=1).max(axis=-1)[:, None, None]
        error = (seen[:count, :, :2] - true[:count]) / extent_T11
        is_missing = ~measured_joints(seen[:count], MIN_SCORE)
        error[is_missing] = np.nan
        errors.append(error - np.nanmedian(error, axis=0))
        missing.append(is_missing)
        scores.append(seen[:count, :, 2])
    sizes = _lengths(errors)
    return DetectorErrors(
        size=float(np.nanmedian(sizes)),
        tail=float(np.nanpercentile(sizes, 99) / np.nanmedian(sizes)),
        step=float(np.nanmedian(_lengths([np.diff(error, axis=0) for error in errors]))),
        autocorrelation=_autocorrelation(errors, round(_MEMORY_S * FPS)),
        outer=float(np.nanmedian(sizes[:, _OUTER]) / np.nanmedian(sizes[:, _INNER])),
        missing=float(np.concatenate(missing).mean()),
        score_correlation=_rank_correlation(np.concatenate(scores), sizes),
    )


def _lengths(vectors: list[Array]) -> Array:
    return np.asarray(np.linalg.norm(np.concatenate(vectors), axis=-1))


def _autocorrelation(errors: list[Array], lag: int) -> float:
    now = np.concatenate([error[:-lag].ravel() for error in errors])
    later = np.concatenate([error[lag:].ravel() for error in errors])
    return _rank_correlation(now, later)


def _rank_correlation(some: Array, others: Array) -> float:
    """Of what is known, by rank, which gross errors do not sway."""
    known = np.isfinite(some) & np.isfinite(others)
    return float(spearmanr(some[known], others[known]).statistic)
