"""What parties hold of what is shared, where several processes give it out: in shared memory.

A table has a row for each party and kind of thing, found by a hash of both, and in it a column for
each worker, which alone writes there. So what a worker held that was killed is known: its successor
begins with its column empty. A row that is not in use is given to the next party that needs one.
"""

import hashlib
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 32_768
_KINDS = 64
_TRIED = 32
"""How many rows a name may be in."""


class SharedAmounts:
    """The table, as one worker sees it; made before the workers are forked."""

    def __init__(self, workers: int) -> None:
        row: list[tuple[Any, ...]] = [("name", np.int64), ("kind", np.int64)]
        row += [("held", np.float64, (workers,)), ("level", np.float64), ("at_s", np.float64)]
        # Behind the parties' rows there is one for the sum of each kind.
        memory = mmap.mmap(-1, (_ROWS + _KINDS) * np.dtype(row).itemsize)
        table: NDArray[Any] = np.frombuffer(memory, row)
        self._names, self._kinds = table["name"], table["kind"]
        self._held, self._levels, self._at_s = table["held"], table["level"], table["at_s"]
        self._places = np.arange(_TRIED)

    def join(self, worker: int, lock: Path) -> None:
        """Be the worker of this number, from 1, from now on; ``lock`` is a file for all."""
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        self._mine = self._held[:, worker - 1]
        self._mine[:] = 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other worker change what is held; the end of the process ends it too."""
        import fcntl  # noqa: PLC0415 - there is none for Windows

        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def find(self, kind: str, party: str) -> int | None:
        """The row of a party, if it has one."""
        tried, name = self._tried(kind, party)
        there = tried[self._names[tried] == name]
        return int(there[0]) if len(there) else None

    def row(self, kind: str, party: str) -> int:
        """The row of a party, from now on if it has none; only while ``locked``."""
        found = self.find(kind, party)
        if found is not None:
            return found
        tried, name = self._tried(kind, party)
        idle = tried[~self._held[tried].any(axis=1)]
        if not len(idle):
            return int(tried[0])  # two share it, and get less than they may rather than more
        found = int(idle[self._at_s[idle].argmin()])
        self._names[found], self._kinds[found] = name, _hash(kind)
        self._levels[found], self._at_s[found] = 0.0, 0.0
        return found

    def sum_row(self, kind: str) -> int:
        """The row for all that is held of a kind; only while ``locked``."""
        name = _hash(kind)
        sums = self._names[_ROWS:]
        place = int(((sums == name) | (sums == 0)).argmax())
        sums[place] = name
        return _ROWS + place

    def _tried(self, kind: str, party: str) -> tuple[NDArray[np.int64], int]:
        name = _hash(f"{kind}\0{party}")
        return (name + self._places) % _ROWS, name

    def held(self, row: int) -> float:
        """What all workers hold in a row."""
        return float(self._held[row].sum())

    def hold(self, row: int, amount: float) -> float:
        """Hold more, or less; what this worker has of it now."""
        mine = float(self._mine[row]) + amount
        self._mine[row] = mine = max(mine, 0.0)
        return mine

    def holders(self, kind: str) -> int:
        """How many rows of a kind are held by anyone."""
        return int(self._held[self._kinds == _hash(kind)].any(axis=1).sum())

    def level(self, row: int) -> tuple[float, float] | None:
        """What was left in a row, and when; None where nothing was said."""
        at_s = float(self._at_s[row])
        return (float(self._levels[row]), at_s) if at_s else None

    def set_level(self, row: int, left: float, at_s: float) -> None:
        """Say what is left in a row, and when."""
        self._levels[row], self._at_s[row] = left, at_s


class SharedPlaces:
    """What parties hold of one kind of thing: ``service.shares.Places`` for several workers."""

    def __init__(self, amounts: SharedAmounts, kind: str) -> None:
        self._amounts = amounts
        self._kind = kind
        with amounts.locked():
            self._all = amounts.sum_row(kind)
        self._rows: dict[str, int] = {}
        """Of parties that hold some here: it stays theirs for as long."""

    @property
    def taken(self) -> float:
        """What all hold."""
        return self._amounts.held(self._all)

    @property
    def taken_here(self) -> float:
        """What is held in this worker."""
        return self._amounts.hold(self._all, 0)

    def of(self, party: str) -> float:
        """What a party holds."""
        row = self._rows.get(party)
        row = self._amounts.find(self._kind, party) if row is None else row
        return 0.0 if row is None else self._amounts.held(row)

    def holders(self) -> int:
        """How many parties hold some."""
        return self._amounts.holders(self._kind)

    def change(self, party: str, amount: float) -> None:
        """Let a party hold more, or less."""
        if party not in self._rows:
            self._rows[party] = self._amounts.row(self._kind, party)
        left = self._amounts.hold(self._rows[party], amount)
        self._amounts.hold(self._all, amount)
        if left <= 0:
            del self._rows[party]
            if not self._rows:  # sums of floats drift
                self._amounts.hold(self._all, -self.taken_here)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other worker change what is held."""
        with self._amounts.locked():
            yield


class SharedLevels:
    """How much is left to names: ``service.shares.Levels`` for several workers."""

    def __init__(self, amounts: SharedAmounts, kind: str) -> None:
        self._amounts = amounts
        self._kind = kind

    def get(self, name: str) -> tuple[float, float] | None:
        """What was left, and when; None where nothing is known."""
        row = self._amounts.find(self._kind, name)
        return None if row is None else self._amounts.level(row)

    def put(self, name: str, left: float, at_s: float) -> None:
        """Remember what is left."""
        with self._amounts.locked():
            row = self._amounts.row(self._kind, name)
            self._amounts.set_level(row, left, at_s)


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1
