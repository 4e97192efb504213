"""A live session on this replica: frames in order, exactly once, kept before they are answered.

=======  =====================================  =============================================
state    event                                  what happens
=======  =====================================  =============================================
live     the next frame                         admitted, stepped, kept, answered: live
live     a frame that was answered before       answered again, nothing advances: live
live     a later frame                          ``IndexGap``, or taken if old ones may be
                                                dropped: live
live     the store is away                      see ``service.live.frame_log``: live
live     a later writer; the store is away      ``Fenced`` or ``Unavailable``: ended
         for too long
live     anything else fails in lifting the     the error is raised; memory may be ahead of
         next frame                             the store, so later frames are ``Unavailable``:
                                                ended
live     the connection closes, goes idle, or   the store is brought up to date if it can be:
         the service drains                     ended
ended    any frame                              the reason is raised again: ended
=======  =====================================  =============================================

An ended session goes on from the store, exactly, once it is opened again, here or elsewhere.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

import numpy as np

from poselift.card import Card
from poselift.codec import Codec
from poselift.errors import PoseliftError
from poselift.imputation import ImputationState, Quality
from poselift.poses import PoseWarning
from service.live import records
from service.live.answers import Answering, AnswerLater, AnswerNow
from service.live.association import FrameAssociator
from service.live.frame_clock import FrameClock
from service.live.frame_log import FrameLog
from service.live.frames import Frame, FramePoses
from service.live.live_model import LiveModel
from service.live.live_warnings import LiveWarnings
from service.live.people import AdmittedFrame, People
from service.live.records import FrameHead, RecordedFrame
from service.live.step_batcher import FrameJob, RebuildJob, SteppedFrame
from service.request_errors import Fenced, Overloaded, Unavailable
from service.requests import SessionOptions
from service.shares import Party

_log = logging.getLogger(__name__)

_RETRY_S = 0.25
"""How often a session that ends tries to leave its frames with a store that is away."""


@dataclass(frozen=True)
class LiveSettings:
    """How long live sessions may do what.

    Attributes:
        max_gap_s: up to how long a person who is not detected keeps a pose.
        max_outage_s: how long a session goes on while the store is away.
        max_sessions: how many there may be on this replica.
        max_lateness: beyond which ``Lateness`` no more are opened; with 1 they always are.
        request_idle_s: after how long without a request a session that is used by single requests
            leaves this replica's memory; ``stream_idle_s`` without a frame ends a stream.
    """

    max_gap_s: float = 0.25
    max_outage_s: float = 60.0
    max_sessions: int = 4_096
    max_lateness: float = 0.7
    request_idle_s: float = 10.0
    stream_idle_s: float = 600.0


class LiveSession:
    """A session that this replica writes, until it ends or another writer takes it over.

    Frames are lifted one at a time, in the order of the calls.
    """

    def __init__(
        self,
        model: LiveModel,
        log: FrameLog,
        options: SessionOptions,
        max_gap_s: float,
        is_stream: bool,
        party: Party,
    ) -> None:
        self.options = options
        self.joints = options.joint_count()
        self.next_index = 0
        self.writer = log.session.writer
        self.owner = log.session.owner
        self.is_stream = is_stream
        self.used_at = self._began_at = time.monotonic()
        self.place = ExitStack()
        """What it holds among all sessions, until it ends here."""
        self.notified = asyncio.Event()
        """Set once the transport must be told ``reason``: why the session ended by itself."""
        self.unattended = asyncio.Event()
        """Cleared while a stream serves the session: it has yet to tell its client ``reason``."""
        self.unattended.set()
        self.reason: PoseliftError | None = None
        self._model = model
        self._log = log
        self._how = options.preprocessing(max_gap_s)
        self._codec = model.codec(self._how)
        self._clock = FrameClock()
        self._party = party.name
        self._people = People(model.steps.tracks, self._codec, party)
        self._warnings = LiveWarnings(self._codec.check)
        layout = model.card.input.keypoint_format
        self._associator = (
            FrameAssociator(options.keypoint_format, layout, options.min_score)
            if options.associate
            else None
        )
        self._answering: Answering
        if options.lookahead_frames and model.windows is not None:
            how = model, model.windows, self._codec, options, log, party.name
            self._answering = AnswerLater(*how)
        else:
            self._answering = AnswerNow(model, self._codec, options, log, party.name)
        self._turn = asyncio.Lock()
        self._ended: PoseliftError | None = None

    @property
    def id(self) -> str:
        """The session's id."""
        return self.writer.session_id

    @property
    def is_written(self) -> bool:
        """Whether the store was given every frame."""
        return self._log.is_written

    @property
    def card(self) -> Card:
        """The model's card."""
        return self._model.card

    @property
    def has_ended(self) -> bool:
        """Whether it can lift no more here."""
        return self._ended is not None

    async def push(self, frame: Frame) -> FramePoses | None:
        """Lift the next frame, or answer one again.

        With a lookahead the answer is about a frame so many before; None while there is none, or
        if the frame that was sent again has yet to be answered.

        Raises:
            IndexGap: it is not the next frame's turn.
            Fenced: the session was taken over.
            Unavailable: the store has been away for too long.
        """
        self.used_at = time.monotonic()
        async with self._turn:
            self._check_alive()
            may_jump = self.options.allow_gaps or self.options.when_behind == "drop_oldest"
            if frame.index == self.next_index or (may_jump and frame.index > self.next_index):
                return await self._lift_observed(frame)
            return await self._answering.again(frame.index, self.next_index)

    async def _lift_observed(self, frame: Frame) -> FramePoses | None:
        """Lift a frame, and see whether it is late: not if it has many frames to step over."""
        before, self._began_at = self._began_at, time.monotonic()
        jumps = self.options.allow_gaps and frame.index > self.next_index
        answer = await self._lift_or_end(frame)
        if not jumps:
            took_s = time.monotonic() - self._began_at
            between_s = max(self._began_at - before, 1 / self.options.fps)
            self._model.lateness.observe(self._party, took_s, between_s)
        return answer

    async def _lift_or_end(self, frame: Frame) -> FramePoses | None:
        skipped = frame.index - self.next_index if self.options.allow_gaps else 0
        shares = self._clock.shares(frame, skipped)
        try:
            return await self._lift(frame, skipped, shares)
        except BaseException as error:
            gone = Unavailable("the session ended here; open it again to go on")
            self.end(error if isinstance(error, (Fenced, Unavailable)) else gone)
            raise

    async def _lift(self, sent: Frame, skipped: int, shares: Iterator[int]) -> FramePoses | None:
        if skipped:
            await self._step_skipped(skipped, shares)
        admitted, stepped = await self._step(sent, next(shares), skipped)
        await self._log.append(sent.index, stepped.record)
        self.next_index = sent.index + 1
        # Or ended: the frame is there for the next writer, and so is its answer.
        self._check_alive()
        warnings = self._warnings.of(stepped)
        self._model.lifted(len(admitted.frame.people))
        for error in (each.error for each in admitted.frame.errors):
            if isinstance(error, Overloaded):
                self._model.overloaded(error.reason)
        return await self._answering.answer(admitted.frame, stepped, warnings)

    async def _step_skipped(self, frames: int, shares: Iterator[int]) -> None:
        """Step frames that were skipped, of which there is no record, until everyone has left."""
        for index in range(self.next_index, self.next_index + frames):
            if self._people.count == 0:
                break
            _, stepped = await self._step(Frame(index, ()), next(shares), 0)
            self._answering.skip(stepped)

    async def _step(
        self, sent: Frame, elapsed: int, skipped: int
    ) -> tuple[AdmittedFrame, SteppedFrame]:
        """Encode and step the people of a frame, and those who were there a moment ago."""
        admitted = self._people.admit_people(self._identified(sent))
        frame, tracks, keypoints, sources = admitted
        head = FrameHead(frame.index, len(tracks), skipped, frame.timestamp_s)
        is_observed = self._warnings.observes_next
        people = tracks, keypoints, sources
        job = FrameJob(self, head, self._codec_now(), *people, elapsed, is_observed)
        with self._model.steps.batcher.admit(len(tracks), self._party) as admission:
            stepped = await admission.submit(job) if tracks else None
        # It may have been taken over meanwhile; what was stepped was not its own any more then.
        self._check_alive()
        stepped = stepped or self._model.steps.empty(job)
        if self._associator is not None:
            self._associator.remember(stepped.recorded)
        self._people.let_go(stepped.track_ids, stepped.quality_P)
        return admitted, stepped

    def _identified(self, sent: Frame) -> Frame:
        if self._associator is None:
            return sent
        to_pixels = self._codec.to_pixels
        seen = (replace(each, keypoints_J3=to_pixels(each.keypoints_J3)) for each in sent.people)
        identified = self._associator.identify(replace(sent, people=tuple(seen)))
        named = zip(sent.people, identified, strict=True)
        people = tuple(replace(person, track_id=each.track_id) for person, each in named)
        return replace(sent, people=people)

    def _codec_now(self) -> Codec:
        """The codec by whose clock the frames come."""
        if self._clock.has_timestamps and not self._how.has_timestamps:
            self._how = replace(self._how, has_timestamps=True)
            self._codec = self._model.codec(self._how)
        return self._codec

    async def waiting(self) -> list[FramePoses]:
        """The poses of the frames whose turn has not come, as if no more were to come."""
        async with self._turn:
            self._check_alive()
            return await self._answering.waiting()

    async def restore(self, next_index: int, life: bytes) -> None:
        """Bring a session that was live elsewhere to where it was, from the store's records.

        The rings of its tracks are rebuilt from their latest filled keypoints. Where frames before
        ``next_index`` are missing, it goes on from the first of them, and says so.

        Raises:
            Overloaded: there is no room for its tracks.
            WriterFenced, LifeEnded, StoreAway: see ``FrameLog``.
        """
        await self._log.restore(next_index, life)
        self.next_index = self._log.next_index
        if self.next_index < next_index:
            lost = _frames_lost(self.next_index, next_index - 1)
            _log.warning("%s", lost.detail)
            self._answering.tell(lost)
        recorded = await self._log.recorded()
        if not recorded:
            return
        try:
            self._clock.go_on(recorded[-1].timestamp_s)
            if self._associator is not None:
                self._associator.remember(recorded[-1])
            # Some milliseconds for each session, and sessions come in crowds when a replica dies.
            for track_id, past in (await asyncio.to_thread(self._pasts, recorded)).items():
                memory = recorded[-1].memory(track_id)
                filled_TJ2 = past.filled(self.card.input.joints)
                track = self._people.begin(track_id)
                with self._model.steps.batcher.admit(1, self._party) as admission:
                    job = RebuildJob(self._codec_now(), track, memory, filled_TJ2)
                    await admission.submit(job)
            await self._answering.restore(recorded)
        except BaseException:
            self.end(Unavailable("the session could not be restored"))
            raise

    def _pasts(self, recorded: Sequence[RecordedFrame]) -> dict[str, ImputationState]:
        """What was remembered of every track that is still there, as far back as a ring reaches."""
        last = recorded[-1]
        size = max(self.card.architecture.receptive_field - 1, 1)
        there = np.flatnonzero(last.quality_P != Quality.UNKNOWN)
        return {
            last.track_ids[person]: records.history(recorded[-size:], last.track_ids[person])
            for person in there
        }

    def end(self, reason: PoseliftError, notify: bool = False) -> None:
        """Free what this replica holds; the store is left as it is.

        ``reason`` is raised from now on; ``notify`` tells it to the transport, which did not ask.
        """
        if notify:
            self.reason = reason
            self.notified.set()
        if self._ended is None:
            self._ended = reason
            self._people.end()

    async def flush(self) -> bool:
        """Between two frames, bring the store up to date; whether it is.

        Raises:
            Fenced: another writer has come.
        """
        async with self._turn:
            return await self._log.flush()

    async def finish(self, reason: PoseliftError, patience_s: float) -> None:
        """End between two frames; until then, or for so long, see that the store has them all."""
        latest = time.monotonic() + patience_s
        async with self._turn:
            with suppress(Fenced):
                while not await self._log.flush():
                    if time.monotonic() >= latest:
                        break
                    await asyncio.sleep(_RETRY_S)
            self.end(reason)
            self._log.clear()

    def _check_alive(self) -> None:
        if self._ended is not None:
            raise self._ended


def _frames_lost(first: int, last: int) -> PoseWarning:
    detail = f"the session store has lost frames {first} to {last}: send them again"
    return PoseWarning("frames_lost", detail, (first, last))
