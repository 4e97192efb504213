"""What many may ask for at a time: it is made once for all who ask before that begins."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_REST = 3
"""After it was made, the next one begins after so many times as long,"""
_LONGEST_REST_S = 0.2
"""but no later than this."""


class Latest(Generic[T]):
    """What takes some work to make: one at a time, and each is made after it was asked for.

    Who asks for metrics or probes again and again so takes some quarter of a processor.
    """

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._in_turn = asyncio.Lock()
        self._next: asyncio.Task[T] | None = None
        self._rested_at = 0.0

    async def __call__(self) -> T:
        """The next one; raises what making it raises."""
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._made())
            self._next.add_done_callback(_seen)
        return await asyncio.shield(self._next)  # others wait for it where one has gone

    async def _made(self) -> T:
        clock = asyncio.get_running_loop().time
        async with self._in_turn:
            await asyncio.sleep(max(0.0, self._rested_at - clock()))
            self._next = None
            began_at = clock()
            try:
                return await self._make()
            finally:
                rest_s = _REST * (clock() - began_at)
                self._rested_at = clock() + min(rest_s, _LONGEST_REST_S)


def _seen(made: asyncio.Task[Any]) -> None:
    """It may have failed when all who asked had gone."""
    if not made.cancelled():
        made.exception()
