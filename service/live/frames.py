"""Frames of a live session on their way in, and poses on their way out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.errors import PoseliftError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Person:
    """One person in a frame: keypoints (J, 3) in the session's format, pixels and score.

    An empty ``track_id`` leaves it to the session to tell who it is.
    """

    track_id: str
    keypoints_J3: Floats


@dataclass(frozen=True)
class Frame:
    """What a detector saw at one moment; whoever could not be read is among the faults."""

    index: int
    people: tuple[Person, ...]
    faults: Mapping[str, PoseliftError] = field(default_factory=dict)
    """What is wrong with a person, by track; they count as not seen in this frame."""


@dataclass(frozen=True)
class FramePoses:
    """The answer to a frame: poses (P, K, 3), zeros where the quality is unknown."""

    index: int
    track_ids: tuple[str, ...]
    poses_PK3: Floats
    trajectory_P3: Floats | None
    quality_P: NDArray[np.uint8]
    is_durable: bool = True
    """Whether the store has the frame; else it is only in this replica's memory so far."""
    faults: Mapping[str, PoseliftError] = field(default_factory=dict)
