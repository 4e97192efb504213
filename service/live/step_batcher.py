"""Live frames encoded and stepped together: one run a tick, with one frame of each session."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask, Qualities, Slots
from poselift.card import Card
from poselift.codec import Codec, Encoded, TrackMemory
from poselift.imputation import UNKNOWN, JointQuality
from poselift.input_check import Observed
from poselift.outliers import SWAP_GROUPS
from poselift.poses import ModelOutput, Poses
from poselift.runtime.step import StepModel
from service.batcher import Batcher, Observer, Policy
from service.live import records
from service.live.records import FrameHead, RecordedFrame
from service.live.tracks import Track, Tracks

_REBUILDS_A_TICK = 2
"""Live frames must not wait for many at a time."""
_STEPS_OF_A_REBUILD = 100
"""What it costs in steps, about."""
_PEOPLE_A_TICK = 256
"""Sessions of many people, of which one party may have several, wait for each other's ticks."""
_TICK_S = 0.01
"""Under load a tick takes in what came in up to this time: Python's work for a tick hardly grows
with the number of tracks, and a tick for each frame would leave no time for anything else."""

_COUNTED_Q11 = np.array([JointQuality.REJECTED, JointQuality.MEASURED], np.uint8)[:, None, None]
_OBSERVED = len(Observed._fields) + len(_COUNTED_Q11)


@dataclass(frozen=True, eq=False)
class FrameJob:
    """The next frame of a session."""

    session: object
    """Of which one frame is stepped in a tick."""
    head: FrameHead
    codec: Codec
    tracks: dict[str, Track]
    keypoints: Sequence[Floats]
    """Of each track (J, 3), as sent."""
    sources: Sequence[int]
    """The place of each in the people that were sent; -1 if not sent."""
    elapsed: int = 1
    """Ticks since the frame before."""
    is_observed: bool = False
    """Whether what warnings rest on is counted."""


@dataclass(frozen=True, eq=False)
class RebuildJob:
    """A track of a session that was live elsewhere: what is remembered, and what was lifted.

    ``filled_TJ2`` are its latest filled keypoints in the model's format: those of the receptive
    field less one, or all since its first frame if it is younger.
    """

    codec: Codec
    track: Track
    memory: TrackMemory
    filled_TJ2: Floats


@dataclass(frozen=True, eq=False)
class SteppedTick:
    """The people of frames that were stepped together, one frame after the other."""

    recorded: RecordedFrame
    inputs_PJ2: Floats
    """The model's inputs, filled causally."""
    poses: Poses
    """Zero where unknown, and everywhere if the model is not stepped."""
    swapped_PG: Mask
    """Whose sides were swapped back, as in ``poselift.codec.Encoded``."""
    has_swapped: bool
    """Whether there is anyone."""
    observed_PN: NDArray[np.int64]
    """What ``InputCheck.observe`` counts, then joints that were rejected and those that were
    measured; zero in frames that were not to be observed."""

    @classmethod
    def empty(cls, card: Card) -> "SteppedTick":
        """Without people."""
        joints = len(card.input.joints)
        recorded = RecordedFrame.empty(0, joints)
        poses = Poses.blank(card, recorded.quality_P)
        no_groups = np.zeros((0, len(SWAP_GROUPS)), np.bool_)
        no_inputs = np.zeros((0, joints, 2), np.float32)
        observed_PN = np.zeros((0, _OBSERVED), np.int64)
        return cls(recorded, no_inputs, poses, no_groups, False, observed_PN)

    def frames(self, heads: Sequence[FrameHead]) -> Iterator["SteppedFrame"]:
        """One after the other."""
        start = 0
        for head, record in zip(heads, records.encode_all(self.recorded, heads), strict=True):
            yield SteppedFrame(self, head, slice(start, start := start + head.people), record)


class SteppedFrame(NamedTuple):
    """The P people of one frame: a part of a tick's arrays, of which most frames need little."""

    tick: SteppedTick
    head: FrameHead
    people: slice
    record: bytes
    """The frame as the store keeps it."""

    @property
    def recorded(self) -> RecordedFrame:
        """The same as it is read from the store."""
        return self.tick.recorded.part(self.head, self.people)

    @property
    def track_ids(self) -> tuple[str, ...]:
        """Who they are."""
        return self.tick.recorded.track_ids[self.people]

    @property
    def quality_P(self) -> Qualities:  # noqa: N802 - a tensor's suffix
        """Codes of ``poselift.imputation.Quality``."""
        return self.tick.recorded.quality_P[self.people]

    @property
    def sources_P(self) -> NDArray[np.int64]:  # noqa: N802
        """The place of each in the people that were sent; -1 if not sent."""
        return self.tick.recorded.sources_P[self.people]

    @property
    def poses(self) -> Poses:
        """Theirs."""
        return self.tick.poses.rows(self.people)


