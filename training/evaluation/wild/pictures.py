"""Pictures: the worst frame of each condition, expected errors, and flexions, with the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poselift.postprocess.smoothing import half_window, smooth
from poselift.runtime.clip import ClipModel
from poselift.skeletons import SKELETONS, Skeleton
from training.array_types import Array
from training.data.datasets.prepared import MotionSet
from training.data.synthetic import ProjectionOptions
from training.evaluation.clip_errors import Prediction
from training.evaluation.wild import held_out
from training.evaluation.wild.calibration import Calibration
from training.evaluation.wild.figure import SIDES, Figures, Found
from training.figures import figure
from training.metrics import joint_errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


CHILD = 0.65
"""Of an adult's size."""
_TRAJECTORY_SMOOTHING_S = 0.2
_VIEWPOINTS = {"from the camera": 0, "from the side": 2}
"""What of a joint's place goes across the page."""
_TRUE, _PREDICTED = "#999999", {"left": "#d1495b", "right": "#2e86ab"}


@dataclass(frozen=True)
class Failure:
    """A condition in which a model is shown at its worst."""

    motions: MotionSet
    options: ProjectionOptions
    middle_frames: int | None = None
    """Look at so many frames in the middle of each clip, if not at all of them."""

    def worst(self, lifter: ClipModel) -> tuple[Prediction, int]:
        """The frame of the largest mean error, and the clip it is in."""
        worst, frame, largest = None, 0, -1.0
        for found in held_out.lifted(lifter, held_out.projected_clips(self.motions, self.options)):
            frames = len(found.poses_TK3)
            part = held_out.middle(frames, self.middle_frames or frames)
            errors_T = joint_errors(found.poses_TK3, found.targets_TK3)[part].mean(axis=-1)
            if errors_T.max() > largest:
                worst, largest = found, float(errors_T.max())
                frame = part.start + int(errors_T.argmax())
        assert worst is not None, "there are clips"
        return worst, frame


def failures(lifter: ClipModel, motions: MotionSet) -> dict[str, Failure]:
    """By what is wrong: as usual, simulated, half of a side occluded, and a child."""
    long, length = held_out.long_enough(motions)
    child = replace(motions, positions=motions.positions * np.float32(CHILD))
    return {
        **{
            name: Failure(motions, condition.options(lifter))
            for name, condition in held_out.EVERY_CONDITION.items()
        },
        "half of one side occluded": Failure(
            long, held_out.one_side_occluded(lifter, length), length
        ),
        f"{CHILD:g} times as large": Failure(child, held_out.CLEAN.options(lifter)),
    }


def draw_failures(lifter: ClipModel, motions: MotionSet, path: Path) -> None:
    """Draw the worst frame of each condition: the inputs, the predicted pose, the true one in grey.

    The trajectory with the most jitter, if models predict one, is drawn below.
    """
    columns = failures(lifter, motions)
    with figure(path, 2.6 * len(columns), 9.6) as drawn:
        places = drawn.add_gridspec(4, len(columns), height_ratios=(3, 3, 3, 2))
        for column, (name, failure) in enumerate(columns.items()):
            rows = [drawn.add_subplot(places[row, column]) for row in range(3)]
            _draw_worst(rows, name, failure, lifter)
            if column == 0:
                for axes, label in zip(rows, ("input", *_VIEWPOINTS), strict=True):
                    axes.set_ylabel(label)
        if held_out.has_trajectory(lifter):
            _draw_trajectory(drawn.add_subplot(places[3, :]), lifter, motions)


