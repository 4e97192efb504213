"""How a session answers a frame: now, with a causal model, or later, with a symmetric one."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poselift.codec import Codec
from poselift.imputation import Quality
from poselift.poses import Poses, PoseWarning
from poselift.postprocess.body_height import USUAL_HEIGHT_M, scaled
from poselift.postprocess.one_euro import OneEuroFilter
from service.live import records
from service.live.frame_buffers import BufferedFrame, FrameBuffers
from service.live.frame_log import FrameLog
from service.live.frames import ANSWERS_KEPT, Frame, FramePoses, RecordedPeople
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
        self, model: LiveModel, codec: Codec, options: SessionOptions, log: FrameLog, party: str
    ) -> None:
        self._model = model
        self._party = party
        self._codec = codec
        self._options = options
        self._log = log
        self._recent: deque[FramePoses] = deque(maxlen=ANSWERS_KEPT)
        self._to_tell: tuple[PoseWarning, ...] = ()

    async def answer(
        self, frame: Frame, stepped: SteppedFrame, warnings: tuple[PoseWarning, ...]
    ) -> FramePoses | None:
        """The answer due after the newest frame; None while there is none.

        Warnings are told with the next answer there is.
        """
        self.tell(*warnings)
        answer = await self._due(frame, stepped)
        if answer is not None:
            answer = self._with_warnings(answer)
            self._recent.append(answer)
        return answer

    def tell(self, *warnings: PoseWarning) -> None:
        """Tell warnings with the next answer there is; they are counted now."""
        if warnings:
            self._to_tell += warnings
            self._model.warned(warnings)

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

    def skip(self, stepped: SteppedFrame) -> None:  # noqa: B027 - nothing to do where later
        """Go past a frame without people, which is not answered."""

    @abstractmethod
    async def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """Begin with the frames that the store has, of a session that was live elsewhere."""

    async def waiting(self) -> list[FramePoses]:
        """The answers of frames whose turn has not come, as if no more frames were to come."""
        answers = await self._waiting()
        return [self._with_warnings(answers[0]), *answers[1:]] if answers else []

    async def _waiting(self) -> list[FramePoses]:
        """See ``waiting``."""
        return []

    @abstractmethod
    async def _due(self, frame: Frame, stepped: SteppedFrame) -> FramePoses | None:
        """See ``answer``."""

    @abstractmethod
    async def _lifted_again(self, index: int, next_index: int) -> FramePoses | None:
        """The answer to a frame whose answer is not in memory any more, or not yet."""

    def _with_warnings(self, answer: FramePoses) -> FramePoses:
        if self._to_tell:
            answer, self._to_tell = replace(answer, warnings=self._to_tell), ()
        return answer

    def _room(self, recorded: RecordedPeople) -> Poses:
        """Room for the poses of people who are lifted once more."""
        blank = Poses.blank(self._model.card, recorded.quality_P)
        return replace(blank, joint_quality=recorded.joint_quality_PC.copy())

    def _answer(
        self, frame: Frame, track_ids: tuple[str, ...], sources_P: NDArray[np.int64], poses: Poses
    ) -> FramePoses:
        """Poses in camera axes as the session's client asked for them."""
        if self._options.person_height_m is not None:
            poses = scaled(poses, self._options.person_height_m / USUAL_HEIGHT_M)
        in_axes = poses.in_axes(self._options.axes)
        return FramePoses.of(frame, track_ids, sources_P, in_axes, self._log.is_durable)


