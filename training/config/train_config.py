"""The settings of a training run, kept in its checkpoints."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from poselift.formats import FORMATS

_Share = Annotated[float, Field(ge=0, lt=1)]
_Positive = Annotated[float, Field(gt=0)]

MOTION_SETTINGS = (
    "views",
    "noise",
    "speed",
    "backwards",
    "recombination",
    "proportions",
    "bending",
    "sitting",
    "lying",
    "roll",
    "cut_off",
)
"""Settings that say how motion is filmed."""


class TrainConfig(BaseModel):
    """One training run. The defaults are the paper's (§5.3) where it states them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: Path = Path("data/cmu.npz")
    """Prepared motion or recordings, as ``training.prepare`` writes them."""
    actions: tuple[str, ...] = ()
    """Only clips of actions that begin so; all if not given."""
    subjects: tuple[str, ...] = ()
    """Only these of the subjects that are trained on; all if not given."""
    subset: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of each labelled training clip, take so much from its beginning."""
    downsample: Annotated[int, Field(ge=1)] = 1
    """Take every so-manieth frame, as if all were filmed at a lower rate."""
    unlabelled_subjects: tuple[str, ...] = ()
    """Subjects whose poses are not looked at: their keypoints are learned from by projecting what
    the model makes of them back to the image (the paper, §4)."""
    unlabelled: Path | None = None
    """More recordings to learn from in this way."""
    output: Path = Path("runs/default")
    """Folder for checkpoints, curves and the plot."""
    keypoint_format: str | None = None
    """Layout of the 2D input; if not given, that of the recordings, or coco17 for motion."""
    normalisation: Literal["screen", "person"] = "person"
    """How pixels become inputs; ``screen`` is the paper's."""
    filter_widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    """Odd widths; the receptive field is their product."""
    causal: bool = False
    """See only the past, for live use."""
    channels: Annotated[int, Field(ge=1)] = 1024
    """Channels of every hidden convolution."""
    dense: bool = False
    """Convolve with every frame that a layer spans instead of dilating (Table 5's ablation)."""
    trajectory: bool = False
    """Also learn the root's path, with a network of its own."""
    trajectory_channels: Annotated[int, Field(ge=1)] | None = None
    """Channels of that network; as many as the pose network's if not given."""
    expected_errors: bool = False
    """Also learn how far from the truth each joint is likely to be."""
    freeze_pose: bool = False
    """Leave the poses as ``initial`` has them, to add a trajectory or expected errors to them."""
    dropout: _Share = 0.25
    """Dropout after every hidden convolution."""
    epochs: Annotated[int, Field(ge=1)] = 80
    """Passes over the data, each with fresh cameras and noise, and with half of it mirrored; the
    authors' are twice as long, with everything and its mirror image. Of a run that goes on with
    another number, batch normalisation's momentum falls at another pace from there on."""
    batch_size: Annotated[int, Field(ge=2)] = 1024
    """Frames whose poses are learned in a step; with unlabelled data, as many of either half."""
    stride: Annotated[int, Field(ge=1)] = 1
    """So many neighbouring frames share a window, which is cheaper, but batches are less varied."""
    windows_per_epoch: Annotated[int, Field(ge=2)] | None = None
    """Frames whose poses are learned in an epoch; all of them once if not given."""
    views: Annotated[int, Field(ge=1)] = 1
    """Cameras that film each clip in an epoch."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.001
    """Amsgrad's, in the first epoch."""
    learning_rate_decay: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Factor from one epoch to the next."""
    batch_norm_momentum: tuple[float, float] = (0.1, 0.001)
    """First and last; it falls exponentially in between."""
    flip: bool = True
    """Mirror half of the clips."""
    noise: tuple[float, float] = (0.0, 1.5)
    """Range of the detector noise; 1 is an ordinary detector's, 0 none."""
    speed: tuple[_Positive, _Positive] = (0.7, 2.0)
    """Range by which clips are sped up: 2 looks like 25 frames per second."""
    backwards: _Share = 0.0
    """Share of the clips that run backwards in time."""
    recombination: _Share = 0.0
    """Share of the clips that get other clips' arms, and of those that get their legs."""
    bending: _Share = 0.0
    """Share of the clips in which joints are bent further than they were."""
    sitting: _Share = 0.0
    """Share of the clips in which legs are bent as if seated."""
    lying: _Share = 0.0
    """Share of the clips in which the body is tipped over, as far as lying."""
    roll: _Share = 0.0
    """Share of the clips whose camera is tipped over sideways, by up to 45 degrees."""
    cut_off: _Share = 0.0
    """Share of the clips in which an edge of the picture cuts people off."""
    proportions: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    """Spread of the factors by which the bones of each clip are made longer or shorter."""
    short_context: _Share = 0.0
    """Share of the windows that begin and end closer to their frame, as in a clip just begun."""
    velocity_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the error of velocities beside that of positions: poses and paths tremble less.
    Windows then come in pairs, of a frame and the one after it."""
    bone_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the error of bones as vectors beside that of positions."""
    projection_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the error of unlabelled poses put back into the image."""
    bone_length_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the difference between unlabelled and labelled poses' mean bone lengths."""
    warm_up_epochs: Annotated[int, Field(ge=0)] = 1
    """Epochs on labelled data alone, before unlabelled data joins in."""
    weight_average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of the weights, keep an exponential average with this much of the old at each step, 0.999
    say; it is what is measured and exported."""
    initial: Path | None = None
    """A checkpoint whose weights to begin with, of the same architecture or of filter widths of 1:
    what single frames tell is learned much faster by a network that sees no others."""
    seed: int = 0
    """Of everything random. Epochs seed themselves from it, so resuming changes nothing."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """``bfloat16`` computes matrix products in half the bits: faster where the machine can."""
    compile: bool = False
    """Let ``torch.compile`` make the step faster; it takes a minute to begin, and wants a GPU."""
    device: str = "auto"
    """``auto`` takes a GPU where there is one."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads; 0 leaves the choice to PyTorch."""

    def for_evaluation(self, data: Path) -> "TrainConfig":
        """The same model, to be measured on some data: how it was trained does not matter."""
        kept = {"keypoint_format", "normalisation", "causal", "actions", "downsample"}
        model = {name: value for name, value in self if name in kept}
        return TrainConfig(data=data, **model)

    @field_validator("keypoint_format")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is not None and name not in FORMATS:
            raise ValueError(f"expected one of {', '.join(FORMATS)}")
        return name

    @field_validator("noise", "speed", "batch_norm_momentum")
    @classmethod
    def _are_in_order(cls, ends: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        first, last = ends
        if info.field_name == "batch_norm_momentum":
            first, last = last, first
        if not 0 <= first <= last or (first == 0 and info.field_name != "noise"):
            raise ValueError("expected two positive numbers, in order")
        return ends

    @field_validator("filter_widths")
    @classmethod
    def _are_odd(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if not widths or any(width < 1 or width % 2 == 0 for width in widths):
            raise ValueError("expected odd numbers")
        return widths

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        is_semi = bool(self.unlabelled_subjects or self.unlabelled)
        if is_semi and self.projection_weight and not self.trajectory:
            raise ValueError("unlabelled data is projected to the image: it needs trajectory too")
        both = sorted({*self.subjects} & {*self.unlabelled_subjects})
        if both:
            raise ValueError(f"subjects and unlabelled_subjects both have {', '.join(both)}")
        if self.freeze_pose and (is_semi or not (self.trajectory or self.expected_errors)):
            raise ValueError("freeze_pose is for adding trajectory or expected_errors, no more")
        if self.freeze_pose and self.initial is None:
            raise ValueError("freeze_pose needs the pose network of an initial checkpoint")
        if self.stride > 1 and (self.velocity_weight or self.short_context):
            raise ValueError("stride does not go with velocity_weight or short_context")
        if self.windows_per_epoch is not None and self.windows_per_epoch < 2 * self.stride:
            raise ValueError("windows_per_epoch has to be two windows of stride frames at least")
        if self.stride > self.batch_size // 2:
            raise ValueError("a batch has to hold two windows of stride frames at least")
        return self
