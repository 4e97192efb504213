"""Draw a request and its answer: ``python examples/draw.py REQUEST ANSWER PICTURE``.

A row of frames: the 2D keypoints above, the 3D pose from the camera's side and from its right
below. Needs matplotlib and numpy.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

LEFT, RIGHT, MIDDLE = "#d1495b", "#2e86ab", "#444444"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("request", type=Path)
    parser.add_argument("answer", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--clip", type=int, default=0, help="which clip (default the first)")
    parser.add_argument("--frames", type=int, default=5, help="how many frames (default 5)")
    arguments = parser.parse_args()
    request = json.loads(arguments.request.read_text())
    answer = json.loads(arguments.answer.read_text())
    draw(request, answer, arguments.clip, arguments.frames).savefig(arguments.picture, dpi=110)


def draw(request: dict[str, Any], answer: dict[str, Any], clip: int, count: int) -> Figure:
    """Keypoints and poses of some frames, spread over the clip."""
    poses = answer["clips"][clip]["poses"]
    known = [frame for frame, pose in enumerate(poses) if pose is not None]
    chosen = [known[i] for i in np.linspace(0, len(known) - 1, count).astype(int)]
    fps = request.get("fps", 50)
    figure = Figure(figsize=(2.3 * count, 7.0), layout="constrained")
    rows = figure.subplots(3, count, squeeze=False)
    for column, frame in enumerate(chosen):
        sent = request["clips"][clip]["keypoints"][frame] or []
        _keypoints(rows[0][column], sent)
        rows[0][column].set_title(f"{frame / fps:.2f} s", fontsize=10)
        pose = np.array(poses[frame])
        _pose(rows[1][column], pose[:, 0], pose[:, 1], answer["skeleton"])
        # From the person's side: away from the camera runs to the right.
        _pose(rows[2][column], pose[:, 2], pose[:, 1], answer["skeleton"])
    for row, label in zip(rows, ("2D keypoints", "3D, front", "3D, side"), strict=True):
        row[0].set_ylabel(label)
    figure.suptitle(f"{answer['model']['name']}: keypoints in pixels, poses in metres", fontsize=11)
    return figure


def _keypoints(axes: Axes, joints: list[list[float] | None]) -> None:
    there = np.array([joint[:2] for joint in joints if joint and (len(joint) < 3 or joint[2] > 0)])
    if len(there):
        axes.plot(there[:, 0], there[:, 1], ".", color=MIDDLE, markersize=5)
        centre = (there.min(axis=0) + there.max(axis=0)) / 2
        reach = 0.6 * np.ptp(there, axis=0).max()
        axes.set_xlim(centre[0] - reach, centre[0] + reach)
        axes.set_ylim(centre[1] + reach, centre[1] - reach)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=6)


def _pose(
    axes: Axes, across: NDArray[np.floating], down: NDArray[np.floating], skeleton: dict[str, Any]
) -> None:
    for child, parent in enumerate(skeleton["parents"]):
        if parent >= 0:
            ends = [parent, child]
            axes.plot(across[ends], down[ends], color=_colour(skeleton["joints"][child]))
    axes.set_xlim(-1, 1)
    axes.set_ylim(1.1, -0.9)
    axes.set_aspect("equal")
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=6)


def _colour(joint: str) -> str:
    side = joint.split("_", maxsplit=1)[0]
    return {"left": LEFT, "right": RIGHT}.get(side, MIDDLE)


if __name__ == "__main__":
    main()
