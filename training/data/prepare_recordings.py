"""The commands of ``training.prepare`` that write a file of recordings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from training.command import Options
from training.data.datasets import custom, h36m, humaneva
from training.data.datasets.motion import MotionSet
from training.data.datasets.recordings import RecordingSet
from training.data.datasets.synthetic_recordings import render_recordings
from training.data.prepare_motion import Names, Rate


class H36mOptions(Options):
    """Options of ``h36m``."""

    positions: Path
    """True positions: data_3d_h36m.npz."""
    keypoints: Path
    """What a detector found: data_2d_h36m_….npz."""
    cameras: Path
    """Human3.6M's own metadata.xml, or JSON, as above."""
    held_out: Names = h36m.HELD_OUT
    """Subjects to keep from training."""
    output: Path = Path("data/h36m.npz")
    """The file to write."""


def prepare_h36m(*, options: H36mOptions) -> None:
    """Prepare Human3.6M from the files of the paper's authors.

    Read positions and keypoints and transform the positions to the axes of each camera.

    The cameras in JSON: {subject: [{"name", "image_size" [w, h], "orientation" [w, x, y, z] of the
    camera in the world, "translation" [x, y, z] in metres}, …]} in the order of the keypoints; with
    "focal_length" and "principal_point" [x, y] in pixels, "radial" [k1, k2, k3] and "tangential"
    [p1, p2] where known.
    """
    files = options.positions, options.keypoints, options.cameras
    _write(*h36m.read_h36m(*files, options.held_out), options.output)


class HumanEvaOptions(Options):
    """Options of ``humaneva``."""

    positions: Path
    """True positions: data_3d_humaneva15.npz."""
    keypoints: Path
    """What a detector found: data_2d_humaneva15_….npz."""
    cameras: Path
    """JSON, as above; subjects as S1, or Train/S1."""
    actions: Names = ("",)
    """Only actions that begin so, as Walk Jog Box; all if not given."""
    output: Path = Path("data/humaneva.npz")
    """The file to write."""


def prepare_humaneva(*, options: HumanEvaOptions) -> None:
    """Prepare HumanEva-I from the files of the paper's authors.

    Read positions and keypoints and transform the positions to the axes of each camera. Train/… is
    trained on, Validate/… is held out.

    The cameras in JSON: {subject: [{"name", "image_size" [w, h], "orientation" [w, x, y, z] of the
    camera in the world, "translation" [x, y, z] in metres}, …]} in the order of the keypoints; with
    "focal_length" and "principal_point" [x, y] in pixels, "radial" [k1, k2, k3] and "tangential"
    [p1, p2] where known.
    """
    files = options.positions, options.keypoints, options.cameras
    _write(*humaneva.read_humaneva(*files, options.actions), options.output)


class CustomOptions(Options):
    """Options of ``custom``."""

    keypoints: Path
    """What a detector found: data_2d_custom_….npz."""
    fps: Rate = 50.0
    """Frames per second."""
    focal_length: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Of all cameras, in pixels; they then count as known: without distortion, centred."""
    output: Path = Path("data/custom.npz")
    """The file to write."""


def prepare_custom(*, options: CustomOptions) -> None:
    """Prepare keypoints of your own videos, of unknown poses, for semi-supervised training."""
    recordings = custom.read_custom(options.keypoints, options.fps, options.focal_length)
    _write(recordings, [], options.output)


class SyntheticOptions(Options):
    """Options of ``synthetic``."""

    motion: Path
    """Prepared motion."""
    noise: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Level of the simulated detector noise: with 0 every joint is found where it is."""
    seed: int = 0
    """Of the noise."""
    keypoint_format: Literal["h36m17", "coco17"] = "h36m17"
    """What is detected."""
    output: Path = Path("data/synthetic.npz")
    """The file to write."""


def prepare_synthetic(*, options: SyntheticOptions) -> None:
    """Project prepared motion by four still cameras like Human3.6M's.

    Every clip is projected from four corners, once, and simulated detector noise is added.
    """
    motions = MotionSet.load(options.motion)
    rng = np.random.default_rng(options.seed)
    recordings = render_recordings(motions, options.noise, rng, options.keypoint_format)
    _write(recordings, [], options.output)


def _write(recordings: RecordingSet, left_out: Sequence[str], output: Path) -> None:
    recordings.save(output)
    for reason in left_out:
        print(f"left out: {reason}")
    lengths, labelled, held_out = recordings.lengths, recordings.labelled, recordings.held_out
    print(
        f"all: {len(recordings)} videos of {len(set(recordings.subjects))} subjects, "
        f"{recordings.keypoint_format} keypoints, {lengths.sum()} frames at "
        f"{recordings.fps:g} fps: {lengths[labelled & ~held_out].sum()} for training, "
        f"{lengths[~labelled & ~held_out].sum()} of unknown poses, "
        f"{lengths[held_out].sum()} held out"
    )
    print(f"written: {output}")
