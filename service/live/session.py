"""A live session on this replica: frames in order, exactly once, kept before they are answered."""

import asyncio
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.card import Card
from poselift.errors import InvalidInput, PoseliftError
from poselift.formats import FORMATS
from poselift.imputation import ImputationState
from poselift.model_output import ModelOutput
from poselift.postprocess.one_euro import OneEuroFilter
from service.live import record
from service.live.association import Associator
from service.live.frames import Fault, Frame, FramePoses
from service.live.lookahead import BEFORE_WINDOW, KeptFrame, Lookahead
from service.live.reading import Reading
from service.live.record import RecordedFrame
from service.live.stepping import UNKNOWN, FrameJob, LiveModel, RebuildJob, SteppedFrame
from service.live.store import (
    SessionAbsent,
    SessionRecord,
    SessionStore,
    StoreAway,
    Writer,
    WriterFenced,
)
from service.live.tracks import Track
from service.request_errors import Fenced, IndexGap, Overloaded, Unavailable
from service.requests import SessionOptions
from service.served_models import Job, ServedModel

MOST_PEOPLE = 256
"""In a session at a time."""
ANSWERS_KEPT = 64
"""For how many frames an answer that was lost can be had again."""
_FRAMES_TO_STEADY = 64
"""From how many frames smoothing begins again: what was before them has faded by then."""


@dataclass(frozen=True)
class LiveServing:
    """What every session on this replica works with."""

    model: ServedModel
    live: LiveModel
    store: SessionStore
    max_outage_s: float
    max_gap_s: float

    @property
    def frames_kept(self) -> int:
        """How many frames of a session are kept: to go on from, and to answer again."""
        return frames_kept(self.live.card)

    def lookahead(self, options: SessionOptions) -> Lookahead | None:
        """What answers a session's frames later, where that was asked for."""
        if not options.lookahead_frames or self.live.windows is None:
            return None
        return Lookahead(
            options.lookahead_frames, self.live.windows, self.reading(options), self.frames_kept
        )

    def steadier(self, options: SessionOptions) -> OneEuroFilter | None:
        """What smooths a session's poses, where that was asked for."""
        return OneEuroFilter(options.smoothing_s, options.fps) if options.smoothing_s else None

    def reading(self, options: SessionOptions) -> Reading:
        """How a session's keypoints are read."""
        return Reading(
            options.keypoint_format,
            options.image_size,
            options.camera,
            options.min_score,
            int(self.max_gap_s * options.fps + 1e-6),
        )


def frames_kept(card: Card) -> int:
    """How many of a session's frames a model may need.

    The oldest answer that can be had again needs a window before it, and the frames before that
    in which a joint may have been seen last; a lookahead's are after it, as much as half a window.
    """
    return card.architecture.receptive_field + ANSWERS_KEPT + BEFORE_WINDOW


class _Past(NamedTuple):
    """A track as the store has it: what filling remembers, and the latest filled keypoints."""

    track_id: str
    memory: ImputationState
    filled_TJ2: NDArray[np.float32]


