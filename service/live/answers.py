"""How a session answers a frame: now, with a causal model, or later, with a symmetric one."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

import numpy as np

from poselift.codec import Codec
from poselift.imputation import Quality
from poselift.poses import Poses
from poselift.postprocess.one_euro import OneEuroFilter
from service.live import records
from service.live.frame_buffers import BufferedFrame, FrameBuffers
from service.live.frame_log import FrameLog
from service.live.frames import ANSWERS_KEPT, Frame, FramePoses
from service.live.live_model import FRAMES_BEFORE_WINDOW, LiveModel
from service.live.records import RecordedFrame
from service.live.step_batcher import SteppedFrame
from service.live.window_batcher import WindowBatcher, WindowJob
from service.request_errors import IndexGap
from service.requests import SessionOptions
from service.served_models import Job

_FRAMES_TO_FILTER = 64
"""From how many frames smoothing begins again: what was before them has faded by then."""


class Answering(ABC):
    """Answers the frames of one session; errors and durability are told with each."""

    def __init__(
        self, model: LiveModel, codec: Codec, options: SessionOptions, log: FrameLog
    ) -> None:
        self._model = model
        self._codec = codec
        self._options = options
        self._log = log
        self._recent: deque[FramePoses] = deque(maxlen=ANSWERS_KEPT)

    async def answer(self, frame: Frame, stepped: SteppedFrame) -> FramePoses | None:
        """The answer due after the newest frame; None while there is none."""
        answer = await self._due(frame, stepped)
        if answer is not None:
            self._recent.append(answer)
        return answer

    async def again(self, index: int, next_index: int) -> FramePoses | None:
        """The answer to an earlier frame once more; None if it has yet to be answered.

        Raises:
            IndexGap: the frame is too old, or is not the next.
        """
        for answer in self._recent:
            if answer.index == index:
                return answer
        oldest = next_index - ANSWERS_KEPT - self._options.lookahead_frames
        if not oldest <= index < next_index:
            raise IndexGap(index, next_index)
        return await self._lifted_again(index, next_index)

    @abstractmethod
    async def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """Begin with the frames that the store has, of a session that was live elsewhere."""

    async def waiting(self) -> list[FramePoses]:
        """The answers of frames whose turn has not come, as if no more frames were to come."""
        return []

    @abstractmethod
    async def _due(self, frame: Frame, stepped: SteppedFrame) -> FramePoses | None:
        """See ``answer``."""

    @abstractmethod
    async def _lifted_again(self, index: int, next_index: int) -> FramePoses | None:
        """The answer to a frame whose answer is not in memory any more, or not yet."""

    def _answer(self, frame: Frame, track_ids: tuple[str, ...], poses: Poses) -> FramePoses:
        """Poses in camera axes as the session's client asked for them."""
        in_axes = poses.in_axes(self._options.axes)
        return FramePoses.of(frame, track_ids, in_axes, self._log.is_durable)


class AnswerNow(Answering):
    """Each frame is answered with the pose it was stepped to."""

    def __init__(
        self, model: LiveModel, codec: Codec, options: SessionOptions, log: FrameLog
    ) -> None:
        super().__init__(model, codec, options, log)
        self._filter = self._new_filter()

    async def _due(self, frame: Frame, stepped: SteppedFrame) -> FramePoses:
        poses, track_ids = stepped.poses, stepped.recorded.track_ids
        if self._filter is not None:
            self._filter.smooth_known(track_ids, poses)
        return self._answer(frame, track_ids, poses)

    async def _lifted_again(self, index: int, next_index: int) -> FramePoses:
        """Lift the poses once more, from the window that ends there."""
        upto = [frame for frame in await self._log.recorded() if frame.index <= index]
        if not upto:
            raise IndexGap(index, next_index)
        last = upto[-1]
        if last.index != index:  # it was left out when it came
            return FramePoses.left_out(index, self._model.card)
        poses = Poses.blank(self._model.card, last.quality_P)
        for person in np.flatnonzero(last.quality_P != Quality.UNKNOWN):
            track_id = last.track_ids[person]
            latest = await self._lift_latest(upto, track_id)
            if (fresh := self._new_filter()) is not None:
                latest = fresh.follow(track_id, latest)
            poses.put([person], latest[-1:])
        return self._answer(Frame(index, ()), last.track_ids, poses)

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
        codec: Codec,
        options: SessionOptions,
        log: FrameLog,
    ) -> None:
        super().__init__(model, codec, options, log)
        self._windows = windows
        self._buffers = FrameBuffers(options.lookahead_frames, model.frames_kept)
        self._asked: deque[Frame] = deque(maxlen=options.lookahead_frames + 1)

    async def _due(self, frame: Frame, stepped: SteppedFrame) -> FramePoses | None:
        self._asked.append(frame)
        self._buffers.append(stepped.recorded, stepped.inputs_PJ2)
        due = self._buffers.due()
        return None if due is None else await self._lift(due)

    async def _lifted_again(self, index: int, next_index: int) -> FramePoses | None:  # noqa: ARG002
        frame = self._buffers.find(index)
        if frame is None:
            return FramePoses.left_out(index, self._model.card)
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
                lifted = await admission.submit(WindowJob(self._codec, people))
            poses.put(frame.quality_P != Quality.UNKNOWN, lifted)
        # After a break nothing is known of what was wrong with the frame.
        asked = (each for each in self._asked if each.index == frame.index)
        return self._answer(next(asked, Frame(frame.index, ())), frame.track_ids, poses)
