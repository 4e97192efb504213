"""How a session answers a frame: now, with a causal model, or later, with a symmetric one."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

import numpy as np

from poselift.card import Card
from poselift.codec import Preprocessing
from poselift.imputation import Quality
from poselift.poses import Axes, Poses
from poselift.postprocess.one_euro import OneEuroFilter
from service.live import records
from service.live.frame_buffers import BufferedFrame, FrameBuffers
from service.live.frame_log import FrameLog
from service.live.frames import ANSWERS_KEPT, Frame, FramePoses
from service.live.live_model import LiveModel
from service.live.records import RecordedFrame
from service.live.step_batcher import SteppedFrame
from service.live.window_batcher import WindowBatcher, WindowJob
from service.request_errors import IndexGap
from service.requests import SessionOptions
from service.served_models import Job

FRAMES_BEFORE_WINDOW = 64
"""Frames before a window in which a joint that is missing in it may have been seen last."""
_FRAMES_TO_FILTER = 64
"""From how many frames smoothing begins again: what was before them has faded by then."""


class Answering(ABC):
    """Answers the frames of one session; errors and durability are told with each."""

    @abstractmethod
    async def answer(self, frame: Frame, stepped: SteppedFrame) -> FramePoses | None:
        """The answer due after the newest frame; None while there is none."""

    @abstractmethod
    async def again(self, index: int, next_index: int) -> FramePoses | None:
        """The answer to an earlier frame once more; None if it has yet to be answered.

        Raises:
            IndexGap: the frame is too old.
        """

    @abstractmethod
    async def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """Begin with the frames that the store has, of a session that was live elsewhere."""

    async def waiting(self) -> list[FramePoses]:
        """The answers of frames whose turn has not come, as if no more frames were to come."""
        return []


class AnswerNow(Answering):
    """Each frame is answered with the pose it was stepped to."""

    def __init__(
        self, model: LiveModel, how: Preprocessing, options: SessionOptions, log: FrameLog
    ) -> None:
        self._model = model
        self._codec = model.steps.codec(how)
        self._options = options
        self._log = log
        self._filter = self._new_filter()

    async def answer(self, frame: Frame, stepped: SteppedFrame) -> FramePoses:
        """See ``Answering``."""
        poses = stepped.poses
        if self._filter is not None:
            known = np.flatnonzero(poses.quality != Quality.UNKNOWN)
            track_ids = [stepped.recorded.track_ids[person] for person in known]
            self._filter.keep(track_ids)
            poses.put(known, self._filter.smooth(track_ids, poses[known]))
        track_ids_P = stepped.recorded.track_ids
        return answer_of(frame, track_ids_P, poses, self._options.axes, self._log.is_durable)

    async def again(self, index: int, next_index: int) -> FramePoses:
        """See ``Answering``; the poses are lifted once more, from the window that ends there."""
        recorded = await self._log.recorded_off_loop()
        upto = [frame for frame in recorded if frame.index <= index]
        if not upto or index < next_index - ANSWERS_KEPT:
            raise IndexGap(index, next_index)
        if upto[-1].index != index:  # it was left out when it came
            return left_out(index, self._model.card)
        poses = Poses.blank(self._model.card, upto[-1].quality_P)
        for person in np.flatnonzero(poses.quality != Quality.UNKNOWN):
            track_id = upto[-1].track_ids[person]
            latest = await self._lift_latest(upto, track_id)
            if (fresh := self._new_filter()) is not None:
                latest = fresh.follow(track_id, latest)
            poses.put([person], latest[-1:])
        frame = Frame(index, ())
        return answer_of(frame, upto[-1].track_ids, poses, self._options.axes, self._log.is_durable)

    async def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """See ``Answering``: the filter runs over the latest frames of each track."""
        if self._filter is None:
            return
        last = recorded[-1]
        for person in np.flatnonzero(last.quality_P != Quality.UNKNOWN):
            track_id = last.track_ids[person]
            self._filter.follow(track_id, await self._lift_latest(recorded, track_id))

    def _new_filter(self) -> OneEuroFilter | None:
        options = self._options
        return OneEuroFilter(options.smoothing_s, options.fps) if options.smoothing_s else None

    async def _lift_latest(self, frames: Sequence[RecordedFrame], track_id: str) -> Poses:
        """A track's last frame lifted once more; those before it too that smoothing needs."""
        wanted = 1 if self._filter is None else _FRAMES_TO_FILTER
        card, served = self._model.card, self._model.served
        window = card.architecture.receptive_field - 1 + wanted
        history = records.history(frames, track_id)
        filled_TJ2 = history.filled(card.input.joints)[-window:]
        inputs_TJ2 = self._codec.encode_filled(filled_TJ2).inputs_TJ2
        kept = slice(max(len(inputs_TJ2) - wanted, 0), len(inputs_TJ2))
        work = served.work(len(inputs_TJ2), flip=False)
        with served.batcher.admit(work) as admission:
            output = await admission.submit(Job(inputs_TJ2, kept, flip=False))
        return self._codec.decode(output, self._codec.encode_filled(filled_TJ2[-wanted:]))


