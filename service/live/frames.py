"""Frames of a live session on their way in, and poses on their way out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.errors import PoseliftError
from poselift.poses import Poses

Floats = NDArray[np.float32]

MOST_PEOPLE = 256
"""In a session at a time."""
ANSWERS_KEPT = 64
"""For how many frames an answer that was lost can be had again."""


@dataclass(frozen=True)
class Person:
    """One person in a frame: keypoints (J, 3) in the session's format, pixels and score.

    An empty ``track_id`` asks the session to associate the person with a track.
    """

    track_id: str
    keypoints_J3: Floats


class PersonError(NamedTuple):
    """What is wrong with a person in a frame, who counts as not seen in it then."""

    track_id: str
    """May be empty, or too long to be one."""
    error: PoseliftError


@dataclass(frozen=True)
class Frame:
    """What a detector saw at one moment; people who could not be read are among the errors."""

    index: int
    people: tuple[Person, ...]
    errors: tuple[PersonError, ...] = ()


@dataclass(frozen=True)
class FramePoses:
    """The answer to a frame: the poses of P people."""

    index: int
    track_ids: tuple[str, ...]
    poses: Poses
    is_durable: bool = True
    """Whether the store has the frame; else it is only in this replica's memory so far."""
    errors: tuple[PersonError, ...] = ()
