"""One symmetric model lifting live frames that have what comes after them: a window for each."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.card import Card
from poselift.formats import FORMATS
from poselift.imputation import ImputationState, fill_between
from poselift.model_output import ModelOutput
from poselift.runtime.window import WindowModel
from service.batcher import Batcher, Observer, Policy
from service.live.reading import Inputs, Reading

Floats = NDArray[np.float32]

_MOST_WINDOWS = 256
"""In a batch."""


class Stretch(NamedTuple):
    """Consecutive frames of a track, the one to lift among them at place ``at``.

    ``memory`` has a row for each: what causal filling remembered after it. Where ``is_ready_T``,
    nothing was missing, and ``inputs_TJ2`` is the model's input.
    """

    memory: ImputationState
    measured_TJ: NDArray[np.bool_]
    inputs_TJ2: Floats
    is_ready_T: NDArray[np.bool_]
    at: int


@dataclass(frozen=True, eq=False)
class WindowJob:
    """The people of one frame, each with what is known of them around it."""

    reading: Reading
    people: tuple[Stretch, ...]


class WindowBatcher:
    """A symmetric model for live frames, and the queue in front of it."""

    def __init__(self, card: Card, lifter: WindowModel, observer: Observer) -> None:
        self._card = card
        self._lifter = lifter
        self._inputs = Inputs(card)
        self._format = FORMATS[card.input.keypoint_format]
        self._root = card.output.parents.index(-1)
        policy = Policy(_cost, _choose, capacity=np.inf)
        self.batcher: Batcher[WindowJob, ModelOutput] = Batcher(self._run, policy, observer)

    @property
    def longest_lookahead(self) -> int:
        """How many frames after the one it lifts the model sees."""
        return self._card.architecture.receptive_field // 2

    def blank(self, people: int) -> ModelOutput:
        """Room for what it tells of so many people."""
        return ModelOutput.blank(self._card, people)

    def warm_up(self) -> None:
        """Run once, so that no caller pays for first-time allocation."""
        joints = len(self._format.joints)
        field = self._card.architecture.receptive_field
        self._lifter.lift(np.zeros((1, field, joints, 2), np.float32))

    def _run(self, jobs: Sequence[WindowJob]) -> list[ModelOutput]:
        readings = [job.reading for job in jobs for _ in job.people]
        people = [person for job in jobs for person in job.people]
        seen = [self._window(*each) for each in zip(readings, people, strict=True)]
        lifted = self._lifter.lift(np.stack([window for window, _ in seen]))
        alike: dict[Reading, list[int]] = defaultdict(list)
        for place, reading in enumerate(readings):
            alike[reading].append(place)
        for reading, places in alike.items():
            _, inverse = self._inputs.of(reading, np.stack([seen[place][1] for place in places]))
            lifted.put(places, lifted[places].denormalised(inverse, self._root).finite())
        return _divided(lifted, [len(job.people) for job in jobs])

    def _window(self, reading: Reading, person: Stretch) -> tuple[Floats, Floats]:
        """The inputs around a frame, the first and the last standing for others; its keypoints."""
        filled_TJ2, inputs_TJ2 = person.memory.keypoints_BJ2, person.inputs_TJ2
        if not person.is_ready_T.all():
            filled_TJ2 = fill_between(person.memory, person.measured_TJ, self._format)
            inputs_TJ2, lacking = inputs_TJ2.copy(), ~person.is_ready_T
            inputs_TJ2[lacking], _ = self._inputs.of(reading, filled_TJ2[lacking])
        reach = self.longest_lookahead
        around = np.arange(person.at - reach, person.at + reach + 1).clip(0, len(inputs_TJ2) - 1)
        return inputs_TJ2[around], filled_TJ2[person.at]


def _divided(lifted: ModelOutput, counts: Sequence[int]) -> list[ModelOutput]:
    """What was lifted together, in parts of so many."""
    return [lifted[end - n : end] for n, end in zip(counts, np.cumsum(counts), strict=True)]


def _cost(job: WindowJob) -> float:
    return len(job.people)


def _choose(jobs: Sequence[WindowJob]) -> list[int]:
    """The oldest jobs, as many as make a batch; one at least."""
    ends = np.cumsum([len(job.people) for job in jobs])
    return list(range(max(1, int((ends <= _MOST_WINDOWS).sum()))))
