"""The clips of one request on their way through a model: encoded, sent in chunks, decoded."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, TypeVar

from poselift.chunks import Chunk
from poselift.lifting import EncodedClip, check_finite
from poselift.poses import ModelOutput
from service.batcher import Admission
from service.requests import Clip, LiftedClip, LiftRequest
from service.served_models import Job, ServedModel
from service.traces import traced

T = TypeVar("T")

_LARGE_FRAMES = 1_000
"""Requests of more frames than this are worked on in a thread, so that they hold up no other."""
_FRAMES_OF_A_CLIP = 20
"""The fixed cost of a clip, in frames."""
_BATCHES_AHEAD = 2
"""How many batches' worth of one request may be in the queue at a time."""


class RequestClips:
    """A request's clips and the model that lifts them; all methods but the first need ``encode``.

    Large requests are encoded and decoded in ``large_work``.
    """

    def __init__(self, request: LiftRequest, model: ServedModel, large_work: Executor) -> None:
        self._request = request
        self._model = model
        self._flip = request.options.flip_augmentation
        self._large_work = large_work
        self._clips: Sequence[EncodedClip] = ()
        self._outputs: Sequence[ModelOutput] = ()
        self._frames: Sequence[slice] = ()
        """Of each clip, those that can have a pose."""

    @traced("encode")
    async def encode(self, max_gap_s: float) -> None:
        """Encode all clips; gaps of up to ``max_gap_s`` with nothing measured are filled.

        Raises:
            InvalidInput: the codec refuses keypoints, or the model cannot do what is asked for.
        """
        self._clips = await self._at_ease(lambda: self._encoded(max_gap_s))
        lengths = (len(clip.encoded.inputs_TJ2) for clip in self._clips)
        self._outputs = [ModelOutput.blank(self._model.card, length) for length in lengths]

    def work(self) -> float:
        """What lifting the clips costs, but for the context of chunks."""
        model, flip = self._model, self._flip
        return sum(
            sum(model.work(segment.stop - segment.start, flip) for segment in clip.encoded.segments)
            for clip in self._clips
        )

    @traced("lift")
    async def lift(self, admission: Admission[Job, ModelOutput], deadline: float | None) -> None:
        """Send all chunks through the model, a few batches' worth at a time."""
        most_ahead = _BATCHES_AHEAD * self._model.max_batch_work
        longest = self._model.max_batch_frames // (2 if self._flip else 1)
        ahead: deque[_Sent] = deque()
        work_ahead = 0.0
        for clip, room in zip(self._clips, self._outputs, strict=True):
            for chunk in clip.encoded.chunks(self._model.span, longest):
                while work_ahead >= most_ahead:
                    work_ahead -= await ahead.popleft().arrive()
                job = Job(clip.encoded.inputs_TJ2[chunk.reads], chunk.kept, self._flip)
                work = self._model.work_of(job)
                work_ahead += work
                ahead.append(_Sent(room, chunk, work, admission.submit(job, deadline)))
        for sent in ahead:
            await sent.arrive()

    @traced("postprocess")
    async def lifted(self) -> tuple[LiftedClip, ...]:
        """The poses of all clips, once all chunks are lifted.

        Raises:
            InvalidInput: keypoints were so far out that the poses are not finite.
        """
        return await self._at_ease(self._lifted)

    def _encoded(self, max_gap_s: float) -> list[EncodedClip]:
        for index, clip in enumerate(self._request.clips):
            check_finite(clip.keypoints_TJ3, f"clips[{index}].keypoints")
        options, card = self._request.options, self._model.card
        options.postprocessing().check(card)
        how = options.preprocessing(max_gap_s)
        self._frames = [clip.lifted(max_gap_s, options.fps) for clip in self._request.clips]
        cropped = map(Clip.cropped, self._request.clips, self._frames)
        return [
            EncodedClip.of(
                clip.keypoints_TJ3, how, card, f"clips[{index}].keypoints", clip.timestamps_s
            )
            for index, clip in enumerate(cropped)
        ]

    def _lifted(self) -> tuple[LiftedClip, ...]:
        options = self._request.options
        how = options.postprocessing()
        parts = self._request.clips, self._frames, self._clips, self._outputs
        return tuple(
            LiftedClip(
                clip.id,
                encoded.poses(output, how)
                .in_axes(options.axes)
                .put_into(frames, len(clip), clip.timestamps_s)
                .counted_from(clip.first_frame),
            )
            for clip, frames, encoded, output in zip(*parts, strict=True)
        )

    async def _at_ease(self, work: Callable[[], T]) -> T:
        """Do small work at once and large work in a thread."""
        clips = self._request.clips
        frames = sum(_FRAMES_OF_A_CLIP + len(clip) for clip in clips)
        if frames <= _LARGE_FRAMES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._large_work, work)


class _Sent(NamedTuple):
    """A chunk in the queue, or being lifted."""

    room: ModelOutput
    chunk: Chunk
    work: float
    output: asyncio.Future[ModelOutput]

    async def arrive(self) -> float:
        """Put the chunk in its place once it is lifted; returns the work no longer ahead."""
        self.room.put(self.chunk.gives, await self.output)
        return self.work
