"""What causal models keep of the past: activations of many tracks in preallocated arrays.

A layer that sees w frames, d apart, needs of each track its inputs of the last (w − 1)·d frames, of
which w − 1 are read at every step. They lie in a ring that is never moved: a step reads a few
rows, and writes one over the oldest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask, Slots


@dataclass(frozen=True)
class RingShape:
    """One layer's ring: it reads ``rows`` rows, ``dilation`` frames apart, of ``channels``."""

    rows: int
    dilation: int
    channels: int

    @property
    def length(self) -> int:
        """How many frames back it reaches."""
        return self.rows * self.dilation


class Rings:
    """The rings of as many tracks as there are slots; memory is touched only once it is used.

    Not safe to use from several threads at a time.
    """

    def __init__(self, shapes: Sequence[RingShape], slots: int) -> None:
        alike: dict[tuple[int, int], list[int]] = {}
        for number, shape in enumerate(shapes):
            alike.setdefault((shape.rows, shape.channels), []).append(number)
        self._shapes = tuple(shapes)
        self._banks = [
            (numbers, _Bank([shapes[number] for number in numbers], slots))
            for numbers in alike.values()
        ]
        self._steps = np.zeros(slots, dtype=np.int64)

    @property
    def bytes_per_track(self) -> int:
        """The memory of one slot."""
        return sum(shape.length * shape.channels * 4 for shape in self._shapes)

    def past(self, slots: Slots) -> list[Floats]:
        """For each ring the rows (B, rows, channels) that the next step reads, oldest first."""
        past: dict[int, Floats] = {}
        for numbers, bank in self._banks:
            past |= zip(numbers, bank.past(slots, self._steps[slots]), strict=True)
        return [past[number] for number in range(len(self._shapes))]

    def keep(self, slots: Slots, fresh: Mask, rows: Sequence[Floats]) -> None:
        """Put one frame's rows (B, channels) of each ring in their places.

        Each track has one slot; where ``fresh``, the row stands for all rows before it.
        """
        starting = slots[fresh]
        self._steps[starting] = 0
        for numbers, bank in self._banks:
            rows_LBC = np.stack([rows[number] for number in numbers])
            if len(starting):
                bank.fill(starting, list(rows_LBC[:, fresh, None]))
            bank.keep(slots, self._steps[slots], rows_LBC)
        self._steps[slots] += 1

    def restore(self, slots: Slots, rings: Sequence[Floats]) -> None:
        """Fill tracks' rings (B, length, channels), given oldest first."""
        self._steps[slots] = 0
        for numbers, bank in self._banks:
            bank.fill(slots, [rings[number] for number in numbers])


class _Bank:
    """Rings of the same rows and channels, one after the other in one array.

    So a step reads and writes all of them at once: for a few tracks that takes as long as one ring.
    """

    def __init__(self, shapes: Sequence[RingShape], slots: int) -> None:
        lengths = [shape.length for shape in shapes]
        dilations_L11 = np.array([shape.dilation for shape in shapes])[:, None, None]
        self._ahead_L1R = dilations_L11 * np.arange(shapes[0].rows)
        self._lengths_L1 = np.array(lengths)[:, None]
        self._starts_L1 = np.cumsum([0, *lengths[:-1]])[:, None]
        self._content = np.zeros((slots, sum(lengths), shapes[0].channels), np.float32)

    def past(self, slots: Slots, steps_B: NDArray[np.int64]) -> Floats:
        """The rows (L, B, R, C) that the next step reads: the oldest is where it will write."""
        read_LBR = self._oldest(steps_B)[..., None] + self._ahead_L1R
        read_LBR = read_LBR % self._lengths_L1[..., None] + self._starts_L1[..., None]
        past: Floats = self._content[slots[:, None], read_LBR]
        return past

    def keep(self, slots: Slots, steps_B: NDArray[np.int64], rows_LBC: Floats) -> None:
        """Write one frame's rows over the oldest."""
        self._content[slots, self._oldest(steps_B) + self._starts_L1] = rows_LBC

    def fill(self, slots: Slots, rings: Sequence[Floats]) -> None:
        """Fill the rings with rows (B, length, C), or with one (B, 1, C) that stands for all."""
        ends = self._starts_L1 + self._lengths_L1
        for ring, (start,), (end,) in zip(rings, self._starts_L1, ends, strict=True):
            self._content[slots, start:end] = ring

    def _oldest(self, steps_B: NDArray[np.int64]) -> NDArray[np.int64]:
        oldest: NDArray[np.int64] = steps_B % self._lengths_L1
        return oldest
