"""A symmetric model lifting live frames whose later frames are there: one temporal window each."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from poselift.array_types import Floats, Mask
from poselift.card import Card
from poselift.codec import Codec
from poselift.imputation import ImputationState, Quality
from poselift.poses import Poses
from poselift.runtime.window import WindowModel
from service.batcher import Batcher, Observer, Policy

_MOST_WINDOWS = 256
"""In a batch."""


class TrackFrames(NamedTuple):
    """Consecutive frames of a track, the one to lift among them in row ``at``.

    ``state`` has a row for each: what causal imputation remembered after it. Where ``is_ready_T``,
    nothing was missing, and ``inputs_TJ2`` is the model's input.
    """

    state: ImputationState
    measured_TJ: Mask
    inputs_TJ2: Floats
    is_ready_T: Mask
    at: int


@dataclass(frozen=True, eq=False)
class WindowJob:
    """The people of one frame, each with the frames around it."""

    codec: Codec
    people: tuple[TrackFrames, ...]


class WindowBatcher:
    """A symmetric model's window graph, and the queue in front of it."""

    def __init__(self, card: Card, model: WindowModel, observer: Observer) -> None:
        self._card = card
        self._model = model
        policy: Policy[WindowJob] = Policy(lambda job: len(job.people), _choose, capacity=np.inf)
        self.batcher: Batcher[WindowJob, Poses] = Batcher(self._run, policy, observer)

    @property
    def longest_lookahead(self) -> int:
        """How many frames after the one it lifts the model sees."""
        return self._card.architecture.receptive_field // 2

    def warm_up(self) -> None:
        """Run once, so that no caller pays for first-time allocation."""
        joints = len(self._card.input.joints)
        field = self._card.architecture.receptive_field
        self._model.lift(np.zeros((1, field, joints, 2), np.float32))

    def _run(self, jobs: Sequence[WindowJob]) -> list[Poses]:
        people = [(job.codec, person) for job in jobs for person in job.people]
        windows = [self._window(codec, person) for codec, person in people]
        output = self._model.lift(np.stack([inputs for inputs, _ in windows]))
        poses = Poses.blank(self._card, np.full(len(people), Quality.MEASURED, np.uint8))
        alike: dict[Codec, list[int]] = defaultdict(list)
        for row, (codec, _) in enumerate(people):
            alike[codec].append(row)
        for codec, rows in alike.items():
            filled_PJ2 = np.stack([windows[row][1] for row in rows])
            seen_PJ = np.stack([people[row][1].state.seen_BJ[-1] for row in rows])
            encoded = codec.encode_filled(filled_PJ2, seen_PJ)
            poses.put(rows, codec.decode(output[rows], encoded).finite())
        ends = np.cumsum([len(job.people) for job in jobs])
        parts = [slice(end - len(job.people), end) for job, end in zip(jobs, ends, strict=True)]
        return [poses.rows(part) for part in parts]

    def _window(self, codec: Codec, person: TrackFrames) -> tuple[Floats, Floats]:
        """The inputs around a frame, edges repeated, and the frame's filled keypoints."""
        filled_TJ2, inputs_TJ2 = person.state.keypoints_BJ2, person.inputs_TJ2
        if not person.is_ready_T.all():
            filled_TJ2 = codec.fill_between(person.state, person.measured_TJ)
            inputs_TJ2, lacking_T = inputs_TJ2.copy(), ~person.is_ready_T
            inputs_TJ2[lacking_T] = codec.inputs_of(filled_TJ2[lacking_T])
        reach = self.longest_lookahead
        around = np.arange(person.at - reach, person.at + reach + 1).clip(0, len(inputs_TJ2) - 1)
        return inputs_TJ2[around], filled_TJ2[person.at]


def _choose(jobs: Sequence[WindowJob]) -> list[int]:
    """The oldest jobs, as many as make a batch; one at least."""
    ends = np.cumsum([len(job.people) for job in jobs])
    return list(range(max(1, int((ends <= _MOST_WINDOWS).sum()))))
