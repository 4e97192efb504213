"""Frames of a live session on their way in, and poses on their way out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Qualities
from poselift.card import Card
from poselift.errors import PoseliftError
from poselift.imputation import UNKNOWN, Quality
from poselift.poses import Poses, PoseWarning

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
    source: int = 0
    """The place in the list of people that was sent."""


class PersonError(NamedTuple):
    """What is wrong with a person in a frame, who counts as not seen in it then."""

    track_id: str
    """May be empty, or too long to be one."""
    error: PoseliftError
    source: int = 0
    """As in ``Person``."""


@dataclass(frozen=True)
class Frame:
    """What a detector saw at one moment; people who could not be read are among the errors."""

    index: int
    people: tuple[Person, ...]
    errors: tuple[PersonError, ...] = ()
    timestamp_s: float | None = None


@dataclass(frozen=True, eq=False)
class RecordedPeople:
    """The P people of a frame that was lifted."""

    index: int
    track_ids: tuple[str, ...]
    quality_P: Qualities
    """Codes of ``poselift.imputation.Quality``."""
    joint_quality_PC: Qualities
    """Codes of ``poselift.imputation.JointQuality`` of the caller's joints."""
    sources_P: NDArray[np.int64]
    """The place of each in the people that were sent; -1 if not sent."""


@dataclass(frozen=True)
class FramePoses:
    """The answer to a frame: the poses of P people."""

    index: int
    track_ids: tuple[str, ...]
    poses: Poses
    is_durable: bool = True
    """Whether the store has the frame; else it is only in this replica's memory so far."""
    errors: tuple[PersonError, ...] = ()
    sources: tuple[int, ...] = ()
    """The place of each in the people that were sent; -1 if not sent."""
    warnings: tuple[PoseWarning, ...] = ()

    @classmethod
    def of(
        cls,
        frame: Frame,
        track_ids: tuple[str, ...],
        sources_P: NDArray[np.int64],
        poses: Poses,
        is_durable: bool,
    ) -> "FramePoses":
        """Everyone in the frame, and of the other tracks those that still have a pose."""
        if Quality.UNKNOWN in poses.quality.tolist():
            is_known = poses.quality != UNKNOWN
            named = {each.track_id for each in frame.errors}
            is_shown = is_known | (sources_P >= 0) | np.isin(track_ids, list(named))
            shown = np.flatnonzero(is_shown)
            track_ids, poses = tuple(track_ids[i] for i in shown), poses.rows(shown)
            sources_P = sources_P[shown]
        sources = tuple(sources_P.tolist())
        return cls(frame.index, track_ids, poses, is_durable, frame.errors, sources)

    @classmethod
    def left_out(cls, index: int, card: Card) -> "FramePoses":
        """The answer to a frame that was left out when the session fell behind."""
        return cls(index, (), Poses.blank(card, np.zeros(0, np.uint8)))
