"""A frame as the store keeps it: who was in it, and what encoding remembers of each.

That is all a replica needs to go on: filled keypoints follow from what is remembered, activations
and poses from filled keypoints.

A record is a version, the number of people, their track ids and their states, then the extension.
Versions of the service before and after this one read it: what a later version adds stands behind,
where this one skips it, and what an earlier one did not write is taken as usual. The version rises
only once all replicas read the new layout.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Mask, Qualities
from poselift.codec import TrackMemory
from poselift.imputation import ImputationState
from poselift.outliers import MotionMemory
from service.live.frames import RecordedPeople

_VERSION: Final = 2
_HEAD: Final = struct.Struct("<BH")
_EXTENSION_VERSION: Final = 1
_EXTENSION: Final = struct.Struct("<BHId")
"""Its version, the caller's joints, frames skipped, timestamp."""
_MOST_SKIPPED: Final = 2**32 - 1
_PER_BYTE: Final = 4
_SHIFTS: Final = np.arange(0, 8, 2, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class RecordedFrame(RecordedPeople):
    """The P people of one frame, as they were after it."""

    is_fresh_P: Mask
    """Tracks that began with this frame."""
    measured_PJ: Mask
    state: ImputationState
    motion: MotionMemory
    skipped: int = 0
    """Frames without people before this one, of which there is no record."""
    timestamp_s: float | None = None

    @classmethod
    def empty(cls, index: int, joints: int) -> "RecordedFrame":
        """A frame without people."""
        people = index, (), np.zeros(0, np.uint8), np.zeros((0, 0), np.uint8), np.zeros(0, np.int64)
        nothing = np.zeros(0, np.bool_), np.zeros((0, joints), np.bool_)
        memory = ImputationState.blank(0, joints), MotionMemory.blank(0, joints)
        return cls(*people, *nothing, *memory)

    def part(self, head: "FrameHead", people: slice) -> "RecordedFrame":
        """One of several frames that were put together."""
        return RecordedFrame(
            head.index,
            self.track_ids[people],
            self.quality_P[people],
            self.joint_quality_PC[people],
            self.sources_P[people],
            self.is_fresh_P[people],
            self.measured_PJ[people],
            self.state.of(people),
            self.motion.of(people),
            head.skipped,
            head.timestamp_s,
        )

    def memory(self, track_id: str) -> TrackMemory:
        """What is remembered of one of its tracks."""
        row = self.track_ids.index(track_id)
        rows = slice(row, row + 1)
        return TrackMemory(self.state.of(rows), self.motion.of(rows))


@dataclass(frozen=True, slots=True)
class FrameHead:
    """What a frame is besides its people."""

    index: int
    people: int
    """How many they are."""
    skipped: int = 0
    timestamp_s: float | None = None


def encode(frame: RecordedFrame) -> bytes:
    """One frame to bytes: about 185 for each person of 17 joints."""
    head = FrameHead(frame.index, len(frame.track_ids), frame.skipped, frame.timestamp_s)
    return encode_all(frame, [head])[0]


def encode_all(together: RecordedFrame, heads: Sequence[FrameHead]) -> list[bytes]:
    """Several frames to bytes: all arrays at once.

    ``together`` has the people of all frames, one frame after the other, in the same formats.
    """
    states, sources, codes, swapped = map(_Rows, _parts(together))
    motion, measured_PJ = together.motion, together.measured_PJ
    joints, is_whole = together.joint_quality_PC.shape[1], bool(measured_PJ.all())
    written, start = [], 0
    for head in heads:
        people = slice(start, start := start + head.people)
        ids = [track_id.encode() for track_id in together.track_ids[people]]
        time = math.nan if head.timestamp_s is None else head.timestamp_s
        fields = [
            _HEAD.pack(_VERSION, head.people),
            *(bytes((len(each),)) + each for each in ids),
            states.of(people),
            _EXTENSION.pack(_EXTENSION_VERSION, joints, min(head.skipped, _MOST_SKIPPED), time),
            sources.of(people),
            codes.of(people),
            swapped.of(people),
        ]
        if not is_whole:
            fields.append(_encode_aside(motion.of(people), measured_PJ[people]))
        written.append(b"".join(fields))
    return written


class _Rows:
    """The bytes of an array's rows: sliced as bytes, which is quicker than as an array."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._content = rows.tobytes()
        self._length = len(self._content) // max(len(rows), 1)

    def of(self, rows: slice) -> bytes:
        """Those of some of the rows."""
        return self._content[rows.start * self._length : rows.stop * self._length]


def _encode_states(frame: RecordedFrame) -> NDArray[np.void]:
    """The state of each person."""
    states = np.empty(len(frame.measured_PJ), _state(frame.measured_PJ.shape[1]))
    states["quality"] = frame.quality_P
    states["is_fresh"] = frame.is_fresh_P
    states["empty"] = np.minimum(frame.state.empty_B, 2**31)
    states["seen"] = np.packbits(frame.state.seen_BJ, axis=1)
    states["measured"] = np.packbits(frame.measured_PJ, axis=1)
    states["keypoints"] = frame.state.keypoints_BJ2
    return states


def decode(index: int, record: bytes, joints: int) -> RecordedFrame:
    """Bytes to the frame they were made of; what stands behind it is skipped.

    Raises:
        ValueError, struct.error, IndexError: they are of an unknown version, or damaged.
    """
    version, people = _HEAD.unpack_from(record)
    if version != _VERSION:
        raise ValueError(f"a frame of version {version}; expected {_VERSION}")
    track_ids, at = [], _HEAD.size
    for _ in range(people):
        length = record[at]
        track_ids.append(record[at + 1 : at + 1 + length].decode())
        at += 1 + length
    states = np.frombuffer(record, _state(joints), people, at)
    seen_BJ, measured_PJ = (
        np.unpackbits(states[name], axis=1, count=joints).astype(np.bool_)
        for name in ("seen", "measured")
    )
    state = ImputationState(
        states["keypoints"].astype(np.float32), seen_BJ, states["empty"].astype(np.int64)
    )
    quality_P, is_fresh_P = states["quality"].copy(), states["is_fresh"].astype(np.bool_)
    rest = _Extension.read(record[at + states.nbytes :], measured_PJ, state)
    return RecordedFrame(
        index,
        tuple(track_ids),
        quality_P,
        rest.joint_quality_PC,
        rest.sources_P,
        is_fresh_P,
        measured_PJ,
        state,
        rest.motion,
        rest.skipped,
        rest.timestamp_s,
    )


def _parts(frame: RecordedFrame) -> tuple[NDArray[Any], ...]:
    """Of each person the state, then what was added to records later: see ``_Extension``.

    Of joints that were accepted in this frame the motion is where they are, which the states tell.
    """
    sources_P = (frame.sources_P + 1).astype("<u2")
    swapped_PG = frame.motion.swapped_BG.astype("<u2")
    return _encode_states(frame), sources_P, _pack(frame.joint_quality_PC), swapped_PG


def _encode_aside(motion: MotionMemory, measured_PJ: Mask) -> bytes:
    """What is remembered of joints that were not accepted in this frame: mostly of none."""
    if np.count_nonzero(measured_PJ) == measured_PJ.size:
        return b""
    aside_PJ = ~measured_PJ
    doubted_PJ = aside_PJ & (motion.doubted_BJ > 0)
    return b"".join(
        (
            motion.age_BJ[aside_PJ].astype("<u2").tobytes(),
            motion.doubted_BJ[aside_PJ].astype("<u2").tobytes(),
            motion.places_BJ2[aside_PJ].astype("<f4").tobytes(),
            motion.suspects_BJ2[doubted_PJ].astype("<f4").tobytes(),
        )
    )


class _Extension(NamedTuple):
    """The fields of a ``RecordedFrame`` that earlier versions did not write."""

    motion: MotionMemory
    joint_quality_PC: Qualities
    sources_P: NDArray[np.int64]
    skipped: int = 0
    timestamp_s: float | None = None

    @classmethod
    def read(cls, record: bytes, measured_PJ: Mask, state: ImputationState) -> "_Extension":
        """From what stands behind the states; as usual where nothing does."""
        people = len(measured_PJ)
        motion = MotionMemory.begun(state.keypoints_BJ2, measured_PJ)
        if len(record) < _EXTENSION.size or record[0] != _EXTENSION_VERSION:
            return cls(motion, np.zeros((people, 0), np.uint8), np.full(people, -1))
        _, joints, skipped, time = _EXTENSION.unpack_from(record)
        part = _Parts(record, _EXTENSION.size)
        sources_P = part.take("<u2", people).astype(np.int64) - 1
        packed = part.take("u1", people * _packed_length(joints))
        joint_quality_PC = _unpack(packed.reshape(people, _packed_length(joints)), joints)
        motion.swapped_BG[:] = part.take("<u2", motion.swapped_BG.size).reshape(
            motion.swapped_BG.shape
        )
        aside_PJ = ~measured_PJ
        motion.age_BJ[aside_PJ] = part.take("<u2", aside_PJ.sum())
        motion.doubted_BJ[aside_PJ] = part.take("<u2", aside_PJ.sum())
        motion.places_BJ2[aside_PJ] = part.take("<f4", 2 * aside_PJ.sum()).reshape(-1, 2)
        doubted_BJ = motion.doubted_BJ > 0
        motion.suspects_BJ2[doubted_BJ] = part.take("<f4", 2 * doubted_BJ.sum()).reshape(-1, 2)
        timestamp_s = None if np.isnan(time) else time
        return cls(motion, joint_quality_PC, sources_P, skipped, timestamp_s)


class _Parts:
    """Reads arrays one after the other."""

    def __init__(self, record: bytes, at: int) -> None:
        self._record, self._at = record, at

    def take(self, kind: str, count: int) -> NDArray[Any]:
        """The next numbers."""
        numbers = np.frombuffer(self._record, kind, int(count), self._at)
        self._at += numbers.nbytes
        return numbers


def _packed_length(joints: int) -> int:
    return -(-joints // _PER_BYTE)


def _pack(codes_PC: Qualities) -> Qualities:
    """Codes from 0 to 3, four to a byte."""
    people, joints = codes_PC.shape
    if not np.count_nonzero(codes_PC):
        return np.zeros((people, _packed_length(joints)), np.uint8)
    room = np.zeros((people, _packed_length(joints), _PER_BYTE), np.uint8)
    room.reshape(people, room.shape[1] * _PER_BYTE)[:, :joints] = codes_PC
    packed: Qualities = (room << _SHIFTS).sum(axis=2, dtype=np.uint8)
    return packed


def _unpack(packed: Qualities, joints: int) -> Qualities:
    codes: Qualities = (packed[:, :, None] >> _SHIFTS) & np.uint8(_PER_BYTE - 1)
    return codes.reshape(len(packed), packed.shape[1] * _PER_BYTE)[:, :joints]


def history(frames: Sequence[RecordedFrame], track_id: str) -> ImputationState:
    """What was remembered of a track, a row for each frame since it last began, oldest first.

    The frames are consecutive, and the last of them has the track in it.
    """
    states = []
    for frame in reversed(frames):
        if track_id not in frame.track_ids:
            break
        row = frame.track_ids.index(track_id)
        states.append(frame.state.of(slice(row, row + 1)))
        if frame.is_fresh_P[row]:
            break
        states += _while_skipped(frames, frame, track_id)
    return ImputationState.joined(states[::-1])


def _while_skipped(
    frames: Sequence[RecordedFrame], frame: RecordedFrame, track_id: str
) -> list[ImputationState]:
    """What was remembered of a track in the frames skipped before a frame: it was held."""
    if not frame.skipped:
        return []
    before = next((each for each in frames if each.index == frame.index - frame.skipped - 1), None)
    if before is None or track_id not in before.track_ids:
        return []
    row = before.track_ids.index(track_id)
    return [before.state.of(slice(row, row + 1))] * frame.skipped


@lru_cache(8)
def _state(joints: int) -> np.dtype[np.void]:
    """One person's state, little-endian."""
    return np.dtype(
        [
            ("quality", "u1"),
            ("is_fresh", "u1"),
            ("empty", "<u4"),
            ("seen", "u1", ((joints + 7) // 8,)),
            ("measured", "u1", ((joints + 7) // 8,)),
            ("keypoints", "<f4", (joints, 2)),
        ]
    )