Job: TypeAlias = FrameJob | RebuildJob


class StepBatcher:
    """Steps one model, with the tracks of all its sessions and the queue in front of it.

    A symmetric model has no step graph: its frames are only encoded and remembered here, and
    ``service.live.window_batcher`` lifts them once the frames after them are there.
    """

    def __init__(
        self, card: Card, stepper: StepModel | None, tracks: Tracks, observer: Observer
    ) -> None:
        self.card = card
        self.tracks = tracks
        self._stepper = stepper
        self._no_people = SteppedTick.empty(card)
        policy = Policy(_cost, choose, capacity=np.inf, interval_s=_TICK_S)
        self.batcher: Batcher[Job, SteppedFrame | None] = Batcher(self._run, policy, observer)

    def warm_up(self) -> None:
        """Run once, so that no caller pays for first-time allocation."""
        if self._stepper is None:
            return
        joints = len(self.card.input.joints)
        size = self.card.architecture.receptive_field - 1
        self._stepper.rebuild(np.zeros((1, size, joints, 2), np.float32))
        past = self.tracks.rings.past(np.zeros(1, np.intp))
        self._stepper.step(np.zeros((1, joints, 2), np.float32), np.ones(1, np.bool_), past)

    def empty(self, job: FrameJob) -> SteppedFrame:
        """A frame without people."""
        return next(self._no_people.frames([replace(job.head, people=0)]))

    def _run(self, jobs: Sequence[Job]) -> list[SteppedFrame | None]:
        self.tracks.reclaim()
        self._rebuild([job for job in jobs if isinstance(job, RebuildJob)])
        frames = iter(self._step([job for job in jobs if isinstance(job, FrameJob)]))
        return [next(frames) if isinstance(job, FrameJob) else None for job in jobs]

    def _step(self, jobs: Sequence[FrameJob]) -> list[SteppedFrame]:
        """Encode, step and decode; nothing is remembered unless all of it succeeds."""
        alike: dict[Codec, list[FrameJob]] = {}
        for job in jobs:
            if not any(track.is_released for track in job.tracks.values()):
                alike.setdefault(job.codec, []).append(job)
        groups = [self._encoded(codec, group) for codec, group in alike.items()]
        outputs = self._lift(groups) if groups else []
        frames: dict[int, SteppedFrame] = {}
        for group, output in zip(groups, outputs, strict=True):
            self.tracks.remember(group.slots, group.after)
            frames |= zip(map(id, group.jobs), group.frames(output), strict=True)
        # Those whose session ended meanwhile are empty: nothing waits for them.
        return [frames.get(id(job)) or self.empty(job) for job in jobs]

    def _encoded(self, codec: Codec, jobs: list[FrameJob]) -> "_Group":
        """Encode the frames of sessions that are read alike."""
        slots = self.tracks.slots([track for job in jobs for track in job.tracks.values()])
        pixels_PJ3 = codec.to_pixels(_stacked([each for job in jobs for each in job.keypoints]))
        elapsed_P = np.repeat([job.elapsed for job in jobs], [len(job.tracks) for job in jobs])
        before = self.tracks.memory(slots)
        encoded, after = codec.encode_next(pixels_PJ3, before, elapsed_P)
        is_fresh_P = np.logical_not(before.imputation.seen_BJ.any(axis=1))
        return _Group(jobs, codec, slots, pixels_PJ3, encoded, is_fresh_P, after)

    def _lift(self, groups: Sequence["_Group"]) -> list[ModelOutput]:
        """Step all groups in one run; the output of each, zero where unknown."""
        known = [group.encoded.quality_T != UNKNOWN for group in groups]
        pairs = list(zip(groups, known, strict=True))
        rooms = [ModelOutput.blank(self.card, len(k)) for k in known]
        slots = np.concatenate([group.slots[k] for group, k in pairs])
        if self._stepper is None or len(slots) == 0:
            return rooms
        fresh = np.concatenate([group.is_fresh_P[k] for group, k in pairs])
        inputs = np.concatenate([group.encoded.inputs_TJ2[k] for group, k in pairs])
        stepped = self._stepper.step(inputs, fresh, self.tracks.rings.past(slots))
        self.tracks.rings.keep(slots, fresh, stepped.rows)
        start = 0
        for room, k in zip(rooms, known, strict=True):
            room.put(k, stepped.output[start : (start := start + int(k.sum()))])
        return rooms

    def _rebuild(self, jobs: Sequence[RebuildJob]) -> None:
        """Rebuild the rings of tracks in one pass over their past (the paper's padding first)."""
        live = [job for job in jobs if not job.track.is_released]
        if not live:
            return
        slots = self.tracks.slots([job.track for job in live])
        if self._stepper is not None:
            size = self.card.architecture.receptive_field - 1
            pasts = [_to_length(job.codec.inputs_of(job.filled_TJ2), size) for job in live]
            self.tracks.rings.restore(slots, self._stepper.rebuild(np.stack(pasts)))
        for slot, job in zip(slots, live, strict=True):
            self.tracks.remember(np.array([slot]), job.memory)


