"""What many may ask for at a time: it is made once for all who ask before that begins."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_GATHER_S = 0.02
"""How long more may ask for the same."""


class Latest:
    """What takes some work to make, one at a time, and is never older than the question.

    Metrics take some milliseconds: who asks for them again and again would hold up all else.
    """

    def __init__(self, make: Callable[[], Coroutine[Any, Any, bytes]]) -> None:
        self._make = make
        self._in_turn = asyncio.Lock()
        self._next: asyncio.Task[bytes] | None = None

    async def __call__(self) -> bytes:
        """The next one; raises what making it raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._made())
        return await asyncio.shield(self._next)  # others wait for it where one has gone

    async def _made(self) -> bytes:
        async with self._in_turn:
            await asyncio.sleep(_GATHER_S)
            self._next = None
            return await self._make()
