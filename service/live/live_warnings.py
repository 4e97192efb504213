"""Warnings about the people of a live session, as what they rest on adds up."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Mask
from poselift.input_check import InputCheck, Observed, many_outliers
from poselift.outliers import SWAP_GROUPS
from poselift.poses import PoseWarning
from service.live.step_batcher import SteppedFrame

_EVERY = 8
"""Of so many frames one is looked at: what is wrong is wrong for long."""
_FEWEST_JOINTS = 200
"""Measured in these frames, before a share of them means something."""


class LiveWarnings:
    """Tells each warning once while its track lasts; nothing of it is kept in the store."""

    def __init__(self, check: InputCheck) -> None:
        self._check = check
        self._seen: dict[str, NDArray[np.int64]] = {}
        self._told: set[tuple[str, str]] = set()
        self._swapped: set[tuple[str, int]] = set()
        self._frames = 0

    @property
    def observes_next(self) -> bool:
        """Whether the next frame is one that is looked at."""
        return self._frames % _EVERY == 0

    def of(self, stepped: SteppedFrame) -> tuple[PoseWarning, ...]:
        """What there is to tell with a frame."""
        index, track_ids = stepped.head.index, stepped.track_ids
        warnings: list[PoseWarning] = []
        if stepped.tick.has_swapped:
            swapped_PG = stepped.tick.swapped_PG[stepped.people]
            if swapped_PG.any():
                warnings += self._swaps(index, track_ids, swapped_PG)
        if self.observes_next:
            warnings += self._doubts(index, track_ids, stepped.tick.observed_PN[stepped.people])
        self._frames += 1
        return tuple(warnings)

    def _swaps(
        self, index: int, track_ids: Sequence[str], swapped_PG: Mask
    ) -> Iterator[PoseWarning]:
        self._swapped = {each for each in self._swapped if each[0] in track_ids}
        for person, group in np.argwhere(swapped_PG).tolist():
            track_id = track_ids[person]
            if (track_id, group) not in self._swapped:
                self._swapped.add((track_id, group))
                detail = f"left and right {list(SWAP_GROUPS)[group]} are swapped back at times"
                yield PoseWarning("sides_swapped", detail, (index, index), track_id)

    def _doubts(
        self, index: int, track_ids: Sequence[str], observed_PN: NDArray[np.int64]
    ) -> Iterator[PoseWarning]:
        before = self._seen
        self._seen = {
            track_id: observed_PN[person] + before.get(track_id, 0)
            for person, track_id in enumerate(track_ids)
        }
        self._told = {each for each in self._told if each[0] in self._seen}
        for track_id, seen in self._seen.items():
            for code, detail in self._found(*seen.tolist()):
                if (track_id, code) not in self._told:
                    self._told.add((track_id, code))
                    yield PoseWarning(code, detail, (index, index), track_id)

    def _found(self, *counts: int) -> Iterator[tuple[str, str]]:
        """Codes and details of what there is to tell of a person, of whom all this was counted."""
        *observed, rejected, accepted = counts
        for doubt in self._check.doubts(Observed(*observed)):
            yield doubt.code, doubt.detail
        many = many_outliers(rejected, accepted)
        if many is not None and rejected + accepted >= _FEWEST_JOINTS:
            yield "many_outliers", many
