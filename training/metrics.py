"""Errors between predicted and true poses (the paper, §5.2), in the unit of the input.

All take (…, T, J, 3) arrays; frames are the third axis from the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.array_types import Array

_THRESHOLDS_M = np.arange(31) * 0.005


def mpjpe(predicted: Array, target: Array) -> float:
    """Mean per-joint position error: protocol 1."""
    return float(joint_errors(predicted, target).mean())


def joint_errors(predicted: Array, target: Array) -> Array:
    """Euclidean distance of every joint in every frame."""
    return np.asarray(np.linalg.norm(predicted - target, axis=-1))


def n_mpjpe(predicted: Array, target: Array) -> float:
    """Error after the best scale, each frame by itself: protocol 3 (Rhodin et al., 2018)."""
    power = (predicted**2).sum(axis=(-2, -1), keepdims=True)
    overlap = (predicted * target).sum(axis=(-2, -1), keepdims=True)
    scale = overlap / np.maximum(power, np.finfo(power.dtype).tiny)
    return mpjpe(scale * predicted, target)


def p_mpjpe(predicted: Array, target: Array) -> float:
    """Error after the best rotation, scale and translation, each frame by itself: protocol 2."""
    return mpjpe(align(predicted, target), target)


def align(predicted: Array, target: Array) -> Array:
    """Move, turn and scale each predicted frame onto its target (Procrustes analysis)."""
    centre_p = predicted.mean(axis=-2, keepdims=True)
    centre_t = target.mean(axis=-2, keepdims=True)
    p, t = predicted - centre_p, target - centre_t
    u, singular, vt = np.linalg.svd(np.swapaxes(t, -1, -2) @ p)
    # A reflection is not a rotation: where one came out best, the weakest axis is turned back.
    sign = np.ones_like(singular)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[..., None, :]) @ vt
    power = np.maximum((p**2).sum(axis=(-2, -1)), np.finfo(p.dtype).tiny)
    scale = (singular * sign).sum(axis=-1) / power
    return np.asarray(scale[..., None, None] * (p @ np.swapaxes(rotation, -1, -2)) + centre_t)


def mpjve(predicted: Array, target: Array) -> float:
    """Mean per-joint velocity error per frame: MPJPE of the first differences in time.

    NaN for a single frame, which has no velocity.
    """
    if predicted.shape[-3] < 2:
        return float("nan")
    return mpjpe(np.diff(predicted, axis=-3), np.diff(target, axis=-3))


def pck(predicted: Array, target: Array, threshold: float = 0.15) -> float:
    """Share of joints within a distance of the truth: 3DPCK at 150 mm (Mehta et al., 2017)."""
    return float((joint_errors(predicted, target) <= threshold).mean())


def auc(predicted: Array, target: Array) -> float:
    """Area under the curve of PCK: its mean over thresholds of 0, 5, …, 150 mm (as above)."""
    errors = joint_errors(predicted, target)
    return float(np.mean([(errors <= threshold).mean() for threshold in _THRESHOLDS_M]))


@dataclass(frozen=True)
class Metric:
    """A metric of poses in metres, and its unit: ``of(…) * factor`` ``unit``."""

    of: Callable[[Array, Array], float]
    factor: float
    unit: str

    @property
    def is_error(self) -> bool:
        """Whether less is better."""
        return self.of not in {pck, auc}


METRICS: dict[str, Metric] = {
    "MPJPE": Metric(mpjpe, 1000, "mm"),
    "P-MPJPE": Metric(p_mpjpe, 1000, "mm"),
    "N-MPJPE": Metric(n_mpjpe, 1000, "mm"),
    "MPJVE": Metric(mpjve, 1000, "mm/frame"),
    "PCK": Metric(pck, 100, "%"),
    "AUC": Metric(auc, 100, "%"),
}
"""The paper's metrics by the names it gives them, and two that others compare by."""


def relative_root_error(predicted: Array, target: Array) -> float:
    """Mean error of the root (T, 3) as a share of its distance from the camera (eq. 1)."""
    return float((joint_errors(predicted, target) / target[..., 2]).mean())


def root_velocity_error(predicted: Array, target: Array) -> float:
    """Mean error of the root's steps from frame to frame; NaN for a single frame."""
    if len(predicted) < 2:
        return float("nan")
    return mpjpe(np.diff(predicted, axis=0), np.diff(target, axis=0))


TRAJECTORY_METRICS: dict[str, Metric] = {
    "trajectory": Metric(mpjpe, 1000, "mm"),
    "relative": Metric(relative_root_error, 100, "%"),
    "steps": Metric(root_velocity_error, 1000, "mm/frame"),
}
"""Errors of the trajectory in camera axes: in millimetres, of its distance, and of its steps."""

_STANDING_M_A_FRAME = 0.003


def foot_slip(predicted: Array, target: Array) -> float:
    """Mean step of feet (T, F, 3) while they stand: NaN if none ever does.

    Feet and root are in camera axes; those that truly move by no more than 3 mm a frame stand.
    """
    steps = [np.linalg.norm(np.diff(each, axis=0), axis=-1) for each in (predicted, target)]
    standing = steps[1] <= _STANDING_M_A_FRAME
    return float(steps[0][standing].mean()) if standing.any() else float("nan")


FOOT_METRICS: dict[str, Metric] = {"foot slip": Metric(foot_slip, 1000, "mm/frame")}
"""Of feet in camera axes, where pose and trajectory combine."""


_CHAINS = {"knee": ("hip", "knee", ("foot", "ankle")), "elbow": ("shoulder", "elbow", ("wrist",))}


def flexed_joints(joints: Sequence[str]) -> dict[str, list[list[int]]]:
    """Where knees and elbows are among joints, each with its neighbours, left and right."""
    found = {}
    for name, (start, middle, ends) in _CHAINS.items():
        end = next((end for end in ends if f"left_{end}" in joints), ends[0])
        chains = [
            [f"{side}_{joint}" for joint in (start, middle, end)] for side in ("left", "right")
        ]
        if all(joint in joints for chain in chains for joint in chain):
            found[name] = [[joints.index(joint) for joint in chain] for chain in chains]
    return found


def flexion(points: Array) -> Array:
    """How far joints are flexed, in degrees; 0 is straight.

    ``points`` (…, 3, 3) are, for a knee, the hip, the knee and the ankle.
    """
    upper, lower = points[..., 1, :] - points[..., 0, :], points[..., 2, :] - points[..., 1, :]
    lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
    cosines = (upper * lower).sum(axis=-1) / np.maximum(lengths, np.finfo(lengths.dtype).tiny)
    return np.asarray(np.degrees(np.arccos(np.clip(cosines, -1, 1))))


def flexion_error(predicted: Array, target: Array) -> float:
    """Mean absolute error of the flexion of joints (…, 3, 3), in degrees."""
    return float(np.abs(flexion(predicted) - flexion(target)).mean())


ANGLE_METRICS: dict[str, Metric] = {
    "knee": Metric(flexion_error, 1, "°"),
    "elbow": Metric(flexion_error, 1, "°"),
}
"""Joint angles, of both sides."""

ALL_METRICS = METRICS | TRAJECTORY_METRICS | FOOT_METRICS | ANGLE_METRICS
