"""What causal models keep of the past: activations of many tracks in preallocated arrays.

A layer that sees w frames, d apart, needs of each track its inputs of the last (w − 1)·d frames, of
which w − 1 are read at every step. They lie in a ring that is never moved: a step reads a few
rows, and writes one over the oldest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Slots = NDArray[np.intp]


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
        self._shapes = tuple(shapes)
        self._rings = [np.zeros((slots, s.length, s.channels), np.float32) for s in shapes]
        self._steps = np.zeros(slots, dtype=np.int64)

    @property
    def bytes_per_track(self) -> int:
        """The memory of one slot."""
        return sum(shape.length * shape.channels * 4 for shape in self._shapes)

    def past(self, slots: Slots) -> list[Floats]:
        """For each ring the rows (B, rows, channels) that the next step reads, oldest first."""
        return [
            ring[slots[:, None], self._read(shape, slots)]
            for shape, ring in zip(self._shapes, self._rings, strict=True)
        ]

    def keep(self, slots: Slots, fresh: NDArray[np.bool_], rows: Sequence[Floats]) -> None:
        """Put one frame's rows (B, channels) of each ring in their places.

        Args:
            slots: the tracks, each at most once.
            fresh: tracks whose first frame this is: its row stands for all before it.
            rows: for each ring.
        """
        starting = slots[fresh]
        self._steps[starting] = 0
        for shape, ring, row in zip(self._shapes, self._rings, rows, strict=True):
            ring[starting] = row[fresh, None]
            ring[slots, self._steps[slots] % shape.length] = row
        self._steps[slots] += 1

    def restore(self, slots: Slots, rings: Sequence[Floats]) -> None:
        """Fill tracks' rings (B, length, channels), given oldest first."""
        self._steps[slots] = 0
        for ring, content in zip(self._rings, rings, strict=True):
            ring[slots] = content

    def _read(self, shape: RingShape, slots: Slots) -> NDArray[np.int64]:
        """Where the rows of the next step lie (B, rows): the oldest is where it will write."""
        oldest = self._steps[slots] % shape.length
        read: NDArray[np.int64] = oldest[:, None] + shape.dilation * np.arange(shape.rows)
        return read % shape.length
