"""The use cases: what the service does, whichever transport asks."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from poselift.card import Card
from poselift.chunks import Chunk
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.poses import ModelOutput
from service.batcher import Admission
from service.clips import ClipInProgress, encode
from service.metrics import Metrics
from service.request_errors import DeadlineExceeded, TooLarge
from service.requests import LiftedClip, LiftOptions, LiftRequest, LiftResult
from service.served_models import Job, ModelSet, ServedModel
from service.validation import Limits, check_extent, check_finite

T = TypeVar("T")

_LARGE_FRAMES = 1_000
"""Requests of more frames than this are worked on in a thread, so that they hold up no other."""
_FRAMES_OF_A_CLIP = 20
"""What a clip costs besides its frames, in frames."""
_BATCHES_AHEAD = 2
"""How many batches' worth of one request may be in the queue at a time."""


class Engine:
    """Lifts clips with the served models."""

    def __init__(
        self,
        models: ModelSet,
        limits: Limits,
        metrics: Metrics,
        large_work: Executor,
        max_gap_s: float = 0.25,
    ) -> None:
        self._models = models
        self._limits = limits
        self._metrics = metrics
        self._large_work = large_work
        self._max_gap_s = max_gap_s

    def cards(self) -> list[Card]:
        """The cards of all served models."""
        return [model.card for model in self._models]

    def card(self, name: str) -> Card:
        """The card of the model of this name or alias.

        Raises:
            NotFound: there is none.
        """
        return self._models.named(name).card

    def aliases(self) -> Mapping[str, str]:
        """The names of the models that ``default`` and ``live`` stand for."""
        return self._models.aliases

    async def lift(self, request: LiftRequest, deadline_s: float | None = None) -> LiftResult:
        """Lift every clip of a request.

        Args:
            request: options and clips; of the clips nothing is taken for granted.
            deadline_s: seconds from now within which the answer is needed.

        Raises:
            InvalidInput: something in the request is wrong.
            TooLarge: it is over a limit.
            Overloaded: the queue is full.
            Unavailable: the service is shutting down.
            DeadlineExceeded: it took too long.
        """
        async with _deadline(deadline_s) as deadline:
            return await self._lift(request, deadline)

    async def _lift(self, request: LiftRequest, deadline: float | None) -> LiftResult:
        options = request.options
        model = self._models.asked_for(options.model)
        check_extent(request.clips, _joints(options.keypoint_format), self._limits)
        lengths = [len(clip.keypoints_TJ3) for clip in request.clips]
        frames = sum(lengths)
        work = sum(model.work(length, options.flip_augmentation) for length in lengths)
        with model.batcher.admit(work) as admission:
            size = frames + _FRAMES_OF_A_CLIP * len(lengths)
            clips = await self._at_ease(size, lambda: self._encode(request, model))
            pieces = sum(clip.work(model, options.flip_augmentation) for clip in clips)
            if pieces > max(work, model.max_queued_frames):
                raise TooLarge(
                    "clips: gaps cut them into so many pieces that lifting these takes as much as "
                    f"{pieces:.0f} frames; the limit is {model.max_queued_frames}"
                )
            admission.revise(pieces)
            await _Lifting(model, admission, options.flip_augmentation, deadline).run(clips)
        lifted = await self._at_ease(size, lambda: _finish(clips, model, options))
        self._metrics.frames_lifted(model.card.name, frames)
        return LiftResult(model.card, options.axes, lifted)

    def _encode(self, request: LiftRequest, model: ServedModel) -> list[ClipInProgress]:
        for index, clip in enumerate(request.clips):
            check_finite(clip, index)
        return [
            encode(clip, f"clips[{index}].keypoints", request.options, model, self._max_gap_s)
            for index, clip in enumerate(request.clips)
        ]

    async def _at_ease(self, frames: int, work: Callable[[], T]) -> T:
        """Do small work at once and large work in a thread."""
        if frames <= _LARGE_FRAMES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._large_work, work)


@dataclass(frozen=True)
class _Lifting:
    """Sends the pieces of one request through a model, a few batches' worth at a time."""

    model: ServedModel
    admission: Admission[Job, ModelOutput]
    flip: bool
    deadline: float | None

    async def run(self, clips: Sequence[ClipInProgress]) -> None:
        """Lift the clips in place."""
        most_ahead = _BATCHES_AHEAD * self.model.max_batch_work
        ahead: deque[_Sent] = deque()
        work_ahead = 0.0
        for clip in clips:
            for chunk, job in clip.jobs(self.model, self.flip):
                while work_ahead >= most_ahead:
                    work_ahead -= await ahead.popleft().arrive()
                work = self.model.work_of(job)
                work_ahead += work
                ahead.append(_Sent(clip, chunk, work, self.admission.submit(job, self.deadline)))
        for sent in ahead:
            await sent.arrive()


class _Sent(NamedTuple):
    """A chunk in the queue, or being lifted."""

    clip: ClipInProgress
    chunk: Chunk
    work: float
    output: asyncio.Future[ModelOutput]

    async def arrive(self) -> float:
        """Put the chunk in its place once it is lifted; returns the work no longer ahead."""
        self.clip.output.put(self.chunk.gives, await self.output)
        return self.work


def _joints(keypoint_format: str) -> int:
    """How many joints a format has."""
    if keypoint_format not in FORMATS:
        raise InvalidInput.at(
            "keypoint_format", f"one of {', '.join(FORMATS)}, found {keypoint_format!r}"
        )
    return len(FORMATS[keypoint_format].joints)


def _finish(
    clips: Sequence[ClipInProgress], model: ServedModel, options: LiftOptions
) -> tuple[LiftedClip, ...]:
    return tuple(clip.finish(model, options) for clip in clips)


@asynccontextmanager
async def _deadline(seconds: float | None) -> AsyncIterator[float | None]:
    """Bound the time of what is inside; gives the deadline in the event loop's time."""
    try:
        async with asyncio.timeout(seconds) as timeout:
            yield timeout.when()
    except TimeoutError as error:
        raise DeadlineExceeded(f"no answer within {seconds} s") from error
