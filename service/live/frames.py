"""Frames of a live session on their way in, and poses on their way out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.errors import PoseliftError
from poselift.model_output import ModelOutput

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Person:
    """One person in a frame: keypoints (J, 3) in the session's format, pixels and score.

    An empty ``track_id`` leaves it to the session to tell who it is.
    """

    track_id: str
    keypoints_J3: Floats


class Fault(NamedTuple):
    """What is wrong with a person in a frame, who counts as not seen in it then."""

    track_id: str
    """May be empty, or too long to be one."""
    error: PoseliftError


@dataclass(frozen=True)
class Frame:
    """What a detector saw at one moment; whoever could not be read is among the faults."""

    index: int
    people: tuple[Person, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class FramePoses:
    """The answer to a frame: what was lifted of P people, zeros where the quality is unknown."""

    index: int
    track_ids: tuple[str, ...]
    lifted: ModelOutput
    quality_P: NDArray[np.uint8]
    is_durable: bool = True
    """Whether the store has the frame; else it is only in this replica's memory so far."""
    faults: tuple[Fault, ...] = ()
