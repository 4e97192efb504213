"""What outlier rejection brings: simulated gross errors lifted with it and without."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import binary_dilation

from poselift.array_types import Mask
from poselift.runtime.clip import ClipModel
from training.array_types import Array
from training.data.datasets.prepared import MotionSet
from training.evaluation.clip_errors import Prediction
from training.evaluation.wild import held_out
from training.metrics import joint_errors

_NEAR_FRAMES = 5
"""So many frames before and after a gross error count as near it."""


@dataclass(frozen=True)
class NearGrossErrors:
    """Mean errors of the frames near simulated gross errors, millimetres."""

    without_them: float
    """With nothing wrong,"""
    rejected: float
    """with outliers rejected,"""
    kept: float
    """and without that."""
    rejected_worst: float
    """The 99th percentile of the frames' mean errors,"""
    kept_worst: float


def near_gross_errors(lifter: ClipModel, motions: MotionSet) -> NearGrossErrors:
    """Lift the same held-out clips clean, and with gross errors that are rejected or not."""
    clean, rejected, kept = (
        list(held_out.lifted(lifter, held_out.projected_clips(motions, each.options(lifter))))
        for each in (
            held_out.CLEAN,
            held_out.GROSS_ERRORS,
            replace(held_out.GROSS_ERRORS, reject_outliers=False),
        )
    )
    near = list(map(_near, clean, kept))
    clean_F, rejected_F, kept_F = (_errors_mm(each, near) for each in (clean, rejected, kept))
    return NearGrossErrors(
        float(clean_F.mean()),
        float(rejected_F.mean()),
        float(kept_F.mean()),
        float(np.percentile(rejected_F, 99)),
        float(np.percentile(kept_F, 99)),
    )


def _near(clean: Prediction, kept: Prediction) -> Mask:
    """The frames (T,) near those in which a model is given something else than without errors."""
    pair = (each.clip.sequence.inputs_TJ2 for each in (clean, kept))
    is_spoilt_T = np.not_equal(*pair).any(axis=(1, 2))
    near_T: Mask = binary_dilation(is_spoilt_T, iterations=_NEAR_FRAMES)
    return near_T


def _errors_mm(predictions: list[Prediction], near: list[Mask]) -> Array:
    """The mean errors (F,) of all those frames."""
    return np.concatenate(
        [
            joint_errors(each.poses_TK3, each.targets_TK3)[near_T].mean(axis=-1) * 1000
            for each, near_T in zip(predictions, near, strict=True)
        ]
    )