class LiveSession:
    """A session that this replica writes, until it ends or another writer takes it over.

    Frames are lifted one at a time. Whatever goes wrong after a frame has been stepped ends the
    session here, as what is in memory is then ahead of the store; opening it again goes on from
    the store, exactly.
    """

    def __init__(
        self,
        serving: LiveServing,
        writer: Writer,
        owner: str,
        options: SessionOptions,
        stored_options: bytes,
        next_index: int,
    ) -> None:
        self.options = options
        self.next_index = next_index
        self.model = serving.model
        self._serving = serving
        self.writer = writer
        self.owner = owner
        self._stored_options = stored_options
        self._reading = serving.reading(options)
        self._format = FORMATS[serving.live.card.input.keypoint_format]
        self._tracks: dict[str, Track] = {}
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=serving.frames_kept)
        self._answers: deque[FramePoses] = deque(maxlen=ANSWERS_KEPT)
        self._lookahead = serving.lookahead(options)
        self._steadier = serving.steadier(options)
        self._turn = asyncio.Lock()
        self._ended: PoseliftError | None = None
        self._away_since: float | None = None
        associate = options.associate
        self._associator = (
            Associator(options.keypoint_format, self._format.name, options.min_score)
            if associate
            else None
        )

    @property
    def id(self) -> str:
        """The session's id."""
        return self.writer.session_id

    @property
    def has_ended(self) -> bool:
        """Whether it can lift no more here."""
        return self._ended is not None

    async def restore(self, frames: Sequence[tuple[int, bytes]]) -> None:
        """Bring a session that was live elsewhere to where it was, from what the store has.

        Raises:
            Overloaded: there is no room for its tracks.
        """
        self._recent.extend(frames)
        if not frames:
            return
        # Some milliseconds for each session, and sessions come in crowds when a replica dies.
        recorded, pasts = await asyncio.to_thread(self._pasts)
        last = recorded[-1]
        if self._associator is not None:
            self._associator.restore(last)
        if self._lookahead is not None:
            self._lookahead.restore(recorded)
        try:
            for past in pasts:
                await self._rebuild(past)
                if self._steadier is not None:
                    latest = await self._latest(recorded, past.track_id)
                    self._steadier.follow(past.track_id, latest)
        except BaseException:
            self.end(Unavailable("the session could not be restored"))
            raise

    async def push(self, frame: Frame) -> FramePoses | None:
        """Lift the next frame, or answer one again.

        With a lookahead the answer is about a frame so many before; None while there is none, or
        if the frame that was sent again has yet to be answered.

        Raises:
            IndexGap: it is not the next frame's turn.
            Fenced: the session was taken over.
            Unavailable: the store has been away for too long.
        """
        async with self._turn:
            self._check_alive()
            if frame.index < self.next_index:
                return await self._answered(frame.index)
            if frame.index > self.next_index and self.options.when_behind != "drop_oldest":
                raise IndexGap(frame.index, self.next_index)
            try:
                return await self._lift(self._admitted(frame))
            except (Fenced, Unavailable) as error:
                self.end(error)
                raise
            except BaseException:
                self.end(Unavailable("the session ended here; open it again to go on"))
                raise

    async def waiting(self) -> list[FramePoses]:
        """The poses of the frames whose turn has not come, as if no more were to come."""
        async with self._turn:
            self._check_alive()
            if self._lookahead is None:
                return []
            lookahead = self._lookahead
            return [await self._lifted_later(lookahead, each) for each in lookahead.waiting()]

    @property
    def _is_durable(self) -> bool:
        """Whether the store has every frame."""
        return self._away_since is None

    def end(self, reason: PoseliftError) -> None:
        """Free what this replica holds; the store is left as it is."""
        if self._ended is None:
            self._ended = reason
            for track in self._tracks.values():
                self._serving.live.tracks.end(track)
            self._tracks.clear()
            self._recent.clear()
            self._answers.clear()
            self._lookahead = None

    async def flush(self) -> bool:
        """Bring a store that was away up to date, between two frames; whether it is."""
        async with self._turn:
            return await self._flush()

    async def finish(self, reason: PoseliftError) -> None:
        """End between two frames, with the store as far up to date as may be."""
        async with self._turn:
            await self._flush()
            self.end(reason)

    async def _flush(self) -> bool:
        if self._away_since is None or self.has_ended:
            return True
        try:
            await self._catch_up()
        except (StoreAway, WriterFenced):
            return False
        return True

    def _check_alive(self) -> None:
        if self._ended is not None:
            raise self._ended

    def _admitted(self, frame: Frame) -> Frame:
        """The frame with its people told apart; those for whom there is no room are faults."""
        people = frame.people if self._associator is None else self._associator.identify(frame)
        admitted, faults = [], list(frame.faults)
        for person in people:
            try:
                self._admit(person.track_id)
                admitted.append(person)
            except (Overloaded, InvalidInput) as error:
                faults.append(Fault(person.track_id, error))
        return Frame(frame.index, tuple(admitted), tuple(faults))

    def _admit(self, track_id: str) -> None:
        """Begin a track where there is none of this name."""
        if not track_id:
            raise InvalidInput.at(
                "track_id", "a name, unless the session was opened with associate"
            )
        if track_id in self._tracks:
            return
        if len(self._tracks) >= MOST_PEOPLE:
            raise Overloaded(f"{MOST_PEOPLE} people are in this session, which is the most")
        self._tracks[track_id] = self._serving.live.tracks.begin()

    def _job(self, frame: Frame) -> FrameJob:
        """What to lift: the people of this frame, and those seen a moment ago as not measured."""
        people = {person.track_id: person.keypoints_J3 for person in frame.people}
        joints = len(FORMATS[self.options.keypoint_format].joints)
        keypoints = np.zeros((len(self._tracks), joints, 3), np.float32)
        for place, track_id in enumerate(self._tracks):
            if track_id in people:
                keypoints[place] = people[track_id]
        return FrameJob(self, self._reading, tuple(self._tracks.values()), keypoints)

    async def _lift(self, frame: Frame) -> FramePoses | None:
        track_ids = tuple(self._tracks)
        stepped = await self._stepped(frame) if track_ids else self._nobody()
        # It may have been taken over meanwhile; what was stepped was nobody's any more then.
        self._check_alive()
        self._recent.append((frame.index, record.encode(track_ids, stepped)))
        self.next_index = frame.index + 1
        is_durable = await self._append(frame.index)
        # Or ended: the frame is there for whoever goes on, and so is its answer.
        self._check_alive()
        if self._associator is not None:
            self._associator.remember(track_ids, stepped)
        self._end_unknown(track_ids, stepped)
        answer: FramePoses | None
        if (lookahead := self._lookahead) is not None:
            recorded = RecordedFrame.of(frame.index, track_ids, stepped)
            lookahead.add(frame, recorded, stepped.inputs_PJ2)
            due = lookahead.due()
            answer = await self._lifted_later(lookahead, due) if due else None
        else:
            lifted = self._steadied(track_ids, stepped)
            answer = self._answer(frame, track_ids, stepped.quality_P, lifted, is_durable)
        if answer is not None:
            self._answers.append(answer)
        return answer

    def _steadied(self, track_ids: tuple[str, ...], stepped: SteppedFrame) -> ModelOutput:
        """What was lifted, smoothed if that was asked for."""
        if self._steadier is None:
            return stepped.lifted
        known = np.flatnonzero(stepped.quality_P != UNKNOWN)
        names = [track_ids[place] for place in known]
        self._steadier.keep(names)
        lifted = ModelOutput.blank(self.model.card, len(track_ids))
        lifted.put(known, self._steadier.steady(names, stepped.lifted[known]))
        return lifted

    async def _stepped(self, frame: Frame) -> SteppedFrame:
        with self._serving.live.batcher.admit(len(self._tracks)) as admission:
            return await admission.submit(self._job(frame)) or self._nobody()

    def _nobody(self) -> SteppedFrame:
        return SteppedFrame.empty(self.model.card)

    def _end_unknown(self, track_ids: tuple[str, ...], stepped: SteppedFrame) -> None:
        """Let go of those who were out of sight for too long: they would start afresh."""
        if not (stepped.quality_P == UNKNOWN).any():
            return
        for place in np.flatnonzero(stepped.quality_P == UNKNOWN):
            if (track := self._tracks.pop(track_ids[place], None)) is not None:
                self._serving.live.tracks.end(track)

    def _answer(
        self,
        frame: Frame,
        track_ids: tuple[str, ...],
        quality_P: NDArray[np.uint8],
        lifted: ModelOutput,
        is_durable: bool,
    ) -> FramePoses:
        """Everyone in the frame, and everyone else that still has a pose."""
        if (quality_P == UNKNOWN).any():
            named = {person.track_id for person in frame.people}
            named |= {fault.track_id for fault in frame.faults}
            known = quality_P != UNKNOWN
            shown = [i for i, track_id in enumerate(track_ids) if known[i] or track_id in named]
            track_ids = tuple(track_ids[i] for i in shown)
            lifted, quality_P = lifted[shown], quality_P[shown]
        lifted = lifted.in_axes(self.options.axes)
        return FramePoses(frame.index, track_ids, lifted, quality_P, is_durable, frame.faults)

    async def _append(self, index: int) -> bool:
        """Keep the newest frame in the store; False if it is away, for no longer than allowed."""
        try:
            if self._away_since is not None:
                await self._catch_up()
            else:
                await self._serving.store.append(self.writer, index, self._recent[-1][1])
        except SessionAbsent:
            # The store was restarted empty, or forgot a session that was silent for long.
            self._away_since = time.monotonic()
            return await self._append(index)
        except StoreAway:
            self._away_since = self._away_since or time.monotonic()
            away_s = time.monotonic() - self._away_since
            if away_s > self._serving.max_outage_s:
                raise Unavailable(f"the session store has been away for {away_s:.0f} s") from None
            return False
        except WriterFenced:
            raise Fenced("the session was opened by another connection") from None
        return True

    async def _catch_up(self) -> None:
        kept = SessionRecord(self.next_index, self._stored_options, self.owner, list(self._recent))
        await self._serving.store.replace(self.writer, kept)
        self._away_since = None

    def _recorded(self) -> list[RecordedFrame]:
        joints = len(self._format.joints)
        try:
            return [record.decode(index, kept, joints) for index, kept in self._recent]
        except (ValueError, struct.error, IndexError) as error:
            raise Unavailable("the session was kept by another version of the service") from error

    def _pasts(self) -> tuple[list[RecordedFrame], list[_Past]]:
        """The frames there are, and where everyone was who is still there."""
        recorded = self._recorded()
        last = recorded[-1]
        size = max(self.model.card.architecture.receptive_field - 1, 1)
        pasts = []
        for place, track_id in enumerate(last.track_ids):
            if last.quality_P[place] != UNKNOWN:
                memories = record.past(recorded[-size:], track_id)
                filled = record.filled(memories, self._format.joints)
                pasts.append(_Past(track_id, memories[-1], filled))
        return recorded, pasts

    async def _rebuild(self, past: _Past) -> None:
        """Begin a track here with the state it had elsewhere."""
        track = self._serving.live.tracks.begin()
        self._tracks[past.track_id] = track
        job = RebuildJob(self, self._reading, track, past.memory, past.filled_TJ2)
        with self._serving.live.batcher.admit(1) as admission:
            await admission.submit(job)

    async def _lifted_later(self, lookahead: Lookahead, frame: KeptFrame) -> FramePoses:
        lifted = await lookahead.lift(frame)
        asked = lookahead.asked(frame.index)
        return self._answer(asked, frame.track_ids, frame.quality_P, lifted, self._is_durable)

    async def _answered(self, index: int) -> FramePoses | None:
        """The answer to a frame that was answered before, from memory or lifted once more."""
        for answer in self._answers:
            if answer.index == index:
                return answer
        if self._lookahead is not None:
            return await self._answered_later(self._lookahead, index)
        recorded = await asyncio.to_thread(self._recorded)
        upto = [frame for frame in recorded if frame.index <= index]
        if not upto or index < self.next_index - ANSWERS_KEPT:
            raise IndexGap(index, self.next_index)
        if upto[-1].index != index:  # it was left out when it came
            return self._left_out(index)
        return await self._lifted_again(upto)

    async def _answered_later(self, lookahead: Lookahead, index: int) -> FramePoses | None:
        if index < self.next_index - ANSWERS_KEPT - self.options.lookahead_frames:
            raise IndexGap(index, self.next_index)
        frame = lookahead.find(index)
        if frame is None:
            return self._left_out(index)
        return None if lookahead.is_waiting(frame) else await self._lifted_later(lookahead, frame)

    def _left_out(self, index: int) -> FramePoses:
        nobody = self._nobody()
        return FramePoses(index, (), nobody.lifted, nobody.quality_P)

    async def _lifted_again(self, frames: Sequence[RecordedFrame]) -> FramePoses:
        """The poses of the last of these frames, from the window that ends with it."""
        frame = frames[-1]
        everyone = ModelOutput.blank(self.model.card, len(frame.track_ids))
        for place in np.flatnonzero(frame.quality_P != UNKNOWN):
            track_id = frame.track_ids[place]
            latest = await self._latest(frames, track_id)
            if (steadier := self._serving.steadier(self.options)) is not None:
                latest = steadier.follow(track_id, latest)
            everyone.put([place], latest[-1:])
        asked = Frame(frame.index, ())
        return self._answer(asked, frame.track_ids, frame.quality_P, everyone, self._is_durable)

    async def _latest(self, frames: Sequence[RecordedFrame], track_id: str) -> ModelOutput:
        """A track's last frame lifted once more, in camera axes; those that smoothing needs too."""
        wanted = 1 if self._steadier is None else _FRAMES_TO_STEADY
        window = self.model.card.architecture.receptive_field - 1 + wanted
        filled = record.filled(record.past(frames, track_id)[-window:], self._format.joints)
        inputs, _ = self._serving.live.inputs.of(self._reading, filled)
        _, inverse = self._serving.live.inputs.of(self._reading, filled[-wanted:])
        job = Job(inputs, slice(max(len(inputs) - wanted, 0), len(inputs)), flip=False)
        with self.model.batcher.admit(self.model.work(len(inputs), flip=False)) as admission:
            lifted = await admission.submit(job)
        return lifted.denormalised(inverse, self.model.root)
