"""Answers that wait for what comes after: a session's frames, lifted some frames later."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from service.live.frames import Frame
from service.live.reading import Reading
from service.live.record import RecordedFrame, stretch
from service.live.stepping import UNKNOWN, SteppedFrame
from service.live.windows import LiftedPeople, Stretch, WindowJob, WindowModel


class Lookahead:
    """The latest frames of a session, and the poses of those that have seen enough.

    A frame's poses are those that ``/v1/lift`` gives for it in the clip that ends so many frames
    after it.
    """

    def __init__(self, frames: int, windows: WindowModel, reading: Reading, kept: int) -> None:
        self._frames = frames
        self._windows = windows
        self._reading = reading
        self._recorded: deque[RecordedFrame] = deque(maxlen=kept)
        self._asked: deque[Frame] = deque(maxlen=frames + 1)

    def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """Begin with the frames that the store has."""
        self._recorded.extend(recorded)

    def add(self, frame: Frame, recorded: RecordedFrame) -> None:
        """Take in the newest frame, as it was asked for and as it is kept."""
        self._asked.append(frame)
        self._recorded.append(recorded)

    def due(self) -> RecordedFrame | None:
        """The frame to answer now, if the session is old enough."""
        place = len(self._recorded) - 1 - self._frames
        return self._recorded[place] if place >= 0 else None

    def waiting(self) -> list[RecordedFrame]:
        """The frames whose turn has not come."""
        return list(self._recorded)[max(0, len(self._recorded) - self._frames) :]

    def is_waiting(self, frame: RecordedFrame) -> bool:
        """Whether a frame's turn has not come."""
        due = self.due()
        return due is None or frame.index > due.index

    def find(self, index: int) -> RecordedFrame | None:
        """The frame of this index, if it is kept still."""
        return next((frame for frame in self._recorded if frame.index == index), None)

    def asked(self, index: int) -> Frame:
        """The frame as it was asked for; after a break nobody knows what was wrong with it."""
        return next((frame for frame in self._asked if frame.index == index), Frame(index, ()))

    async def lift(self, frame: RecordedFrame) -> SteppedFrame:
        """The poses of a frame, with the frames ahead that it may see and that have come."""
        frames = list(self._recorded)
        at = frames.index(frame)
        frames = frames[: at + 1 + self._frames]
        known = np.flatnonzero(frame.quality_P != UNKNOWN)
        people = [stretch(frames, at, frame.track_ids[place]) for place in known]
        lifted = await self._lifted(people) if people else None
        joints = self._windows.joints_out
        poses = np.zeros((len(frame.track_ids), joints, 3), np.float32)
        trajectory = None
        if lifted is not None:
            poses[known] = lifted.poses_PK3
            if lifted.trajectory_P3 is not None:
                trajectory = np.zeros((len(frame.track_ids), 3), np.float32)
                trajectory[known] = lifted.trajectory_P3
        return frame.with_poses(poses, trajectory)

    async def _lifted(self, people: list[Stretch]) -> LiftedPeople:
        with self._windows.batcher.admit(len(people)) as admission:
            return await admission.submit(WindowJob(self._reading, tuple(people)))
