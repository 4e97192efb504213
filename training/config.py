"""The settings of a training run, kept in its checkpoints."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from service.pose.formats import FORMATS

_Share = Annotated[float, Field(ge=0, lt=1)]
_Positive = Annotated[float, Field(gt=0)]


class TrainConfig(BaseModel):
    """One training run. The defaults are the paper's (§5.3) where it states them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: Path = Path("data/cmu.npz")
    """Prepared motion, as ``training.prepare`` writes it."""
    output: Path = Path("runs/default")
    """Folder for checkpoints, curves and the plot."""
    keypoint_format: str = "coco17"
    """Layout of the 2D input."""
    normalisation: Literal["screen", "person"] = "person"
    """How pixels become inputs; ``screen`` is the paper's."""
    filter_widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    """Odd widths; the receptive field is their product."""
    causal: bool = False
    """See only the past, for live use."""
    channels: Annotated[int, Field(ge=1)] = 1024
    """Channels of every hidden convolution."""
    dropout: _Share = 0.25
    """Dropout after every hidden convolution."""
    epochs: Annotated[int, Field(ge=1)] = 80
    """Passes over the data, each with fresh cameras and noise. Of a run that goes on with another
    number, batch normalisation's momentum falls at another pace from there on."""
    batch_size: Annotated[int, Field(ge=2)] = 1024
    """Windows in a step."""
    windows_per_epoch: Annotated[int, Field(ge=2)] | None = None
    """Windows drawn in an epoch; all of them if not given."""
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
    """Share of the clips that get their arms or legs from another clip."""
    proportions: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    """Spread of the factors by which the bones of each clip are made longer or shorter."""
    short_context: _Share = 0.0
    """Share of the windows that begin and end closer to their frame, as in a clip just begun."""
    velocity_weight: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the error of velocities beside that of positions: poses tremble less. Windows then
    come in pairs, of a frame and the one after it."""
    weight_average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of the weights, keep an exponential average with this much of the old at each step, 0.999
    say; it is what is measured and exported."""
    initial: Path | None = None
    """A checkpoint of the same architecture whose weights to begin with."""
    seed: int = 0
    """Of everything random. Epochs seed themselves from it, so resuming changes nothing."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """``bfloat16`` computes matrix products in half the bits: faster where the machine can."""
    device: str = "auto"
    """``auto`` takes a GPU where there is one."""
    threads: Annotated[int, Field(ge=0)] = 0
    """CPU threads; 0 leaves the choice to PyTorch."""

    @field_validator("keypoint_format")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in FORMATS:
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