class AnswerLater(Answering):
    """Each frame is answered ``lookahead_frames`` later, by a model that sees those too.

    A frame's poses are those that ``/v1/lift`` gives for it in the clip that ends so many frames
    after it.
    """

    def __init__(
        self,
        model: LiveModel,
        windows: WindowBatcher,
        how: Preprocessing,
        options: SessionOptions,
        log: FrameLog,
    ) -> None:
        self._model = model
        self._windows = windows
        self._how = how
        self._options = options
        self._log = log
        self._buffers = FrameBuffers(options.lookahead_frames, frames_kept(model.card))
        self._asked: deque[Frame] = deque(maxlen=options.lookahead_frames + 1)

    async def answer(self, frame: Frame, stepped: SteppedFrame) -> FramePoses | None:
        """See ``Answering``."""
        self._asked.append(frame)
        self._buffers.append(stepped.recorded, stepped.inputs_PJ2)
        due = self._buffers.due()
        return None if due is None else await self._lift(due)

    async def again(self, index: int, next_index: int) -> FramePoses | None:
        """See ``Answering``."""
        if index < next_index - ANSWERS_KEPT - self._options.lookahead_frames:
            raise IndexGap(index, next_index)
        frame = self._buffers.find(index)
        if frame is None:
            return left_out(index, self._model.card)
        due = self._buffers.due()
        is_waiting = due is None or index > due.index
        return None if is_waiting else await self._lift(frame)

    async def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """See ``Answering``."""
        for frame in recorded:
            self._buffers.append(frame)

    async def waiting(self) -> list[FramePoses]:
        """See ``Answering``."""
        return [await self._lift(frame) for frame in self._buffers.waiting()]

    async def _lift(self, frame: BufferedFrame) -> FramePoses:
        """The poses of a frame, with as many frames after it as it may see and as have come."""
        poses = Poses.blank(self._model.card, frame.quality_P)
        before = self._windows.longest_lookahead + FRAMES_BEFORE_WINDOW
        people = frame.windows(before, self._options.lookahead_frames)
        if people:
            with self._windows.batcher.admit(len(people)) as admission:
                lifted = await admission.submit(WindowJob(self._how, people))
            poses.put(frame.quality_P != Quality.UNKNOWN, lifted)
        # After a break nothing is known of what was wrong with the frame.
        asked = (each for each in self._asked if each.index == frame.index)
        return answer_of(
            next(asked, Frame(frame.index, ())),
            frame.track_ids,
            poses,
            self._options.axes,
            self._log.is_durable,
        )


def frames_kept(card: Card) -> int:
    """How many of a session's frames a model may need.

    The oldest answer that can be had again needs a window before it, and the frames before that
    in which a joint may have been seen last; a lookahead's are after it, as much as half a window.
    """
    return card.architecture.receptive_field + ANSWERS_KEPT + FRAMES_BEFORE_WINDOW


def answer_of(
    frame: Frame, track_ids: tuple[str, ...], poses: Poses, axes: Axes, is_durable: bool
) -> FramePoses:
    """Everyone in the frame, and everyone else that still has a pose."""
    is_known = poses.quality != Quality.UNKNOWN
    if not is_known.all():
        named = {person.track_id for person in frame.people}
        named |= {each.track_id for each in frame.errors}
        shown = [i for i, track_id in enumerate(track_ids) if is_known[i] or track_id in named]
        track_ids, poses = tuple(track_ids[i] for i in shown), poses[shown]
    return FramePoses(frame.index, track_ids, poses.in_axes(axes), is_durable, frame.errors)


def left_out(index: int, card: Card) -> FramePoses:
    """The answer to a frame that was left out when the session fell behind."""
    return FramePoses(index, (), Poses.blank(card, np.zeros(0, np.uint8)))
