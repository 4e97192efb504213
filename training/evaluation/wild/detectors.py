"""Errors of real detectors and of the simulated one, on the trial with ground truth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from poselift.cameras import Camera
from poselift.formats import FORMATS
from poselift.imputation import MIN_SCORE, measured_joints
from poselift.postprocess.smoothing import smooth
from training.augmentation.detector_noise import NoiseLevel, detect
from training.evaluation.wild import trial

Floats = NDArray[np.floating]

FPS = 60.0
_SMOOTHED_FRAMES = 6
"""On either side: what is faster than that is the triangulation's own jitter."""
_OUTER = [i for i, name in enumerate(trial.LIMBS) if name.endswith(("wrist", "ankle"))]
_INNER = [i for i, name in enumerate(trial.LIMBS) if name.endswith(("shoulder", "hip"))]
_MEMORY_S = 0.1
_FORMAT = "coco17"
_COLUMNS = [FORMATS[_FORMAT].joints.index(limb) for limb in trial.LIMBS]


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


def truth(camera: str) -> Floats:
    """Where a camera of the trial should see the limbs: (T, 12, 2) pixels."""
    calibrated = trial.calibration()[camera]
    camera_model = Camera(**{key: tuple(value) for key, value in calibrated["camera"].items()})
    matrix = trial.projection(calibrated)
    world = smooth(trial.triangulated().astype(np.float32), _SMOOTHED_FRAMES)
    return camera_model.project((world @ matrix[:, :3].T + matrix[:, 3]).astype(np.float32))


def openpose_errors() -> DetectorErrors:
    """OpenPose's, of which the triangulation is made: its errors come out too small."""
    return detector_errors({camera: trial.keypoints(camera) for camera in trial.CAMERAS})


def simulated(level: float, clips: int = 10) -> DetectorErrors:
    """Those of simulated detector noise, from many trials with the same person."""
    rng = np.random.default_rng(0)
    noise = NoiseLevel().scaled(level)
    found = {
        f"{camera} {clip}": detect(_whole(camera), _FORMAT, noise, FPS, rng)[:, _COLUMNS]
        for camera in trial.CAMERAS
        for clip in range(clips)
    }
    return detector_errors(found)


def _whole(camera: str) -> NDArray[np.float32]:
    """The truth in a detector's format, with a face between the shoulders."""
    limbs = truth(camera)
    shoulders = limbs[:, [trial.LIMBS.index("left_shoulder"), trial.LIMBS.index("right_shoulder")]]
    whole = np.repeat(shoulders.mean(axis=1)[:, None], len(FORMATS[_FORMAT].joints), axis=1)
    whole[:, _COLUMNS] = limbs
    return whole.astype(np.float32)


def detector_errors(found: Mapping[str, Floats]) -> DetectorErrors:
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


def _lengths(vectors: list[Floats]) -> Floats:
    return np.asarray(np.linalg.norm(np.concatenate(vectors), axis=-1))


def _autocorrelation(errors: list[Floats], lag: int) -> float:
    now = np.concatenate([error[:-lag].ravel() for error in errors])
    later = np.concatenate([error[lag:].ravel() for error in errors])
    return _rank_correlation(now, later)


def _rank_correlation(some: Floats, others: Floats) -> float:
    """Of what is known, by rank, which gross errors do not sway."""
    known = np.isfinite(some) & np.isfinite(others)
    return float(spearmanr(some[known], others[known]).statistic)
