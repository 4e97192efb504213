"""The options of ``training.evaluate``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from pydantic import Field

from training.command import Options

Paths = Annotated[tuple[Path, ...], Parameter(negative="")]


class EvaluateOptions(Options):
    """Of a checkpoint's evaluation, and of the suite."""

    causal: bool = False
    """For .bin files, which do not say: the model sees only the past."""
    keypoint_format: str | None = None
    """For .bin files: the input's layout, if not h36m17 (or, for 15 joints, humaneva15)."""
    suite: Literal["wild"] | None = None
    """Measure model folders instead: on held-out people in all conditions, and on real videos,
    which are fetched from the package index, as is their detector."""
    models: Paths = ()
    """The suite's model folders; those that come with the service if not given."""
    page: Path | None = None
    """Put the suite's tables into this page, between its two marks, and pictures into ``docs``
    next to it: how each model fails worst, and expected errors against true ones."""
    data: Path | None = None
    """Prepared data, whose held-out subjects are used; what it was trained on if not given."""
    source: Paths = ()
    """For the suite, where its data is not prepared yet: CMU's files, as ``training.prepare cmu``
    takes them."""
    baseline: Path | None = None
    """Another checkpoint to compare with on the same keypoints, such as a single-frame model."""
    lookahead_frames: Annotated[int, Field(ge=1)] | None = None
    """Show a symmetric model only so many frames after each, as live sessions may."""
    flip: bool = False
    """Average with the mirrored input's pose."""
    by_subject: bool = False
    """Report actions of each subject by themselves, as is usual for HumanEva."""
    output: Path | None = None
    """Also write the overall errors as JSON, for ``training.export --errors``."""
    report: Path | None = None
    """Also write all there is into this folder, per action and per joint: JSON and a plot."""
    predictions: Path | None = None
    """Also write the poses into this folder, one file a condition, for ``training.render``; those
    of videos of unknown poses too."""
