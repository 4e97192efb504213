"""The sections of a training run's settings; option names are unique over all of them."""

from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import AfterValidator, Field, create_model, field_validator

from poselift.formats import FORMATS
from training.augmentation.augmentation import Share, in_order
from training.augmentation.registry import AUGMENTATIONS
from training.command import List, Options
from training.config.mixture import parsed

Names = Annotated[tuple[str, ...], *List]
Weight = Annotated[float, Field(ge=0)]


def _odd(widths: tuple[int, ...]) -> tuple[int, ...]:
    if not widths or any(width < 1 or width % 2 == 0 for width in widths):
        raise ValueError("expected odd numbers")
    return widths


def _falling(ends: tuple[float, float]) -> tuple[float, float]:
    if not 0 < ends[1] <= ends[0]:
        raise ValueError("expected two positive numbers, in order")
    return ends


def _mixture(shares: tuple[str, ...]) -> tuple[str, ...]:
    """Shares of groups, written out."""
    return tuple(f"{group}={share:g}" for group, share in parsed(shares).items())


Mixture = Annotated[tuple[str, ...], *List, AfterValidator(_mixture)]
FilterWidths = Annotated[tuple[int, ...], *List, AfterValidator(_odd)]


@Parameter(name="*", group="Data")
class DatasetConfig(Options):
    """What is trained on."""

    data: Path = Path("data/cmu.npz")
    """Prepared motion or recordings, as ``training.prepare`` writes them."""
    actions: Names = ()
    """Only clips of actions that begin so; all if not given."""
    subjects: Names = ()
    """Only these of the subjects that are trained on; all if not given."""
    subset: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of each labelled training clip to take, from its beginning."""
    downsample: Annotated[int, Field(ge=1)] = 1
    """Take one frame of so many, as if all were recorded at a lower rate."""
    mixture: Mixture = ()
    """Share of each group of actions in what is learned from motion, as standing=0.12,walking=0.2;
    everyday-video is a mixture as in the videos people take; by length if not given."""


@Parameter(name="*", group="Model")
class ModelConfig(Options):
    """The networks, and how they are given keypoints."""

    keypoint_format: str | None = None
    """Layout of the 2D input; if not given, that of the recordings, or coco17 for motion."""
    normalisation: Literal["screen", "person"] = "person"
    """How pixels become inputs; ``screen`` is the paper's."""
    filter_widths: FilterWidths = (3, 3, 3, 3, 3)
    """Odd widths; the receptive field is their product."""
    causal: bool = False
    """Use only past frames, for live use."""
    channels: Annotated[int, Field(ge=1)] = 1024
    """Channels of every hidden convolution."""
    dense: bool = False
    """Convolve with every frame that a layer spans instead of dilating (Table 5's ablation)."""
    trajectory: bool = False
    """Also learn the root's trajectory, with a network of its own."""
    trajectory_channels: Annotated[int, Field(ge=1)] | None = None
    """Channels of that network; as many as the pose network's if not given."""
    expected_errors: bool = False
    """Also learn the expected error of each joint."""
    dropout: Share = 0.25
    """Dropout after every hidden convolution."""

    @property
    def receptive_fields(self) -> tuple[int, ...]:
        """What each wide convolution sees of the input: the product of the widths up to its own."""
        return tuple(accumulate(self.filter_widths, mul))

    @field_validator("keypoint_format")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is not None and name not in FORMATS:
            raise ValueError(f"expected one of {', '.join(FORMATS)}")
        return name


class _AugmentationConfig(Options):
    """How training data is varied; the registered augmentations are fields too."""

    cameras_per_clip: Annotated[int, Field(ge=1)] = 1
    """Synthetic cameras that each clip of motion is projected by in an epoch."""
    noise: Annotated[tuple[float, float], *List, AfterValidator(in_order)] = (0.0, 1.5)
    """Range of the simulated detector noise; 1 is an ordinary detector's, 0 none."""
    flip: bool = True
    """Mirror half of the clips."""
    short_context: Share = 0.0
    """Share of the windows that begin and end closer to their frame, as at a clip's ends; with
    several targets a window, closer to one of them, and those farther away are not learned, so
    that of targets a smaller share is so."""

    @property
    def registered(self) -> dict[str, Any]:
        """The settings of the registered augmentations."""
        return {each.name: getattr(self, each.name) for each in AUGMENTATIONS}


if TYPE_CHECKING:
    AugmentationConfig = _AugmentationConfig
else:
    AugmentationConfig = Parameter(name="*", group="Augmentation")(
        create_model(
            "AugmentationConfig",
            __base__=_AugmentationConfig,
            **{
                each.name: (each.type, Field(each.default, description=each.help))
                for each in AUGMENTATIONS
            },
        )
    )