@dataclass(frozen=True, eq=False)
class _Group:
    """Frames of sessions that are read alike, person after person."""

    jobs: list[FrameJob]
    codec: Codec
    slots: Slots
    pixels_PJ3: Floats
    encoded: Encoded
    is_fresh_P: Mask
    after: TrackMemory

    def frames(self, output: ModelOutput) -> Iterator[SteppedFrame]:
        """Each session's frame, of what the model gave for all."""
        encoded, jobs = self.encoded, self.jobs
        recorded = RecordedFrame(
            0,
            tuple(track_id for job in jobs for track_id in job.tracks),
            encoded.quality_T,
            encoded.joint_quality_TC,
            np.array([source for job in jobs for source in job.sources], np.int64),
            self.is_fresh_P,
            encoded.measured_TJ,
            self.after.imputation,
            self.after.motion,
        )
        poses = self.codec.decode(output, encoded).finite()
        swapped_PG = encoded.swapped_TG
        told = swapped_PG, bool(swapped_PG.any()), self._observed()
        tick = SteppedTick(recorded, encoded.inputs_TJ2, poses, *told)
        return tick.frames([job.head for job in jobs])

    def _observed(self) -> NDArray[np.int64]:
        """See ``SteppedTick.observed_PN``."""
        observed_PN = np.zeros((len(self.slots), _OBSERVED), np.int64)
        rows = np.array([job.is_observed for job in self.jobs for _ in job.tracks])
        if rows.any():
            qualities_PC = self.encoded.joint_quality_TC[rows]
            observed_PN[rows, :-2] = self.codec.check.observe(self.pixels_PJ3[rows])
            observed_PN[rows, -2:] = (qualities_PC == _COUNTED_Q11).sum(axis=2).T
        return observed_PN


def choose(jobs: Sequence[Job]) -> list[int]:
    """The first waiting job of each session, for so many people, and of rebuilds only a few."""
    chosen, sessions, people, rebuilds = [], set(), 0, 0
    for index, job in enumerate(jobs):
        if isinstance(job, RebuildJob):
            if rebuilds < _REBUILDS_A_TICK:
                rebuilds += 1
                chosen.append(index)
        elif id(job.session) not in sessions:
            sessions.add(id(job.session))
            if not people or people + len(job.tracks) <= _PEOPLE_A_TICK:
                people += len(job.tracks)
                chosen.append(index)
    return chosen


def _stacked(keypoints: Sequence[Floats]) -> Floats:
    """Those of all people (P, J, 3): quicker than ``np.stack``, which looks at each by itself."""
    return np.concatenate(keypoints, dtype=np.float32).reshape(-1, *keypoints[0].shape)


def _cost(job: Job) -> float:
    return len(job.tracks) if isinstance(job, FrameJob) else _STEPS_OF_A_REBUILD


def _to_length(inputs_TJ2: Floats, length: int) -> Floats:
    """The last frames; the first repeated before them where there are too few."""
    last = inputs_TJ2[len(inputs_TJ2) - min(length, len(inputs_TJ2)) :]
    before = np.repeat(inputs_TJ2[:1], length - len(last), axis=0)
    return np.concatenate([before, last])
