"""Turns at work of which only a little can be done at a time."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Gives out turns: parties that wait come one after the other, however much each has to do."""

    def __init__(self, places: int, places_of_one: int | None = None) -> None:
        """So many turns at a time, and so many of one party."""
        self._free = places
        self._places_of_one = places_of_one or places
        self._taken: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, party: str) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the context."""
        if self._may_begin(party):
            self._begin(party)
        else:
            await self._wait(party)
        try:
            yield
        finally:
            self._end(party)

    async def _wait(self, party: str) -> None:
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():  # the turn came just now
                self._end(party)
            raise

    def _may_begin(self, party: str) -> bool:
        return self._free > 0 and self._taken[party] < self._places_of_one

    def _begin(self, party: str) -> None:
        self._free -= 1
        self._taken[party] += 1

    def _end(self, party: str) -> None:
        self._free += 1
        self._taken[party] -= 1
        if not self._taken[party]:
            del self._taken[party]
        for waiting in list(self._waiting):
            if self._may_begin(waiting):
                self._call(waiting)

    def _call(self, party: str) -> None:
        """Give a party a turn; it goes behind the others."""
        queue = self._waiting[party]
        while queue and (called := queue.popleft()):
            if not called.done():
                self._begin(party)
                called.set_result(None)
                break
        if queue:
            self._waiting.move_to_end(party)
        else:
            del self._waiting[party]
