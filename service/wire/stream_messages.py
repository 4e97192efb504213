"""Messages of live sessions, whatever their format, and checks on the frames in them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from poselift.array_types import Floats
from poselift.card import Card
from poselift.errors import InvalidInput
from poselift.imputation import Quality, letters
from service.error_table import problem
from service.live.frames import ANSWERS_KEPT, MOST_PEOPLE, Frame, FramePoses, Person, PersonError
from service.live.session import LiveSession
from service.request_errors import TooLarge
from service.requests import SessionOptions

_PersonArrays: TypeAlias = tuple[Floats | None, Floats | None, Floats | None]
_UNKNOWN: _PersonArrays = (None, None, None)
_UNKNOWN_QUALITY = int(Quality.UNKNOWN)
_LONGEST_TRACK_ID = 100
_FARTHEST_PIXEL = 1e9
_NEAR_SUM_OF_SQUARES = 1e17
_FARTHEST_S = 1e12
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

    @classmethod
    def of(cls, count: int, frames: Iterable[Frame], flush: bool) -> "FrameBatch":
        """Read as many frames as ``count``, if a body may hold so many.

        Raises:
            InvalidInput: there are none, and no flush.
            TooLarge: naming the limit.
        """
        if count == 0 and not flush:
            raise InvalidInput.at("frames", "at least one frame, or flush")
        if count > ANSWERS_KEPT:
            raise TooLarge(f"frames: {count} are over the limit of {ANSWERS_KEPT} a request")
        return cls(tuple(frames), flush)


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


class PersonAnswer(NamedTuple):
    """One person of an answer; a pose of None is unknown."""

    track_id: str
    pose_K3: Floats | None
    trajectory_3: Floats | None
    expected_errors_K: Floats | None
    quality: int
    joint_quality: str
    source: int | None
    problem: Mapping[str, Any] | None


def frame_of(
    index: int,
    count: int,
    people: Iterable[PersonRead],
    where: str,
    timestamp_s: float | None = None,
) -> Frame:
    """Put a frame together; people that cannot be read become faults.

    ``people`` are as many as ``count``, read only if the frame can be; ``where`` is its place.

    Raises:
        InvalidInput: an index that cannot be, or too many people.
    """
    if not 0 <= index < _LARGEST_INDEX:
        raise InvalidInput.at(f"{where}.index", "a whole number from 0, below 2^53")
    if count > MOST_PEOPLE:
        raise InvalidInput.at(f"{where}.people", f"at most {MOST_PEOPLE} people, found {count}")
    read: list[Person] = []
    faults: list[PersonError] = []
    named: set[str] = set()
    for number, (track_id, keypoints) in enumerate(people):
        error = _fault(track_id, keypoints, named, where, number)
        if error is not None:
            faults.append(PersonError(track_id[:_LONGEST_TRACK_ID], error, number))
        elif not isinstance(keypoints, InvalidInput):
            read.append(Person(track_id, keypoints, number))
        named.add(track_id)
    if timestamp_s is not None and not abs(timestamp_s) <= _FARTHEST_S:
        raise InvalidInput.at(f"{where}.timestamp_s", "a finite number, in seconds")
    return Frame(index, tuple(read), tuple(faults), timestamp_s)


def _fault(
    track_id: str, keypoints: Floats | InvalidInput, named: set[str], where: str, number: int
) -> InvalidInput | None:
    """What is wrong with a person, if anything."""
    if len(track_id.encode()) > _LONGEST_TRACK_ID:
        expected = f"no more than {_LONGEST_TRACK_ID} bytes of UTF-8"
        return InvalidInput.at(f"{where}.people[{number}].track_id", expected)
    if track_id and track_id in named:
        place = f"{where}.people[{number}].track_id"
        return InvalidInput.at(place, "a track to be in a frame once")
    if isinstance(keypoints, InvalidInput):
        return keypoints
    # Where the sum of squares is small, each number is.
    if np.vdot(keypoints, keypoints) <= _NEAR_SUM_OF_SQUARES:
        return None
    far = np.abs(keypoints)
    # NaN compares false, so this finds it too.
    if not far.max() <= _FARTHEST_PIXEL:
        joint = int(np.flatnonzero(~(far <= _FARTHEST_PIXEL).all(axis=1))[0])
        place = f"{where}.people[{number}].keypoints[{joint}]"
        return InvalidInput.at(place, "finite numbers, pixels in an image")
    return None


def people_of(answer: FramePoses) -> Iterator[PersonAnswer]:
    """Everyone in an answer; those whose keypoints were at fault come without a pose if new."""
    faults = {fault.track_id: problem(fault.error) for fault in reversed(answer.errors)}
    poses, trajectory, errors = answer.poses, answer.poses.trajectory, answer.poses.expected_errors
    written = [""] * len(poses) if poses.joint_quality is None else letters(poses.joint_quality)
    of_each = zip(answer.track_ids, poses.quality.tolist(), written, answer.sources, strict=True)
    for place, (track_id, quality, joint_quality, source) in enumerate(of_each):
        arrays = _UNKNOWN
        if quality != _UNKNOWN_QUALITY:
            arrays = (
                poses.poses[place],
                None if trajectory is None else trajectory[place],
                None if errors is None else errors[place],
            )
        sent = source if source >= 0 else None
        yield PersonAnswer(track_id, *arrays, quality, joint_quality, sent, faults.get(track_id))
    for fault in answer.errors:
        if fault.track_id not in answer.track_ids:
            told = "", fault.source, problem(fault.error)
            yield PersonAnswer(fault.track_id, *_UNKNOWN, Quality.UNKNOWN, *told)
