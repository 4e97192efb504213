"""The latest frames of a session, track by track, from which temporal windows are cut."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from poselift.array_types import Floats
from poselift.imputation import ImputationState, Quality
from service.live.frames import RecordedPeople
from service.live.records import RecordedFrame
from service.live.window_batcher import TrackFrames

_FIRST_ROWS = 16


class TrackBuffer:
    """A track from where it began, frame by frame, as long as its frames are kept."""

    def __init__(self, joints: int, kept: int) -> None:
        self._kept = kept
        rows = _FIRST_ROWS
        self._keypoints = np.empty((rows, joints, 2), np.float32)
        self._inputs = np.empty((rows, joints, 2), np.float32)
        self._seen = np.empty((rows, joints), np.bool_)
        self._measured = np.empty((rows, joints), np.bool_)
        self._is_ready = np.empty(rows, np.bool_)
        self._start = 0
        self._end = 0

    def append(self, frame: RecordedFrame, person: int, inputs_PJ2: Floats | None) -> int:
        """Take in the track's next frame; its number in the track."""
        if self._end - self._start == len(self._keypoints):
            self._make_room()
        row = self._end - self._start
        self._keypoints[row] = frame.state.keypoints_BJ2[person]
        self._seen[row] = frame.state.seen_BJ[person]
        self._measured[row] = frame.measured_PJ[person]
        self._is_ready[row] = inputs_PJ2 is not None and frame.measured_PJ[person].all()
        self._inputs[row] = 0 if inputs_PJ2 is None else inputs_PJ2[person]
        self._end += 1
        return self._end - 1

    def around(self, number: int, before: int, after: int) -> TrackFrames:
        """A frame with so many before and after it, if there are."""
        first = max(number - before, self._start)
        rows = slice(first - self._start, min(number + after + 1, self._end) - self._start)
        no_gaps = np.zeros(rows.stop - rows.start, np.int64)
        state = ImputationState(self._keypoints[rows], self._seen[rows], no_gaps)
        return TrackFrames(
            state, self._measured[rows], self._inputs[rows], self._is_ready[rows], number - first
        )

    def _make_room(self) -> None:
        """Grow, as most tracks are short; or let go of frames that are kept no more."""
        rows = len(self._keypoints)
        is_whole = rows >= 2 * self._kept
        held = min(rows, self._kept) if is_whole else rows
        for name in ("_keypoints", "_inputs", "_seen", "_measured", "_is_ready"):
            old = getattr(self, name)
            new = old if is_whole else np.empty((2 * rows, *old.shape[1:]), old.dtype)
            new[:held] = old[rows - held :]
            setattr(self, name, new)
        self._start = self._end - held


@dataclass(frozen=True, eq=False)
class BufferedFrame(RecordedPeople):
    """A frame of the session; for each person the track's buffer and the frame's number there.

    None stands for a person whose pose is unknown.
    """

    people: tuple[tuple[TrackBuffer, int] | None, ...]

    def windows(self, before: int, after: int) -> tuple[TrackFrames, ...]:
        """The frames around this one of each known person."""
        known = (person for person in self.people if person is not None)
        return tuple(buffer.around(number, before, after) for buffer, number in known)


class FrameBuffers:
    """The latest frames of a session whose answers wait for ``lookahead`` more frames."""

    def __init__(self, lookahead: int, kept: int) -> None:
        self._lookahead = lookahead
        self._frames: deque[BufferedFrame] = deque(maxlen=kept)
        self._buffers: dict[str, TrackBuffer] = {}

    def append(self, recorded: RecordedFrame, inputs_PJ2: Floats | None = None) -> None:
        """Take in the newest frame.

        ``inputs_PJ2`` are its people's keypoints, filled causally and normalised, if known.
        """
        people = tuple(
            self._buffered(recorded, person, inputs_PJ2)
            for person in range(len(recorded.track_ids))
        )
        frame = BufferedFrame(
            recorded.index,
            recorded.track_ids,
            recorded.quality_P,
            recorded.joint_quality_PC,
            recorded.sources_P,
            people,
        )
        self._frames.append(frame)

    def due(self) -> BufferedFrame | None:
        """The frame to answer now, if the session is old enough."""
        return self._frames[-1 - self._lookahead] if len(self._frames) > self._lookahead else None

    def waiting(self) -> Sequence[BufferedFrame]:
        """The frames whose turn has not come, oldest first."""
        return list(islice(reversed(self._frames), self._lookahead))[::-1]

    def find(self, index: int) -> BufferedFrame | None:
        """The frame of this index, if it is kept still."""
        return next((frame for frame in reversed(self._frames) if frame.index == index), None)

    def _buffered(
        self, recorded: RecordedFrame, person: int, inputs_PJ2: Floats | None
    ) -> tuple[TrackBuffer, int] | None:
        track_id = recorded.track_ids[person]
        if recorded.quality_P[person] == Quality.UNKNOWN:
            self._buffers.pop(track_id, None)
            return None
        buffer = self._buffers.get(track_id)
        if buffer is None or recorded.is_fresh_P[person]:
            joints = recorded.measured_PJ.shape[1]
            buffer = self._buffers[track_id] = TrackBuffer(joints, self._frames.maxlen or 1)
        return buffer, buffer.append(recorded, person, inputs_PJ2)
