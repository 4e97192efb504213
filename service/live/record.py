"""A frame as the store keeps it: who was in it, and what causal filling remembered of each.

That is all a replica needs to go on: filled keypoints follow from what was remembered, and
activations and poses from filled keypoints.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from poselift.imputation import ImputationState
from service.live.stepping import SteppedFrame

Floats = NDArray[np.float32]

_VERSION: Final = 2
_HEAD: Final = struct.Struct("<BH")


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """The people of one frame, as they were after it."""

    index: int
    track_ids: tuple[str, ...]
    quality_P: NDArray[np.uint8]
    is_fresh_P: NDArray[np.bool_]
    measured_PJ: NDArray[np.bool_]
    memory: ImputationState

    @classmethod
    def of(cls, index: int, track_ids: tuple[str, ...], frame: SteppedFrame) -> "RecordedFrame":
        """A frame as it would come back from the store."""
        return cls(
            index, track_ids, frame.quality_P, frame.is_fresh_P, frame.measured_PJ, frame.memory
        )

    def place(self, track_id: str) -> int | None:
        """Where a track is in this frame's arrays."""
        return self.track_ids.index(track_id) if track_id in self.track_ids else None


def encode(track_ids: Sequence[str], frame: SteppedFrame) -> bytes:
    """One frame to bytes: about 165 for each person of 17 joints."""
    names = [track_id.encode() for track_id in track_ids]
    head = _HEAD.pack(_VERSION, len(names))
    ids = b"".join(bytes((len(name),)) + name for name in names)
    memory = frame.memory
    states = np.empty(len(names), _state(memory.seen_BJ.shape[1]))
    states["quality"] = frame.quality_P
    states["is_fresh"] = frame.is_fresh_P
    states["empty_frames"] = np.minimum(memory.empty_frames_B, 2**31)
    states["seen"] = np.packbits(memory.seen_BJ, axis=1)
    states["measured"] = np.packbits(frame.measured_PJ, axis=1)
    states["keypoints"] = memory.keypoints_BJ2
    return head + ids + states.tobytes()


def decode(index: int, record: bytes, joints: int) -> RecordedFrame:
    """Bytes to the frame they were made of.

    Raises:
        ValueError: they are of another version, or damaged.
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
    seen, measured = (
        np.unpackbits(states[name], axis=1, count=joints).astype(np.bool_)
        for name in ("seen", "measured")
    )
    memory = ImputationState(
        states["keypoints"].astype(np.float32), seen, states["empty_frames"].astype(np.int64)
    )
    is_fresh_P = states["is_fresh"].astype(np.bool_)
    quality_P = states["quality"].copy()
    return RecordedFrame(index, tuple(track_ids), quality_P, is_fresh_P, measured, memory)


def past(frames: Sequence[RecordedFrame], track_id: str) -> list[ImputationState]:
    """What was remembered of a track, frame by frame since it last began, oldest first.

    Args:
        frames: consecutive frames, the last of which has the track in it.
        track_id: the track.
    """
    memories = []
    for frame in reversed(frames):
        place = frame.place(track_id)
        if place is None:
            break
        memories.append(frame.memory.of(slice(place, place + 1)))
        if frame.is_fresh_P[place]:
            break
    return memories[::-1]


def filled(memories: Sequence[ImputationState], joints: tuple[str, ...]) -> NDArray[np.float32]:
    """The keypoints (T, J, 2) that a track's frames were filled to."""
    return ImputationState.joined(memories).filled(joints)


@lru_cache(8)
def _state(joints: int) -> np.dtype[np.void]:
    """One person's state, little-endian."""
    return np.dtype(
        [
            ("quality", "u1"),
            ("is_fresh", "u1"),
            ("empty_frames", "<u4"),
            ("seen", "u1", ((joints + 7) // 8,)),
            ("measured", "u1", ((joints + 7) // 8,)),
            ("keypoints", "<f4", (joints, 2)),
        ]
    )
