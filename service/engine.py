"""The use cases: what the service does, whichever transport asks."""

from concurrent.futures import Executor

from service.clips import RequestClips
from service.intake import Visit
from service.metrics import Metrics
from service.request_errors import TooLarge
from service.requests import LiftRequest, LiftResult
from service.served_models import ModelSet
from service.validation import Limits, check_extent


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
        self.models = models
        self._limits = limits
        self._metrics = metrics
        self._large_work = large_work
        self._max_gap_s = max_gap_s

    async def lift(
        self, request: LiftRequest, deadline: float | None = None, visit: Visit | None = None
    ) -> LiftResult:
        """Lift every clip of a request; nothing is taken for granted of the clips' arrays.

        What is not begun by ``deadline``, in the event loop's time, is dropped; the transport
        bounds the time of the whole. ``visit`` learns how much there is to do, and tells for whom.

        Raises:
            InvalidInput: something in the request is wrong.
            TooLarge: it is over a limit.
            Overloaded: the queue is full.
            Unavailable: the service is shutting down.
            DeadlineExceeded: it took too long.
        """
        options = request.options
        model = self.models.asked_for(options.model)
        check_extent(request.clips, options.joint_count(), self._limits)
        lengths = [clip.detected.stop - clip.detected.start for clip in request.clips]
        work = sum(model.work(length, options.flip_augmentation) for length in lengths)
        if visit is not None:
            visit.revise(work)
        clips = RequestClips(request, model, self._large_work)
        with model.batcher.admit(work, visit.asked.party if visit else "") as admission:
            await clips.encode(self._max_gap_s)
            pieces = clips.work()
            if pieces > max(work, model.max_queued_frames):
                raise TooLarge(
                    "clips: gaps cut them into so many pieces that lifting these takes as much as "
                    f"{pieces:.0f} frames; the limit is {model.max_queued_frames}"
                )
            admission.revise(pieces)
            await clips.lift(admission, deadline)
        lifted = await clips.lifted()
        self._metrics.frames_lifted(model.card.name, sum(lengths))
        for clip in lifted:
            self._metrics.warned(clip.poses.warnings)
        return LiftResult(model.card, options.axes, lifted)