def _draw_worst(rows: "list[Axes]", name: str, failure: Failure, lifter: ClipModel) -> None:
    worst, frame = failure.worst(lifter)
    true, predicted = worst.targets_TK3[frame], worst.poses_TK3[frame]
    error_mm = joint_errors(predicted[None], true[None]).mean() * 1000
    inputs = worst.clip.sequence.inputs_TJ2[frame]
    rows[0].plot(inputs[:, 0], inputs[:, 1], ".", color="#444444")
    rows[0].set_title(f"{name}\n{worst.clip.name}: {error_mm:.0f} mm", fontsize=8)
    skeleton = SKELETONS[lifter.card.output.name]
    for axes, across in zip(rows[1:], _VIEWPOINTS.values(), strict=True):
        draw_pose(axes, true, skeleton, across, true=True)
        draw_pose(axes, predicted, skeleton, across, true=False)
    for axes in rows:
        axes.set_aspect("equal", adjustable="datalim")
        axes.invert_yaxis()
        axes.tick_params(labelsize=6)


def _draw_trajectory(axes: "Axes", lifter: ClipModel, motions: MotionSet) -> None:
    """The distance of the trajectory with the most jitter, of noisy keypoints."""
    worst, most = None, -1.0
    for found in held_out.lifted(
        lifter, held_out.projected_clips(motions, held_out.NOISY.options(lifter)), True
    ):
        assert found.trajectory_T3 is not None
        steps_T = np.diff((found.trajectory_T3 - found.true_trajectory_T3)[:, 2])
        jitter = float(np.median(np.abs(steps_T) / found.true_trajectory_T3[1:, 2]))
        if jitter > most:
            worst, most = found, jitter
    assert worst is not None, "there are clips"
    assert worst.trajectory_T3 is not None
    seconds_T = np.arange(len(worst.trajectory_T3)) / motions.fps
    smoothed = smooth(worst.trajectory_T3, half_window(_TRAJECTORY_SMOOTHING_S, motions.fps))
    label = f"smoothing_s {_TRAJECTORY_SMOOTHING_S}"
    predicted_T = worst.trajectory_T3[:, 2]
    axes.plot(seconds_T, predicted_T, color="#d1495b", linewidth=0.7, label="predicted")
    axes.plot(seconds_T, smoothed[:, 2], color="#2e86ab", label=label)
    axes.plot(seconds_T, worst.true_trajectory_T3[:, 2], color=_TRUE, label="true")
    axes.set_title(f"the trajectory with the most jitter, noisy: {worst.clip.name}", fontsize=8)
    axes.set_ylabel("distance (m)")
    axes.set_xlabel("seconds")
    axes.legend(fontsize=7)
    axes.tick_params(labelsize=6)


def draw_pose(axes: "Axes", pose_K3: Array, skeleton: Skeleton, across: int, true: bool) -> None:
    """Draw one pose, the true one in grey; ``across`` is the axis that goes across the page."""
    for child, parent in enumerate(skeleton.parents):
        if parent >= 0:
            ends = [parent, child]
            side = skeleton.joints[child].split("_", maxsplit=1)[0]
            colour = _TRUE if true else _PREDICTED.get(side, "#444444")
            axes.plot(pose_K3[ends, across], pose_K3[ends, 1], color=colour)


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


def draw_flexion(found: Mapping[str, Figures], path: Path) -> None:
    """Plot found against true flexion of the made-up figure: knees above elbows, by model."""
    joints = ("knees", "elbows")
    with figure(path, 4 * len(found), 8) as drawn:
        panels = drawn.subplots(len(joints), len(found), squeeze=False, sharex=True, sharey=True)
        for column, (name, figures) in enumerate(found.items()):
            for row, joint in enumerate(joints):
                _draw_sides(panels[row, column], figures[joint])
                panels[row, column].set_title(f"{name}: {joint}", fontsize=10)
        for axes in panels[-1]:
            axes.set_xlabel("true flexion (°)")
        for axes in panels[:, 0]:
            axes.set_ylabel("found (°)")
        panels[0, 0].legend(fontsize=7)


def _draw_sides(axes: "Axes", found: Found) -> None:
    axes.axline((0, 0), slope=1, color="#999999", linewidth=1)
    for side, name in enumerate(SIDES):
        axes.plot(found.true_A, found.found_AS[:, side], linewidth=0.9, label=name)
    axes.plot(found.true_A, found.found_AS.mean(axis=1), "k-", linewidth=2, label="mean")
