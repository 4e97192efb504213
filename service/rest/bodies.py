"""Request bodies: read within bounds, while watching whether the caller is still there."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from starlette.types import Message, Receive

from service.admission import CallerLeft
from service.request_errors import Overloaded, TooLarge

T = TypeVar("T")

_SMALL_BODY_BYTES = 1024 * 1024
"""The part of a body that is never refused for want of room."""


class MemoryBudget:
    """Bytes that bodies share which are read and worked on at the same time.

    Small bodies are free, so that those who send large ones hold up only each other.
    """

    def __init__(self, max_body_bytes: int, budget_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self.free_bytes = budget_bytes

    @contextmanager
    def lease(self) -> Iterator["Lease"]:
        """Room for one body, given back at the end."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            self.free_bytes += lease.taken_bytes

    def check(self, size: int) -> None:
        """Refuse a body of this size if it is over the limit, whatever the budget.

        Raises:
            TooLarge: naming the limit.
        """
        if size > self._max_body_bytes:
            raise TooLarge(f"the body is over the limit of {self._max_body_bytes} bytes")


@dataclass
class Lease:
    """One body's part of a ``MemoryBudget``."""

    budget: MemoryBudget
    taken_bytes: int = 0

    def extend(self, size: int) -> None:
        """Make room for a body that has grown to this size.

        Raises:
            TooLarge: it is over the limit.
            Overloaded: bodies being worked on leave no room for one so large.
        """
        self.budget.check(size)
        more_bytes = max(size - _SMALL_BODY_BYTES - self.taken_bytes, 0)
        if more_bytes > self.budget.free_bytes:
            raise Overloaded("too many large requests at a time")
        self.budget.free_bytes -= more_bytes
        self.taken_bytes += more_bytes


class BoundedBody:
    """Takes the place of a request's ``receive``: its body grows no larger than its lease.

    Raises what ``Lease.extend`` raises, and ``CallerLeft`` where the rest will not come.
    """

    def __init__(self, receive: Receive, lease: Lease) -> None:
        self._receive = receive
        self._lease = lease
        self._size = 0
        self._is_whole = False

    async def __call__(self) -> Message:
        """The next event."""
        event = await self._receive()
        if event["type"] == "http.request":
            self._size += len(event.get("body", b""))
            self._lease.extend(self._size)
            self._is_whole = not event.get("more_body", False)
        elif not self._is_whole:
            raise CallerLeft
        return event


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
