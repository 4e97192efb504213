"""Request bodies: read within bounds, while watching whether the caller is still there."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request
from starlette.types import Message, Receive

from service.admission import CallerLeft
from service.body_memory import Lease
from service.request_errors import DeadlineExceeded

T = TypeVar("T")

PATIENCE_S = 10.0
SLOWEST_BYTES_PER_S = 4 * 1024
"""A body may take as long, and as much longer as it has bytes."""


class BoundedBody:
    """Takes the place of a request's ``receive``: its body grows no larger than its lease, if any.

    Raises what ``Lease.extend`` raises, ``DeadlineExceeded`` where it comes too slowly, and
    ``CallerLeft`` where the rest will not come.
    """

    def __init__(
        self, receive: Receive, lease: Lease | None, patience_s: float = PATIENCE_S
    ) -> None:
        self._receive = receive
        self._lease = lease
        self._size = 0
        self._is_whole = False
        self._late_at = asyncio.get_running_loop().time() + patience_s

    async def __call__(self) -> Message:
        """The next event."""
        event = await (self._receive() if self._is_whole else self._in_time())
        if event["type"] == "http.request":
            self._size += len(event.get("body", b""))
            if self._lease is not None:
                self._lease.extend(self._size)
            self._is_whole = not event.get("more_body", False)
        elif not self._is_whole:
            raise CallerLeft
        return event

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout_at(self._late_at + self._size / SLOWEST_BYTES_PER_S):
                return await self._receive()
        except TimeoutError:
            raise DeadlineExceeded("the body came too slowly") from None


async def unless_caller_leaves(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, but give it up as soon as the caller has gone; the body must have been read.

    Raises:
        CallerLeft: they have.
    """
    task, left = asyncio.create_task(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallerLeft
        return task.result()
    finally:
        task.cancel()
        left.cancel()
        await asyncio.gather(task, left, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
