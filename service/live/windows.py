"""One symmetric model lifting live frames that have what comes after them: a window for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.batcher import Batcher, Observer, Policy
from service.live.reading import Inputs, Reading
from service.pose.card import Card
from service.pose.formats import FORMATS
from service.pose.missing import Memory, fill_between
from service.pose.normalisation import Undo
from service.windows import WindowLifter

Floats = NDArray[np.float32]

_MOST_WINDOWS = 256
"""In a batch."""


class Stretch(NamedTuple):
    """Consecutive frames of a track, the one to lift among them at place ``at``.

    ``memory`` has a row for each: what causal filling remembered after it.
    """

    memory: Memory
    measured_TJ: NDArray[np.bool_]
    at: int


@dataclass(frozen=True, eq=False)
class WindowJob:
    """The people of one frame, each with what is known of them around it."""

    reading: Reading
    people: tuple[Stretch, ...]


class LiftedPeople(NamedTuple):
    """Poses (P, K, 3), root-relative, and trajectory (P, 3), in metres and camera axes."""

    poses_PK3: Floats
    trajectory_P3: Floats | None


class WindowModel:
    """A symmetric model for live frames, and the queue in front of it."""

    def __init__(self, card: Card, lifter: WindowLifter, observer: Observer) -> None:
        self._card = card
        self._lifter = lifter
        self._inputs = Inputs(card)
        self._format = FORMATS[card.input.keypoint_format]
        self._root = card.output.parents.index(-1)
        policy = Policy(_cost, _choose, capacity=np.inf)
        self.batcher: Batcher[WindowJob, LiftedPeople] = Batcher(self._run, policy, observer)

    @property
    def longest_lookahead(self) -> int:
        """How many frames after the one it lifts the model sees."""
        return self._card.architecture.receptive_field // 2

    @property
    def joints_out(self) -> int:
        """How many joints a pose has."""
        return len(self._card.output.joints)

    def warm_up(self) -> None:
        """Run once, so that no caller pays for first-time allocation."""
        joints = len(self._format.joints)
        field = self._card.architecture.receptive_field
        self._lifter.lift(np.zeros((1, field, joints, 2), np.float32))

    def _run(self, jobs: Sequence[WindowJob]) -> list[LiftedPeople]:
        seen = [self._window(job.reading, person) for job in jobs for person in job.people]
        poses_BK3, trajectory_B3 = self._lifter.lift(np.stack([window for window, _ in seen]))
        poses_BK3 = poses_BK3 - poses_BK3[:, self._root, None]
        for place, (_, undo) in enumerate(seen):
            poses_BK3[place] = np.nan_to_num(undo(poses_BK3[place, None])[0])
            if trajectory_B3 is not None:
                trajectory_B3[place] = np.nan_to_num(undo(trajectory_B3[place, None, None])[0, 0])
        return list(_divided(jobs, poses_BK3, trajectory_B3))

    def _window(self, reading: Reading, person: Stretch) -> tuple[Floats, Undo]:
        """The frames around one, as the model wants them; the last and first stand for others."""
        filled_TJ2 = fill_between(person.memory, person.measured_TJ, self._format)
        reach = self.longest_lookahead
        around = np.arange(person.at - reach, person.at + reach + 1).clip(0, len(filled_TJ2) - 1)
        first = around[0]
        inputs_TJ2, _ = self._inputs.of(reading, filled_TJ2[first : around[-1] + 1])
        _, undo = self._inputs.of(reading, filled_TJ2[person.at, None])
        return inputs_TJ2[around - first], undo


def _divided(
    jobs: Sequence[WindowJob], poses_BK3: Floats, trajectory_B3: Floats | None
) -> list[LiftedPeople]:
    """Each job's part."""
    ends = np.cumsum([len(job.people) for job in jobs])
    parts = [slice(end - len(job.people), end) for job, end in zip(jobs, ends, strict=True)]
    return [
        LiftedPeople(poses_BK3[part], None if trajectory_B3 is None else trajectory_B3[part])
        for part in parts
    ]


def _cost(job: WindowJob) -> float:
    return len(job.people)


def _choose(jobs: Sequence[WindowJob]) -> list[int]:
    """The oldest jobs, as many as make a batch; one at least."""
    ends = np.cumsum([len(job.people) for job in jobs])
    return list(range(max(1, int((ends <= _MOST_WINDOWS).sum()))))