MOTION_SETTINGS = ("cameras_per_clip", "noise", *(each.name for each in AUGMENTATIONS))
"""Augmentation settings that say how motion is projected; recordings take none of them."""


@Parameter(name="*", group="Optimisation")
class OptimisationConfig(Options):
    """The optimiser, its batches and its schedule."""

    epochs: Annotated[int, Field(ge=1)] = 80
    """Passes over the data, each with new cameras and noise, and with half of it mirrored; the
    authors' are twice as long, with everything and its mirror image. If a resumed run has another
    number, batch normalisation's momentum falls at another rate from there on."""
    batch_size: Annotated[int, Field(ge=2)] = 1024
    """Frames whose poses are learned in a step; with unlabelled data, as many of either half."""
    stride: Annotated[int, Field(ge=1)] = 1
    """So many neighbouring frames share a window, which is cheaper, but batches are less varied."""
    targets_per_window: Annotated[int, Field(ge=1)] = 1
    """So many frames, some way apart, share a longer window, which is cheaper by far: the first
    layers are strided, and what the last ones see is computed once for all. Of clips shorter than
    that, a window has as many as there are."""
    target_spacing: Annotated[int, Field(ge=1)] | None = None
    """How many frames they are apart: the product of some of the first filter widths; of all but
    the last two if not given. Frames farther apart are less alike, but share less."""
    windows_per_epoch: Annotated[int, Field(ge=2)] | None = None
    """Frames whose poses are learned in an epoch, whatever windows they come in; all of them once
    if not given."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Amsgrad's, in the first epoch."""
    learning_rate_decay: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Factor from one epoch to the next."""
    batch_norm_momentum: Annotated[tuple[float, float], *List, AfterValidator(_falling)] = (
        0.1,
        0.001,
    )
    """First and last; it falls exponentially in between."""
    weight_average: Share = 0.0
    """Keep an exponential average of the weights with this much of the old at each step, such as
    0.999; it is what is evaluated and exported."""
    initial: Path | None = None
    """A checkpoint or the folder of an exported model whose weights to begin with, of the same
    architecture or of filter widths of 1: what single frames tell is learned much faster by a
    network of single frames."""
    freeze_pose: bool = False
    """Keep the poses of ``initial``, to add a trajectory or expected errors to them."""

    @property
    def targets(self) -> int:
        """How many frames a window is to teach."""
        return max(self.stride, self.targets_per_window)


@Parameter(name="*", group="Loss")
class LossConfig(Options):
    """Weights of the supervised terms of the loss, relative to MPJPE."""

    velocity_weight: Weight = 0.0
    """Weight of the error of velocities, which reduces the jitter of poses and trajectories.
    Windows then come in pairs, of a frame and the one after it."""
    bone_weight: Weight = 0.0
    """Weight of the error of bones as vectors."""
    bone_direction_weight: Weight = 0.0
    """Weight of the error of bones as unit vectors, such as 0.2: about radians, a short bone's as
    much as a long one's."""
    joint_angle_weight: Weight = 0.0
    """Weight of the error of the flexion of knees and elbows, about radians, such as 0.2."""
    teacher: Path | None = None
    """A checkpoint whose poses to learn besides the true ones, such as a larger network's, or for a
    causal one those of one that sees the future."""
    teacher_weight: Weight = 1.0
    """Weight of the distance to the teacher's poses."""


@Parameter(name="*", group="Semi-supervised")
class SemiSupervisedConfig(Options):
    """Unlabelled data, and how it is learned from (the paper, §4)."""

    unlabelled_subjects: Names = ()
    """Subjects whose poses are ignored: their keypoints are learned from by projecting predicted
    poses back to the image."""
    unlabelled: Path | None = None
    """A file of more recordings to learn from in this way, but those held out."""
    projection_weight: Weight = 1.0
    """Weight of the error of unlabelled poses projected to the image."""
    bone_length_weight: Weight = 1.0
    """Weight of the difference between unlabelled and labelled poses' mean bone lengths."""
    warm_up_epochs: Annotated[int, Field(ge=0)] = 1
    """Epochs on labelled data alone, before unlabelled data joins in."""

    @property
    def is_used(self) -> bool:
        """Whether there is unlabelled data."""
        return bool(self.unlabelled_subjects or self.unlabelled)


@Parameter(name="*", group="Run")
class RunConfig(Options):
    """Where and how a run is computed."""

    output: Path = Path("runs/default")
    """Folder for checkpoints, curves and the plot."""
    seed: int = 0
    """Of everything random. Epochs seed themselves from it, so resuming changes nothing."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """``bfloat16`` computes matrix products in half the bits: faster where the machine can."""
    compile: bool = False
    """Let ``torch.compile`` make the step faster; it takes a minute to begin, and needs a GPU."""
    device: str = "auto"
    """``auto`` takes a GPU where there is one."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads; 0 leaves the choice to PyTorch."""
