"""Pictures of how models fail: the worst frame of each condition, beside the truth."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from service.lifter import Lifter
from service.pose.skeleton import SKELETONS, Skeleton
from training.datasets.motion import MotionSet
from training.evaluation import Prediction, predict_clips
from training.metrics import joint_errors
from training.sources import measuring_views
from training.wild.held_out import CLEAN, IMAGINED, NOISY, Condition, predictor_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.floating]

FAILURES = {"clean": CLEAN, "noisy": NOISY, **IMAGINED}
_TRUE, _PREDICTED = "#999999", {"left": "#d1495b", "right": "#2e86ab"}


def draw_failures(lifter: Lifter, motions: MotionSet, path: Path) -> None:
    """Draw the worst frame of each condition: what the model sees, its pose, the true one in grey.

    Args:
        lifter: the model.
        motions: held-out clips.
        path: the picture to write.
    """
    # Imported here because it takes a second and only pages want pictures.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(2.6 * len(FAILURES), 7.6), layout="constrained")
    grid = figure.subplots(3, len(FAILURES))
    skeleton = SKELETONS[lifter.card.output.name]
    for column, (name, condition) in enumerate(FAILURES.items()):
        worst, frame = _worst(lifter, motions, condition)
        inputs = worst.clip.clip.inputs_TJ2[frame]
        error_mm = joint_errors(worst.poses_TK3, worst.targets_TK3)[frame].mean() * 1000
        grid[0, column].plot(inputs[:, 0], inputs[:, 1], ".", color="#444444")
        grid[0, column].set_title(f"{name}\n{worst.clip.name}: {error_mm:.0f} mm", fontsize=8)
        for row, across in ((1, 0), (2, 2)):
            _draw(grid[row, column], worst.targets_TK3[frame], skeleton, across, true=True)
            _draw(grid[row, column], worst.poses_TK3[frame], skeleton, across, true=False)
    for axes in grid.flat:
        axes.set_aspect("equal", adjustable="datalim")
        axes.invert_yaxis()
        axes.tick_params(labelsize=6)
    for row, label in enumerate(("what it sees", "from the camera", "from the side")):
        grid[row, 0].set_ylabel(label)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(path)


def _worst(lifter: Lifter, motions: MotionSet, condition: Condition) -> tuple[Prediction, int]:
    """The frame of the largest mean error, and the clip it is in."""
    clips = (clip for clip, _ in measuring_views(motions, condition.options(lifter)))
    worst, frame, largest = None, 0, -1.0
    for found in predict_clips(clips, predictor_of(lifter)):
        errors_T = joint_errors(found.poses_TK3, found.targets_TK3).mean(axis=-1)
        if errors_T.max() > largest:
            worst, frame, largest = found, int(errors_T.argmax()), float(errors_T.max())
    assert worst is not None, "prepared motion has a held-out clip"
    return worst, frame


def _draw(axes: "Axes", pose_K3: Floats, skeleton: Skeleton, across: int, true: bool) -> None:
    for child, parent in enumerate(skeleton.parents):
        if parent >= 0:
            ends = [parent, child]
            side = skeleton.joints[child].split("_", maxsplit=1)[0]
            colour = _TRUE if true else _PREDICTED.get(side, "#444444")
            axes.plot(pose_K3[ends, across], pose_K3[ends, 1], color=colour)
