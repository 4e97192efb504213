"""Rings of several shapes against the obvious: a list of all rows that every track was given."""

import numpy as np
from numpy.testing import assert_array_equal

from poselift.runtime.rings import Rings, RingShape

SHAPES = (
    RingShape(2, 1, 34),
    RingShape(2, 3, 8),
    RingShape(2, 9, 8),
    RingShape(4, 3, 8),
    RingShape(2, 27, 8),
    RingShape(2, 1, 5),
)
SLOTS = 5


class Remembered:
    """All rows of each ring of one track, from the oldest that its rings ever held."""

    def __init__(self, rings):
        self.rows = [list(ring) for ring in rings]

    def keep(self, rows):
        for kept, row in zip(self.rows, rows, strict=True):
            kept.append(row)

    def past(self):
        return [
            np.stack(rows[len(rows) - shape.length :: shape.dilation])
            for shape, rows in zip(SHAPES, self.rows, strict=True)
        ]


def _rows(rng, count):
    return [rng.normal(size=(count, shape.channels)).astype(np.float32) for shape in SHAPES]


def test_rings_are_what_was_kept():
    rng = np.random.default_rng(0)
    rings, known = Rings(SHAPES, SLOTS), {}
    for _ in range(300):
        slots = rng.choice(SLOTS, rng.integers(1, SLOTS + 1), replace=False)
        fresh = np.array([slot not in known or rng.random() < 0.01 for slot in slots])
        rows = _rows(rng, len(slots))
        for place, slot in enumerate(slots):
            own = [row[place] for row in rows]
            if fresh[place]:
                first = zip(own, SHAPES, strict=True)
                known[slot] = Remembered([[row] * shape.length for row, shape in first])
            known[slot].keep(own)
        rings.keep(slots, fresh, rows)
        _assert_alike(rings, known)


def test_restored_rings_continue():
    rng = np.random.default_rng(1)
    rings, slots = Rings(SHAPES, SLOTS), np.array([3, 0])
    given = [
        rng.normal(size=(2, shape.length, shape.channels)).astype(np.float32) for shape in SHAPES
    ]
    known = {slot: Remembered([ring[place] for ring in given]) for place, slot in enumerate(slots)}
    rings.restore(slots, given)
    _assert_alike(rings, known)
    for _ in range(70):
        rows = _rows(rng, 1)
        rings.keep(slots[:1], np.array([False]), rows)
        known[3].keep([row[0] for row in rows])
        _assert_alike(rings, known)


def _assert_alike(rings, known):
    slots = np.array(list(known))
    expected = zip(*(remembered.past() for remembered in known.values()), strict=True)
    for found, rows in zip(rings.past(slots), expected, strict=True):
        assert_array_equal(found, np.stack(rows))
