"""What live messages have in common, whatever their format."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.errors import Invalid, PoseliftError
from service.live.frames import Frame, FramePoses, Person
from service.pose.card import Card
from service.pose.missing import QUALITY
from service.requests import SessionOptions
from service.wire.problems import problem

UNKNOWN = QUALITY.index("unknown")
MOST_PEOPLE = 256
"""In a frame."""
_LONGEST_TRACK_ID = 100
_FARTHEST_PIXEL = 1e9


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
    quality: int
    problem: Mapping[str, Any] | None


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
    decode_frames: Callable[[bytes, int], list[Frame]]
    encode_opened: Callable[[str, Card, str, int], bytes]
    encode_session: Callable[[str, Card, str, int], bytes]
    encode_pose: Callable[[FramePoses], bytes]
    encode_frames: Callable[[Iterable[FramePoses], int], bytes]
    encode_refusal: Callable[[int, PoseliftError, int], bytes]
    encode_notice: Callable[[str, PoseliftError, int], bytes]


def frame_of(
    index: int, people: Iterable[tuple[str, NDArray[np.float32] | Invalid]], where: str
) -> Frame:
    """Put a frame together; people that cannot be read become faults.

    Args:
        index: the frame's.
        people: track ids and keypoints (J, 3), or what is wrong with them.
        where: the place of the people in the message.
    """
    read: list[Person] = []
    faults: dict[str, PoseliftError] = {}
    named: set[str] = set()
    for number, (track_id, keypoints) in enumerate(people):
        place = f"{where}[{number}]"
        fault = _fault(number, track_id, keypoints, named, place)
        if fault is not None:
            faults[track_id[:_LONGEST_TRACK_ID] or str(number)] = fault
        elif not isinstance(keypoints, Invalid):
            read.append(Person(track_id, keypoints))
        named.add(track_id)
    return Frame(index, tuple(read), faults)


def _fault(
    number: int,
    track_id: str,
    keypoints: NDArray[np.float32] | Invalid,
    named: set[str],
    where: str,
) -> Invalid | None:
    """What is wrong with a person, if anything."""
    if number >= MOST_PEOPLE:
        return Invalid.at(where, f"at most {MOST_PEOPLE} people in a frame")
    if len(track_id) > _LONGEST_TRACK_ID:
        return Invalid.at(f"{where}.track_id", f"no more than {_LONGEST_TRACK_ID} characters")
    if track_id and track_id in named:
        return Invalid.at(f"{where}.track_id", "a track to be in a frame once")
    if isinstance(keypoints, Invalid):
        return keypoints
    # NaN compares false, so this finds it too.
    within = (np.abs(keypoints) <= _FARTHEST_PIXEL).all(axis=1)
    if not within.all():
        joint = int(np.flatnonzero(~within)[0])
        return Invalid.at(f"{where}.keypoints[{joint}]", "finite numbers, pixels in an image")
    return None


def people_of(answer: FramePoses) -> Iterable[Answered]:
    """Everyone in an answer; those whose keypoints were at fault come without a pose if new."""
    faults = {track_id: problem(fault) for track_id, fault in answer.faults.items()}
    trajectory = answer.trajectory_P3
    for place, track_id in enumerate(answer.track_ids):
        quality = int(answer.quality_P[place])
        is_known = quality != UNKNOWN
        yield Answered(
            track_id,
            answer.poses_PK3[place] if is_known else None,
            trajectory[place] if is_known and trajectory is not None else None,
            quality,
            faults.pop(track_id, None),
        )
    for track_id, fault in faults.items():
        yield Answered(track_id, None, None, UNKNOWN, fault)
