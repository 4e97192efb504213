"""A frame as the store keeps it: who was in it, and what causal imputation remembers of each.

That is all a replica needs to go on: filled keypoints follow from what is remembered, activations
and poses from filled keypoints.

A record is a version, the number of people, their track ids and their states. Versions of the
service before and after this one read it: what a later version adds stands behind the states,
where this one skips it. The version rises only once all replicas read the new layout.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from poselift.array_types import Mask, Qualities
from poselift.imputation import ImputationState

_VERSION: Final = 2
_HEAD: Final = struct.Struct("<BH")


@dataclass(frozen=True, eq=False)
class RecordedFrame:
    """The P people of one frame, as they were after it."""

    index: int
    track_ids: tuple[str, ...]
    quality_P: Qualities
    is_fresh_P: Mask
    """Tracks that began with this frame."""
    measured_PJ: Mask
    state: ImputationState


def encode(frame: RecordedFrame) -> bytes:
    """One frame to bytes: about 165 for each person of 17 joints."""
    names = [track_id.encode() for track_id in frame.track_ids]
    head = _HEAD.pack(_VERSION, len(names))
    ids = b"".join(bytes((len(name),)) + name for name in names)
    states = np.empty(len(names), _state(frame.measured_PJ.shape[1]))
    states["quality"] = frame.quality_P
    states["is_fresh"] = frame.is_fresh_P
    states["empty_frames"] = np.minimum(frame.state.empty_frames_B, 2**31)
    states["seen"] = np.packbits(frame.state.seen_BJ, axis=1)
    states["measured"] = np.packbits(frame.measured_PJ, axis=1)
    states["keypoints"] = frame.state.keypoints_BJ2
    return head + ids + states.tobytes()


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
        states["keypoints"].astype(np.float32), seen_BJ, states["empty_frames"].astype(np.int64)
    )
    is_fresh_P = states["is_fresh"].astype(np.bool_)
    quality_P = states["quality"].copy()
    return RecordedFrame(index, tuple(track_ids), quality_P, is_fresh_P, measured_PJ, state)


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
    return ImputationState.joined(states[::-1])


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
