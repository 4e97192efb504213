"""The calibration of expected errors: compared with the true ones, of held-out people."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from poselift.runtime.clip import ClipModel
from training.array_types import Array
from training.data.datasets.prepared import MotionSet
from training.evaluation.wild.held_out import Condition, projected_clips
from training.figures import figure
from training.metrics import joint_errors

_PARTS = 10


@dataclass(frozen=True)
class Calibration:
    """Expected and true errors of joints, sorted by what was expected, in tenths; millimetres."""

    expected_mm: Array
    """The mean of each tenth."""
    true_mm: Array
    rank_correlation: float
    """Spearman's: 1 if joints that are expected to be worse always are, 0 if unrelated."""

    @property
    def calibration_error(self) -> float:
        """How far the tenths are from their expectation, on average, as a share of it."""
        return float((np.abs(self.true_mm - self.expected_mm) / self.expected_mm).mean())


def measure_calibration(lifter: ClipModel, motions: MotionSet, condition: Condition) -> Calibration:
    """Compare a model's expected errors with its true ones, without the root, which has none."""
    expected, true = [], []
    for clip in projected_clips(motions, condition.options(lifter)):
        sequence = clip.sequence
        lifted = lifter.lift(sequence.inputs_TJ2[None])[0]
        assert lifted.expected_errors is not None, "asked of models that have them"
        rooted = lifted.poses - lifted.poses[:, :1]
        expected.append(lifted.expected_errors[:, 1:].ravel())
        true.append(joint_errors(rooted, sequence.targets_TK3)[:, 1:].ravel())
    predicted, found = np.concatenate(expected) * 1000, np.concatenate(true) * 1000
    tenths = np.array_split(np.argsort(predicted), _PARTS)
    return Calibration(
        np.array([predicted[tenth].mean() for tenth in tenths]),
        np.array([found[tenth].mean() for tenth in tenths]),
        float(spearmanr(predicted, found).statistic),
    )


def draw_calibration(found: dict[str, dict[str, Calibration]], path: Path) -> None:
    """Plot true against expected errors, by model and condition: a panel and a line of each."""
    with figure(path, 4 * len(found), 4) as drawn:
        panels = drawn.subplots(1, len(found), squeeze=False, sharex=True, sharey=True)[0]
        for axes, (name, conditions) in zip(panels, found.items(), strict=True):
            for condition, each in conditions.items():
                axes.plot(each.expected_mm, each.true_mm, "o-", markersize=3, label=condition)
            axes.axline((0, 0), slope=1, color="#999999", linewidth=1)
            axes.set_title(name, fontsize=10)
            axes.set_xlabel("expected error (mm)")
        panels[0].set_ylabel("true error (mm)")
        panels[0].legend(fontsize=8)
