"""Frames of a live session on their way in, and poses on their way out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from poselift.array_types import Floats
from poselift.card import Card
from poselift.errors import PoseliftError
from poselift.imputation import Quality
from poselift.poses import Poses

MOST_PEOPLE = 256
"""In a session at a time."""
ANSWERS_KEPT = 64
"""How many of a session's latest frames are answered again where their answer was lost."""


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

    @classmethod
    def of(
        cls, frame: Frame, track_ids: tuple[str, ...], poses: Poses, is_durable: bool
    ) -> "FramePoses":
        """Everyone in the frame, and of the other tracks those that still have a pose."""
        is_known = poses.quality != Quality.UNKNOWN
        if not is_known.all():
            named = {person.track_id for person in frame.people}
            named |= {each.track_id for each in frame.errors}
            shown = [i for i, track_id in enumerate(track_ids) if is_known[i] or track_id in named]
            track_ids, poses = tuple(track_ids[i] for i in shown), poses[shown]
        return cls(frame.index, track_ids, poses, is_durable, frame.errors)

    @classmethod
    def left_out(cls, index: int, card: Card) -> "FramePoses":
        """The answer to a frame that was left out when the session fell behind."""
        return cls(index, (), Poses.blank(card, np.zeros(0, np.uint8)))
