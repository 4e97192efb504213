"""Answers that wait for what comes after: a session's frames, lifted some frames later."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from poselift.imputation import ImputationState
from poselift.model_output import ModelOutput
from service.live.frames import Frame
from service.live.reading import Reading
from service.live.record import RecordedFrame
from service.live.stepping import UNKNOWN
from service.live.windows import Stretch, WindowBatcher, WindowJob

Floats = NDArray[np.float32]

BEFORE_WINDOW = 64
"""Frames before a window in which a joint that is missing in it may have been seen last."""
_FIRST_ROWS = 16


class _Run:
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

    def append(self, frame: RecordedFrame, place: int, inputs_PJ2: Floats | None) -> int:
        """Take in the track's next frame; its number in the run."""
        if self._end - self._start == len(self._keypoints):
            self._make_room()
        row = self._end - self._start
        self._keypoints[row] = frame.memory.keypoints_BJ2[place]
        self._seen[row] = frame.memory.seen_BJ[place]
        self._measured[row] = frame.measured_PJ[place]
        self._is_ready[row] = inputs_PJ2 is not None and frame.measured_PJ[place].all()
        self._inputs[row] = 0 if inputs_PJ2 is None else inputs_PJ2[place]
        self._end += 1
        return self._end - 1

    def stretch(self, number: int, before: int, after: int) -> Stretch:
        """A frame with those around it: so many before and after, if there are."""
        first = max(number - before, self._start)
        rows = slice(first - self._start, min(number + after + 1, self._end) - self._start)
        memory = ImputationState(
            self._keypoints[rows], self._seen[rows], np.zeros(rows.stop - rows.start, np.int64)
        )
        return Stretch(
            memory, self._measured[rows], self._inputs[rows], self._is_ready[rows], number - first
        )

    def _make_room(self) -> None:
        """Grow, as most who are seen at all are seen briefly; or let go of what is kept no more."""
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
class KeptFrame:
    """A frame of the session; of each person in it the run, and the frame's number there.

    None stands for somebody whose pose is unknown.
    """

    index: int
    track_ids: tuple[str, ...]
    quality_P: NDArray[np.uint8]
    places: tuple[tuple[_Run, int] | None, ...]


class Lookahead:
    """The latest frames of a session, and the poses of those that have seen enough.

    A frame's poses are those that ``/v1/lift`` gives for it in the clip that ends so many frames
    after it.
    """

    def __init__(self, frames: int, windows: WindowBatcher, reading: Reading, kept: int) -> None:
        self._frames = frames
        self._windows = windows
        self._reading = reading
        self._kept: deque[KeptFrame] = deque(maxlen=kept)
        self._asked: deque[Frame] = deque(maxlen=frames + 1)
        self._runs: dict[str, _Run] = {}

    def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """Begin with the frames that the store has."""
        for frame in recorded:
            self._keep(frame, None)

    def add(self, frame: Frame, recorded: RecordedFrame, inputs_PJ2: Floats) -> None:
        """Take in the newest frame: as it was asked for, as it is kept, and what it was filled to.

        ``inputs_PJ2`` are its people's keypoints, filled causally and normalised.
        """
        self._asked.append(frame)
        self._keep(recorded, inputs_PJ2)

    def due(self) -> KeptFrame | None:
        """The frame to answer now, if the session is old enough."""
        return self._kept[-1 - self._frames] if len(self._kept) > self._frames else None

    def waiting(self) -> list[KeptFrame]:
        """The frames whose turn has not come, oldest first."""
        return list(islice(reversed(self._kept), self._frames))[::-1]

    def is_waiting(self, frame: KeptFrame) -> bool:
        """Whether a frame's turn has not come."""
        due = self.due()
        return due is None or frame.index > due.index

    def find(self, index: int) -> KeptFrame | None:
        """The frame of this index, if it is kept still."""
        return next((frame for frame in reversed(self._kept) if frame.index == index), None)

    def asked(self, index: int) -> Frame:
        """The frame as it was asked for; after a break nobody knows what was wrong with it."""
        return next((frame for frame in self._asked if frame.index == index), Frame(index, ()))

    async def lift(self, frame: KeptFrame) -> ModelOutput:
        """The poses of a frame, with as many frames after it as it may see and as have come."""
        known = [number for number, place in enumerate(frame.places) if place is not None]
        before = self._windows.longest_lookahead + BEFORE_WINDOW
        people = tuple(
            run.stretch(number, before, self._frames)
            for run, number in (place for place in frame.places if place is not None)
        )
        everyone = self._windows.blank(len(frame.places))
        if not people:
            return everyone
        with self._windows.batcher.admit(len(people)) as admission:
            everyone.put(known, await admission.submit(WindowJob(self._reading, people)))
        return everyone

    def _keep(self, recorded: RecordedFrame, inputs_PJ2: Floats | None) -> None:
        places = tuple(
            self._place(recorded, place, inputs_PJ2) for place in range(len(recorded.track_ids))
        )
        self._kept.append(KeptFrame(recorded.index, recorded.track_ids, recorded.quality_P, places))

    def _place(
        self, recorded: RecordedFrame, place: int, inputs_PJ2: Floats | None
    ) -> tuple[_Run, int] | None:
        track_id = recorded.track_ids[place]
        if recorded.quality_P[place] == UNKNOWN:
            self._runs.pop(track_id, None)
            return None
        run = self._runs.get(track_id)
        if run is None or recorded.is_fresh_P[place]:
            joints = recorded.measured_PJ.shape[1]
            run = self._runs[track_id] = _Run(joints, self._kept.maxlen or 1)
        return run, run.append(recorded, place, inputs_PJ2)