class AnswerNow(Answering):
    """Each frame is answered with the pose it was stepped to."""

    def __init__(
        self, model: LiveModel, codec: Codec, options: SessionOptions, log: FrameLog, party: str
    ) -> None:
        super().__init__(model, codec, options, log, party)
        self._filter = self._new_filter()
        self._latest_s: float | None = None

    async def _due(self, frame: Frame, stepped: SteppedFrame) -> FramePoses:
        track_ids, poses = stepped.track_ids, stepped.poses
        if self._filter is not None:
            time, before = frame.timestamp_s, self._latest_s
            elapsed_s = None if time is None or before is None else time - before
            self._filter.smooth_known(track_ids, poses, elapsed_s)
        self._latest_s = frame.timestamp_s
        return self._answer(frame, track_ids, stepped.sources_P, poses)

    def skip(self, stepped: SteppedFrame) -> None:
        """See ``Answering``: smoothing goes on."""
        if self._filter is not None:
            self._filter.smooth_known(stepped.track_ids, stepped.poses)

    async def _lifted_again(self, index: int, next_index: int) -> FramePoses:
        """Lift the poses once more, from the window that ends there."""
        upto = [frame for frame in await self._log.recorded() if frame.index <= index]
        if not upto:
            raise IndexGap(index, next_index)
        last = upto[-1]
        if last.index != index:  # it was left out when it came
            return FramePoses.left_out(index, self._model.card)
        poses = self._room(last)
        for person in np.flatnonzero(last.quality_P != Quality.UNKNOWN):
            track_id = last.track_ids[person]
            latest = await self._lift_latest(upto, track_id)
            if (fresh := self._new_filter()) is not None:
                latest = fresh.follow(track_id, latest, _times(upto))
            poses.put([person], latest[-1:])
        return self._answer(Frame(index, ()), last.track_ids, last.sources_P, poses)

    async def restore(self, recorded: Sequence[RecordedFrame]) -> None:
        """See ``Answering``: the filter runs over the latest frames of each track."""
        self._latest_s = recorded[-1].timestamp_s
        if self._filter is None:
            return
        last = recorded[-1]
        for person in np.flatnonzero(last.quality_P != Quality.UNKNOWN):
            track_id = last.track_ids[person]
            latest = await self._lift_latest(recorded, track_id)
            self._filter.follow(track_id, latest, _times(recorded))

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
        inputs_TJ2 = self._codec.inputs_of(filled_TJ2)
        kept = slice(max(len(inputs_TJ2) - wanted, 0), len(inputs_TJ2))
        work = served.work(len(inputs_TJ2), flip=False)
        # One a session at a time; clips must not end sessions that come from elsewhere.
        with served.batcher.admit(work, self._party, beyond_capacity=True) as admission:
            output = await admission.submit(Job(inputs_TJ2, kept, flip=False))
        latest = filled_TJ2[-wanted:], history.seen_BJ[-wanted:]
        return self._codec.decode(output, self._codec.encode_filled(*latest))


def _times(frames: Sequence[RecordedFrame]) -> list[float | None]:
    """The timestamps of frames, and None for those skipped before them."""
    times: list[float | None] = []
    for frame in frames[-_FRAMES_TO_FILTER - 1 :]:
        times += [None] * min(frame.skipped, _FRAMES_TO_FILTER)
        times.append(frame.timestamp_s)
    return times


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
        party: str,
    ) -> None:
        super().__init__(model, codec, options, log, party)
        self._windows = windows
        self._buffers = FrameBuffers(options.lookahead_frames, model.frames_kept)
        self._asked: deque[Frame] = deque(maxlen=options.lookahead_frames + 1)

    async def _due(self, frame: Frame, stepped: SteppedFrame) -> FramePoses | None:
        self._asked.append(frame)
        self._buffers.append(stepped.recorded, stepped.tick.inputs_PJ2[stepped.people])
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

    async def _waiting(self) -> list[FramePoses]:
        """See ``Answering``."""
        return [await self._lift(frame) for frame in self._buffers.waiting()]

    async def _lift(self, frame: BufferedFrame) -> FramePoses:
        """The poses of a frame, with as many frames after it as it may see and as have come."""
        poses = self._room(frame)
        before = self._windows.longest_lookahead + FRAMES_BEFORE_WINDOW
        people = frame.windows(before, self._options.lookahead_frames)
        if people:
            with self._windows.batcher.admit(len(people), self._party) as admission:
                lifted = await admission.submit(WindowJob(self._codec, people))
            is_known_P = frame.quality_P != Quality.UNKNOWN
            poses.put(is_known_P, lifted)
            seen_PJ = np.stack([person.state.seen_BJ[-1] for person in people])
            qualities = frame.joint_quality_PC.copy()
            qualities[is_known_P] = self._codec.seen_since(qualities[is_known_P], seen_PJ)
            poses = replace(poses, joint_quality=qualities)
        # After a break nothing is known of what was wrong with the frame.
        asked = (each for each in self._asked if each.index == frame.index)
        sent = next(asked, Frame(frame.index, ()))
        return self._answer(sent, frame.track_ids, frame.sources_P, poses)
