"""The latest frames of a session, track by track, from which temporal windows are cut."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from poselift.array_types import Floats, Qualities
from poselift.imputation import ImputationState, Quality
from service.live.records import RecordedFrame
from service.live.window_batcher import TrackFrames

_FIRST_ROWS = 16


class TrackBuffer:
    """A track from where it began, frame by frame, as long as its frames are kept."""

    def __init__(self, joints: int, kept: int) -> None:
        row = [
            ("keypoints", np.float32, (joints, 2)),
            ("inputs", np.float32, (joints, 2)),
            ("seen", np.bool_, (joints,)),
            ("measured", np.bool_, (joints,)),
            ("is_ready", np.bool_),
        ]
        self._kept = kept
        self._rows = np.empty(_FIRST_ROWS, row)
        self._start = 0
        self._end = 0

    def append(self, frame: RecordedFrame, person: int, inputs_PJ2: Floats | None) -> int:
        """Take in the track's next frame; its number in the track."""
        if self._end - self._start == len(self._rows):
            self._make_room()
        row = self._rows[self._end - self._start]
        row["keypoints"] = frame.state.keypoints_BJ2[person]
        row["seen"] = frame.state.seen_BJ[person]
        row["measured"] = frame.measured_PJ[person]
        row["is_ready"] = inputs_PJ2 is not None and frame.measured_PJ[person].all()
        row["inputs"] = 0 if inputs_PJ2 is None else inputs_PJ2[person]
        self._end += 1
        return self._end - 1

    def around(self, number: int, before: int, after: int) -> TrackFrames:
        """A frame with so many before and after it, if there are."""
        first = max(number - before, self._start)
        rows = self._rows[first - self._start : min(number + after + 1, self._end) - self._start]
        state = ImputationState(rows["keypoints"], rows["seen"], np.zeros(len(rows), np.int64))
        return TrackFrames(
            state, rows["measured"], rows["inputs"], rows["is_ready"], number - first
        )

    def _make_room(self) -> None:
        """Grow, as most tracks are short; or let go of frames that are kept no more."""
        rows = len(self._rows)
        is_whole = rows >= 2 * self._kept
        held = min(rows, self._kept) if is_whole else rows
        old, self._rows = self._rows, np.empty(rows if is_whole else 2 * rows, self._rows.dtype)
        self._rows[:held] = old[rows - held :]
        self._start = self._end - held


@dataclass(frozen=True, eq=False)
class BufferedFrame:
    """A frame of the session; for each person the track's buffer and the frame's number there.

    None stands for a person whose pose is unknown.
    """

    index: int
    track_ids: tuple[str, ...]
    quality_P: Qualities
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
        frame = BufferedFrame(recorded.index, recorded.track_ids, recorded.quality_P, people)
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
