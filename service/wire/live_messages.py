"""What live messages have in common, whatever their format."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from poselift.card import Card
from poselift.errors import InvalidInput, PoseliftError
from poselift.imputation import QUALITY
from service.error_table import problem
from service.live.frames import Fault, Frame, FramePoses, Person
from service.live.session import ANSWERS_KEPT, MOST_PEOPLE
from service.request_errors import TooLarge
from service.requests import SessionOptions

UNKNOWN = QUALITY.index("unknown")
_LONGEST_TRACK_ID = 100
_FARTHEST_PIXEL = 1e9
_LARGEST_INDEX = 2**53
"""What numbers in JSON and in the store's scripts can tell apart."""


@dataclass(frozen=True)
class Close:
    """The client's last message: the session is to be forgotten."""


Message: TypeAlias = SessionOptions | Frame | Close
"""What a client may send over a stream."""


@dataclass(frozen=True)
class Answered:
    """One person of an answer; a pose of None is unknown."""

    track_id: str
    pose_K3: NDArray[np.float32] | None
    trajectory_3: NDArray[np.float32] | None
    expected_errors_K: NDArray[np.float32] | None
    quality: int
    problem: Mapping[str, Any] | None


@dataclass(frozen=True)
class FrameBatch:
    """A body with frames; ``flush`` asks for the poses of frames that wait for later ones too."""

    frames: tuple[Frame, ...]
    flush: bool


@dataclass(frozen=True)
class LiveCodec:
    """One format of live messages.

    Attributes:
        media_type: its name in HTTP; ``subprotocol`` in WebSockets.
        is_text: whether WebSocket messages are text.
        decode: a stream's message; frames need the number of joints, known once it is open.
        decode_open: the body that opens a session.
        decode_frames: the body with frames.
        encode_opened: a session's id, the card, the axes and the next index, as a message of a
            stream; ``encode_session`` as the body of an answer.
        encode_pose: an answer, as a message of a stream.
        encode_frames: the answer to a body with frames, and the next index.
        encode_refusal: an error about a frame, with its index and the next one.
        encode_notice: that the stream ends, with the session's id and the next index.
    """

    media_type: str
    subprotocol: str
    is_text: bool
    decode: Callable[[bytes, int], Message]
    decode_open: Callable[[bytes], SessionOptions]
    decode_frames: Callable[[bytes, int], FrameBatch]
    encode_opened: Callable[[str, Card, str, int], bytes]
    encode_session: Callable[[str, Card, str, int], bytes]
    encode_pose: Callable[[FramePoses], bytes]
    encode_frames: Callable[[Iterable[FramePoses], int], bytes]
    encode_refusal: Callable[[int, PoseliftError, int], bytes]
    encode_notice: Callable[[str, PoseliftError, int], bytes]


def frame_of(
    index: int, people: Iterable[tuple[str, NDArray[np.float32] | InvalidInput]], where: str
) -> Frame:
    """Put a frame together; people that cannot be read become faults.

    Args:
        index: the frame's.
        people: track ids and keypoints (J, 3), or what is wrong with them.
        where: the place of the people in the message.
    """
    read: list[Person] = []
    faults: list[Fault] = []
    named: set[str] = set()
    for number, (track_id, keypoints) in enumerate(people):
        error = _fault(track_id, keypoints, named, f"{where}[{number}]")
        if error is not None:
            faults.append(Fault(track_id[:_LONGEST_TRACK_ID], error))
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


def check_frame_count(frames: int) -> None:
    """Refuse a request with too many frames.

    Raises:
        TooLarge: naming the limit.
    """
    if frames > ANSWERS_KEPT:
        raise TooLarge(f"frames: {frames} are over the limit of {ANSWERS_KEPT} a request")


def _fault(
    track_id: str, keypoints: NDArray[np.float32] | InvalidInput, named: set[str], where: str
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


def people_of(answer: FramePoses) -> Iterable[Answered]:
    """Everyone in an answer; those whose keypoints were at fault come without a pose if new."""
    faults = list(answer.faults)
    lifted = answer.lifted
    for place, track_id in enumerate(answer.track_ids):
        quality = int(answer.quality_P[place])
        is_known = quality != UNKNOWN
        person = lifted[place]
        own = [fault for fault in faults if fault.track_id == track_id]
        faults = [fault for fault in faults if fault.track_id != track_id]
        yield Answered(
            track_id,
            person.poses if is_known else None,
            person.trajectory if is_known else None,
            person.expected_errors if is_known else None,
            quality,
            problem(own[0].error) if own else None,
        )
    for fault in faults:
        yield Answered(fault.track_id, None, None, None, UNKNOWN, problem(fault.error))
