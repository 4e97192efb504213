"""How much work each of several workers has, so that clips go to where there is least of it.

Work is in frames' worth, as in ``service.intake``, and not in seconds: how many frames it does in a
second each worker learns by itself, and some time after its start; they are alike on one machine.
A table in shared memory has a row for each worker, which alone writes there: what it has given to
each. So what a request is that is just passed on, and no worker has seen, counts too.
"""

import asyncio
import mmap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

_CLEARLY = 40.0
"""Frames that another worker must have less to do, to be given a request: that takes the processor
time of lifting 5 to 15."""
_ALIKE = 9 / 8
"""Loads in up to this ratio are not levelled either: requests come at random."""
_BEAT_S = 0.25
ABSENT_S = 2.0
"""A worker that has not been heard of for as long takes nothing: it has ended, or is stuck."""


class SharedLoads:
    """The table, as one worker sees it; made before the workers are forked."""

    def __init__(self, workers: int) -> None:
        table: NDArray[np.float64] = np.frombuffer(mmap.mmap(-1, 8 * workers * (workers + 1)))
        self._heard_at_s, self._given = table[:workers], table[workers:].reshape(workers, workers)

    def join(self, worker: int) -> None:
        """Be the worker of this number, from 1, from now on."""
        self._me = worker - 1
        self._heard_at_s[self._me] = 0
        self._given[self._me] = 0

    async def take(self) -> None:
        """Take requests of other workers, until cancelled."""
        try:
            while True:
                self._heard_at_s[self._me] = time.monotonic()
                await asyncio.sleep(_BEAT_S)
        finally:
            self._heard_at_s[self._me] = 0

    def less_loaded(self) -> int | None:
        """The worker with the least work, where it has clearly less than this one."""
        loads = self._given.sum(axis=0)
        own = float(loads[self._me])
        if own <= _CLEARLY:
            return None
        loads[time.monotonic() - self._heard_at_s > ABSENT_S] = np.inf
        least = int(loads.argmin())
        return least + 1 if own > _ALIKE * loads[least] + _CLEARLY else None

    @contextmanager
    def given(
        self, worker: int | None = None, work: float = 0.0
    ) -> Iterator[Callable[[float], None]]:
        """Count a request for a worker, or for this one, as long as the context lasts.

        What is yielded is to be told how much work there is of it, whenever that changes.
        """
        given, to = self._given[self._me], self._me if worker is None else worker - 1
        counted = 0

        def count(work: float) -> None:
            nonlocal counted
            change = round(work) - counted  # sums of whole numbers do not drift
            given[to] += change
            counted += change

        count(work)
        try:
            yield count
        finally:
            count(0)
