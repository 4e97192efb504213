"""Expected errors compared with true ones, of all joints and of arms, legs and trunk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import spearmanr

from poselift.runtime.clip import ClipModel
from training.array_types import Array
from training.data.datasets.prepared import MotionSet
from training.evaluation.wild.held_out import Condition, projected_clips, served
from training.metrics import joint_errors

_PARTS = 10
_ARMS, _LEGS = ("elbow", "wrist"), ("knee", "foot", "ankle")


@dataclass(frozen=True)
class Means:
    """Millimetres, on average."""

    expected_mm: float
    true_mm: float


@dataclass(frozen=True)
class Calibration:
    """Expected and true errors of joints, sorted by what was expected, in tenths; millimetres."""

    expected_mm: Array
    """The mean of each tenth."""
    true_mm: Array
    rank_correlation: float
    """Spearman's: 1 if joints that are expected to be worse always are, 0 if unrelated."""
    groups: Mapping[str, Means] = field(default_factory=dict)
    """Of arms, legs and trunk."""

    @property
    def calibration_error(self) -> float:
        """How far the tenths are from their expectation, on average, as a share of it."""
        return float((np.abs(self.true_mm - self.expected_mm) / self.expected_mm).mean())


def joint_groups(joints: Sequence[str]) -> dict[str, list[int]]:
    """Where arms, legs and trunk are among joints; the root is in none."""
    groups: dict[str, list[int]] = {"arms": [], "legs": [], "trunk": []}
    for joint, name in enumerate(joints[1:], start=1):
        limb = "arms" if name.endswith(_ARMS) else "legs" if name.endswith(_LEGS) else "trunk"
        groups[limb].append(joint)
    return groups


def measure_calibration(lifter: ClipModel, motions: MotionSet, condition: Condition) -> Calibration:
    """Compare a model's expected errors with its true ones, without the root, which has none."""
    expected, true = [], []
    for clip in projected_clips(motions, condition.options(lifter)):
        found, true_TK3 = served(lifter, clip.sequence)
        assert found.expected_errors is not None, "asked of models that have them"
        expected.append(found.expected_errors)
        true.append(joint_errors(found.poses, true_TK3))
    expected_FK, true_FK = np.concatenate(expected) * 1000, np.concatenate(true) * 1000
    groups = {
        name: Means(float(expected_FK[:, joints].mean()), float(true_FK[:, joints].mean()))
        for name, joints in joint_groups(lifter.card.output.joints).items()
    }
    predicted, actual = expected_FK[:, 1:].ravel(), true_FK[:, 1:].ravel()
    tenths = np.array_split(np.argsort(predicted), _PARTS)
    return Calibration(
        np.array([predicted[tenth].mean() for tenth in tenths]),
        np.array([actual[tenth].mean() for tenth in tenths]),
        float(spearmanr(predicted, actual).statistic),
        groups,
    )
