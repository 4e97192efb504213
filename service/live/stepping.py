"""One causal model lifting live frames: one run a tick over all that wait, a frame a session."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from poselift.card import Card
from poselift.formats import FORMATS, convert
from poselift.imputation import QUALITY, ImputationState, fill_causal, measured_joints
from poselift.model_output import ModelOutput
from poselift.normalisation import InverseTransform
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.step import StepModel
from poselift.runtime.window import WindowModel
from service.batcher import Batcher, Observer, Policy
from service.live.reading import Inputs, Reading
from service.live.tracks import Slots, Track, Tracks
from service.live.windows import WindowBatcher

Floats = NDArray[np.float32]

UNKNOWN = QUALITY.index("unknown")
_REBUILDS_A_TICK = 2
"""A rebuild costs as much as a hundred steps; the living must not wait for many at a time."""
_TICK_S = 0.01
"""Under load a tick takes in what came in up to this time: Python's work for a tick hardly grows
with the number of tracks, and a tick for each frame would leave no time for anything else."""


@dataclass(frozen=True, eq=False)
class FrameJob:
    """The next frame of a session: keypoints (P, J, 3) of each of its tracks, in its format."""

    session: object
    reading: Reading
    tracks: tuple[Track, ...]
    keypoints_PJ3: Floats


@dataclass(frozen=True, eq=False)
class RebuildJob:
    """A track of a session that was live elsewhere: what was remembered, and what was lifted.

    ``keypoints_TJ2`` are its latest filled keypoints in the model's layout: those of the receptive
    field less one, or all since its first frame if it is younger.
    """

    session: object
    reading: Reading
    track: Track
    memory: ImputationState
    keypoints_TJ2: Floats


class SteppedFrame(NamedTuple):
    """The people of one frame, and what was lifted of them, in camera axes.

    That is zeros where unknown, and everywhere if the model is not stepped. ``is_fresh_P`` tells
    tracks that began with this frame; ``memory`` is theirs after it. ``inputs_PJ2`` are their
    keypoints as they were filled, normalised.
    """

    lifted: ModelOutput
    quality_P: NDArray[np.uint8]
    is_fresh_P: NDArray[np.bool_]
    measured_PJ: NDArray[np.bool_]
    inputs_PJ2: Floats
    memory: ImputationState

    @classmethod
    def empty(cls, card: Card) -> "SteppedFrame":
        """A frame with nobody in it, for a model of this card."""
        joints_in = len(card.input.joints)
        return cls(
            ModelOutput.blank(card, 0),
            np.zeros(0, np.uint8),
            np.zeros(0, np.bool_),
            np.zeros((0, joints_in), np.bool_),
            np.zeros((0, joints_in, 2), np.float32),
            ImputationState.blank(0, joints_in),
        )


Job: TypeAlias = FrameJob | RebuildJob


class LiveModel:
    """What lifts live frames with one model, its tracks and the queue in front of it.

    A model that sees what comes after has no stepper: its frames are only filled and remembered
    here, and lifted by ``windows`` once there is enough to see.
    """

    def __init__(
        self,
        card: Card,
        stepper: StepModel | None,
        tracks: Tracks,
        observer: Observer,
        windows: WindowBatcher | None = None,
    ) -> None:
        self.card = card
        self.windows = windows
        self.tracks = tracks
        self._stepper = stepper
        self._root = card.output.parents.index(-1)
        self._format = FORMATS[card.input.keypoint_format]
        self.inputs = Inputs(card)
        policy = Policy(_cost, choose, capacity=np.inf, interval_s=_TICK_S)
        self.batcher: Batcher[Job, SteppedFrame | None] = Batcher(self._run, policy, observer)

    @classmethod
    def load(
        cls,
        folder: Path,
        card: Card,
        how: RunOptions,
        capacity: int,
        observe: Callable[[Literal["live", "window"]], Observer],
    ) -> "LiveModel | None":
        """Load what lifts live frames with the model of this card, if its folder has it.

        Raises:
            ModelError: a graph is another model's, or disagrees with its card.
        """
        stepper = StepModel.load(folder, card, how)
        lifter = WindowModel.load(folder, card, how)
        if stepper is None and lifter is None:
            return None
        windows = None if lifter is None else WindowBatcher(card, lifter, observe("window"))
        rings = stepper.rings if stepper is not None else ()
        tracks = Tracks(rings, len(card.input.joints), capacity)
        return cls(card, stepper, tracks, observe("live"), windows)

    @property
    def batchers(self) -> Iterator[Batcher[Any, Any]]:
        """Its queues, to be started and stopped."""
        yield self.batcher
        if self.windows is not None:
            yield self.windows.batcher

    @property
    def longest_lookahead(self) -> int:
        """How many frames later its poses may come; 0 if they come at once."""
        return 0 if self.windows is None else self.windows.longest_lookahead

    def warm_up(self) -> None:
        """Run once, so that no caller pays for first-time allocation."""
        joints = len(self._format.joints)
        if self.windows is not None:
            self.windows.warm_up()
        if self._stepper is None:
            return
        size = self.card.architecture.receptive_field - 1
        self._stepper.rebuild(np.zeros((1, size, joints, 2), np.float32))
        fresh = np.ones(1, np.bool_)
        past = self.tracks.rings.past(np.zeros(1, np.intp))
        self._stepper.step(np.zeros((1, joints, 2), np.float32), fresh, past)

    def _run(self, jobs: Sequence[Job]) -> list[SteppedFrame | None]:
        self.tracks.reclaim()
        self._rebuild([job for job in jobs if isinstance(job, RebuildJob)])
        frames = iter(self._step([job for job in jobs if isinstance(job, FrameJob)]))
        return [next(frames) if isinstance(job, FrameJob) else None for job in jobs]

    def _step(self, jobs: Sequence[FrameJob]) -> list[SteppedFrame]:
        """Fill, normalise, step and turn back; nothing is remembered unless all of it succeeds."""
        alike: dict[Reading, list[FrameJob]] = {}
        for job in jobs:
            if not any(track.is_released for track in job.tracks):
                alike.setdefault(job.reading, []).append(job)
        readied = [self._ready(reading, group) for reading, group in alike.items()]
        frames = self._stepped(readied) if readied else {}
        # Those whose session ended meanwhile are empty: nobody waits for them.
        nobody = SteppedFrame.empty(self.card)
        return [frames.get(id(job), nobody) for job in jobs]

    def _ready(self, reading: Reading, jobs: list[FrameJob]) -> "_Readied":
        """Bring the frames of sessions that are read alike to inputs."""
        slots = self.tracks.slots([track for job in jobs for track in job.tracks])
        empty = np.zeros((0, len(FORMATS[reading.keypoint_format].joints), 3), np.float32)
        keypoints_PJ3 = np.concatenate([empty, *(job.keypoints_PJ3 for job in jobs)])
        converted = convert(keypoints_PJ3, reading.keypoint_format, self._format.name)
        before = self.tracks.memory(slots)
        filled_P1J2, quality_P1, memory = fill_causal(
            converted[:, None], before, reading.min_score, reading.max_gap_frames, self._format
        )
        inputs_PJ2, inverse = self.inputs.of(reading, filled_P1J2[:, 0])
        is_fresh_P = np.logical_not(before.seen_BJ.any(axis=1))
        measured_PJ = measured_joints(converted, reading.min_score)
        quality_P = quality_P1[:, 0]
        return _Readied(
            jobs, slots, inputs_PJ2, inverse, quality_P, is_fresh_P, measured_PJ, memory
        )

    def _stepped(self, groups: Sequence["_Readied"]) -> dict[int, SteppedFrame]:
        known = [group.quality_P != UNKNOWN for group in groups]
        pairs = list(zip(groups, known, strict=True))
        slots = np.concatenate([group.slots[k] for group, k in pairs])
        fresh = np.concatenate([group.is_fresh_P[k] for group, k in pairs])
        inputs = np.concatenate([group.inputs_PJ2[k] for group, k in pairs])
        lifted = ModelOutput.blank(self.card, len(slots))
        if self._stepper is not None and len(slots):
            stepped = self._stepper.step(inputs, fresh, self.tracks.rings.past(slots))
            lifted = stepped.lifted
            self.tracks.rings.keep(slots, fresh, stepped.rows)
        frames: dict[int, SteppedFrame] = {}
        start = 0
        for group, k in pairs:
            self.tracks.remember(group.slots, group.memory)
            part = slice(start, start := start + int(k.sum()))
            room = ModelOutput.blank(self.card, len(k))
            frames |= group.frames(lifted[part], room, self._root)
        return frames

    def _rebuild(self, jobs: Sequence[RebuildJob]) -> None:
        """Fill the rings of tracks in one pass over their past (the paper's padding before it)."""
        live = [job for job in jobs if not job.track.is_released]
        if not live:
            return
        slots = self.tracks.slots([job.track for job in live])
        if self._stepper is not None:
            self._restore(self._stepper, live, slots)
        for slot, job in zip(slots, live, strict=True):
            self.tracks.remember(np.array([slot]), job.memory)

    def _restore(self, stepper: StepModel, jobs: Sequence[RebuildJob], slots: Slots) -> None:
        size = self.card.architecture.receptive_field - 1
        inputs = [self.inputs.of(job.reading, job.keypoints_TJ2)[0] for job in jobs]
        pasts = [_to_length(past, size) for past in inputs]
        self.tracks.rings.restore(slots, stepper.rebuild(np.stack(pasts)))


@dataclass(frozen=True, eq=False)
class _Readied:
    """Frames of sessions that are read alike, person after person."""

    jobs: list[FrameJob]
    slots: Slots
    inputs_PJ2: Floats
    inverse: InverseTransform
    quality_P: NDArray[np.uint8]
    is_fresh_P: NDArray[np.bool_]
    measured_PJ: NDArray[np.bool_]
    memory: ImputationState

    def frames(self, stepped: ModelOutput, room: ModelOutput, root: int) -> dict[int, SteppedFrame]:
        """Each session's part, by its job's identity.

        Args:
            stepped: what the model tells of those of known quality, in its own axes.
            room: for everyone.
            root: the joint that poses are relative to.
        """
        room.put(self.quality_P != UNKNOWN, stepped)
        lifted = room.denormalised(self.inverse, root).finite()
        ends = itertools.accumulate(len(job.tracks) for job in self.jobs)
        frames = {}
        for job, end in zip(self.jobs, ends, strict=True):
            part = slice(end - len(job.tracks), end)
            frames[id(job)] = SteppedFrame(
                lifted[part],
                self.quality_P[part],
                self.is_fresh_P[part],
                self.measured_PJ[part],
                self.inputs_PJ2[part],
                self.memory.of(part),
            )
        return frames


def choose(jobs: Sequence[Job]) -> list[int]:
    """The oldest waiting job of each session, and of rebuilds only a few."""
    chosen, sessions, rebuilds = [], set(), 0
    for index, job in enumerate(jobs):
        if isinstance(job, RebuildJob):
            if rebuilds < _REBUILDS_A_TICK:
                rebuilds += 1
                chosen.append(index)
        elif id(job.session) not in sessions:
            sessions.add(id(job.session))
            chosen.append(index)
    return chosen


def _cost(job: Job) -> float:
    return len(job.tracks) if isinstance(job, FrameJob) else 1


def _to_length(inputs_TJ2: Floats, length: int) -> Floats:
    """The last frames; the first repeated before them where there are too few."""
    last = inputs_TJ2[len(inputs_TJ2) - min(length, len(inputs_TJ2)) :]
    before = np.repeat(inputs_TJ2[:1], length - len(last), axis=0)
    return np.concatenate([before, last])
