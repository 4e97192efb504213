"""What an augmentation is: a setting of a run, and what it does to a clip at a given strength."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import Field

from training.array_types import Floats

Share = Annotated[float, Field(ge=0, lt=1)]
"""The probability that something happens to a clip."""


def in_order(ends: tuple[float, float]) -> tuple[float, float]:
    """Validate a range."""
    if not 0 <= ends[0] <= ends[1]:
        raise ValueError("expected two positive numbers, in order")
    return ends


class Stage(Enum):
    """What an augmentation changes, in the order in which a clip goes through them."""

    MOTION = "positions (T, M, 3) in world axes, metres, y up; the first are Human3.6M's joints"
    CAMERA = "a `SyntheticCamera`"
    POINTS = "positions (T, M, 3) in camera axes, metres, that are detected; targets stay"
    KEYPOINTS = "detected keypoints (T, J, 3): pixels and score"


class Motions(Protocol):
    """What augmentations read of a set of motion capture, besides the clip itself."""

    @property
    def joint_names(self) -> Sequence[str]:
        """What the M points are."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second."""
        ...

    def __len__(self) -> int: ...

    def clip(self, index: int) -> Floats:
        """The positions (T, M, 3) of one clip."""
        ...


Change = Callable[[Any, Any, Motions, np.random.Generator], Any]
"""From the stage's subject, the setting, the motion and a generator to the changed subject."""


@dataclass(frozen=True)
class Augmentation:
    """One way to vary motion capture for training; evaluation leaves it off."""

    name: str
    """Of the setting, and of the option with dashes."""
    help: str
    stage: Stage
    change: Change
    type: Any = Share
    """What pydantic validates the setting by."""
    default: Any = 0.0
    off: Any = 0.0
    """The setting that leaves clips as they are."""
    condition: str | None = None
    """The name under which evaluation applies it to every held-out clip; if None, it does not."""


def happens(share: float, rng: np.random.Generator) -> bool:
    """Whether it happens to this clip; what never does leaves the generator alone.

    So evaluation does not depend on how many augmentations there are.
    """
    return share > 0 and rng.random() < share


def with_probability(change: Callable[[Any, Motions, np.random.Generator], Any]) -> Change:
    """A change that happens to a share of the clips, which is the setting."""

    def sometimes(subject: Any, share: float, motions: Motions, rng: np.random.Generator) -> Any:  # noqa: ANN401
        return change(subject, motions, rng) if happens(share, rng) else subject

    return sometimes
