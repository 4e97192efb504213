"""Messages of live sessions, whatever their format, and checks on the frames in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from poselift.array_types import Floats
from poselift.card import Card
from poselift.errors import InvalidInput
from poselift.imputation import QUALITY
from service.error_table import problem
from service.live.frames import (
    ANSWERS_KEPT,
    MOST_PEOPLE,
    Frame,
    FramePoses,
    Person,
    PersonError,
)
from service.live.session import LiveSession
from service.request_errors import TooLarge
from service.requests import SessionOptions

_UNKNOWN = QUALITY.index("unknown")
_LONGEST_TRACK_ID = 100
_FARTHEST_PIXEL = 1e9
_LARGEST_INDEX = 2**53
"""Above it, numbers in JSON and in the store's scripts are no longer exact."""

PersonRead: TypeAlias = tuple[str, Floats | InvalidInput]
"""A person as read: track id and keypoints (J, 3), or what is wrong with them."""


@dataclass(frozen=True)
class Close:
    """The client's last message: the session is to be forgotten."""


Message: TypeAlias = SessionOptions | Frame | Close
"""What a client may send over a stream."""


@dataclass(frozen=True)
class FrameBatch:
    """A body with frames; ``flush`` asks for the poses of frames that wait for later ones too."""

    frames: tuple[Frame, ...]
    flush: bool


@dataclass(frozen=True)
class OpenedSession:
    """What a client learns of a session that is open."""

    session_id: str
    card: Card
    axes: str
    next_index: int

    @classmethod
    def of(cls, session: LiveSession) -> "OpenedSession":
        """The session that a transport has opened."""
        return cls(session.id, session.card, session.options.axes, session.next_index)


@dataclass(frozen=True)
class PersonAnswer:
    """One person of an answer; a pose of None is unknown."""

    track_id: str
    pose_K3: Floats | None
    trajectory_3: Floats | None
    expected_errors_K: Floats | None
    quality: int
    problem: Mapping[str, Any] | None


def frame_of(index: int, people: Iterable[PersonRead], where: str) -> Frame:
    """Put a frame together; people that cannot be read become faults."""
    read: list[Person] = []
    faults: list[PersonError] = []
    named: set[str] = set()
    for number, (track_id, keypoints) in enumerate(people):
        error = _fault(track_id, keypoints, named, f"{where}[{number}]")
        if error is not None:
            faults.append(PersonError(track_id[:_LONGEST_TRACK_ID], error))
        elif not isinstance(keypoints, InvalidInput):
            read.append(Person(track_id, keypoints))
        named.add(track_id)
    return Frame(index, tuple(read), tuple(faults))


def check_frame(index: int, people: int, where: str) -> None:
    """Refuse a frame before any work is spent on it.

    Raises:
        InvalidInput: an index that cannot be, or too many people.
    """
    if not 0 <= index < _LARGEST_INDEX:
        raise InvalidInput.at(f"{where}.index", "a whole number from 0, below 2^53")
    if people > MOST_PEOPLE:
        raise InvalidInput.at(f"{where}.people", f"at most {MOST_PEOPLE} people, found {people}")


def check_batch(frames: int, flush: bool) -> None:
    """Refuse a body with no or too many frames before any work is spent on them.

    Raises:
        InvalidInput: there are none, and no flush.
        TooLarge: naming the limit.
    """
    if not frames and not flush:
        raise InvalidInput.at("frames", "at least one frame, or flush")
    if frames > ANSWERS_KEPT:
        raise TooLarge(f"frames: {frames} are over the limit of {ANSWERS_KEPT} a request")


def _fault(
    track_id: str, keypoints: Floats | InvalidInput, named: set[str], where: str
) -> InvalidInput | None:
    """What is wrong with a person, if anything."""
    if len(track_id.encode()) > _LONGEST_TRACK_ID:
        return InvalidInput.at(
            f"{where}.track_id", f"no more than {_LONGEST_TRACK_ID} bytes of UTF-8"
        )
    if track_id and track_id in named:
        return InvalidInput.at(f"{where}.track_id", "a track to be in a frame once")
    if isinstance(keypoints, InvalidInput):
        return keypoints
    # NaN compares false, so this finds it too.
    within = (np.abs(keypoints) <= _FARTHEST_PIXEL).all(axis=1)
    if not within.all():
        joint = int(np.flatnonzero(~within)[0])
        return InvalidInput.at(f"{where}.keypoints[{joint}]", "finite numbers, pixels in an image")
    return None


def people_of(answer: FramePoses) -> Iterable[PersonAnswer]:
    """Everyone in an answer; those whose keypoints were at fault come without a pose if new."""
    faults = list(answer.errors)
    lifted = answer.poses
    for place, track_id in enumerate(answer.track_ids):
        quality = int(answer.poses.quality[place])
        is_known = quality != _UNKNOWN
        person = lifted[place]
        own = [fault for fault in faults if fault.track_id == track_id]
        faults = [fault for fault in faults if fault.track_id != track_id]
        yield PersonAnswer(
            track_id,
            person.poses if is_known else None,
            person.trajectory if is_known else None,
            person.expected_errors if is_known else None,
            quality,
            problem(own[0].error) if own else None,
        )
    for fault in faults:
        yield PersonAnswer(fault.track_id, None, None, None, _UNKNOWN, problem(fault.error))
