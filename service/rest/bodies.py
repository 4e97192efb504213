"""Request bodies: read within bounds, while watching whether the caller is still there."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from service.gate import CallerLeft
from service.request_errors import DeadlineExceeded, Overloaded, TooLarge, UnsupportedMediaType

T = TypeVar("T")

_SMALL_BODY_BYTES = 1024 * 1024
"""The part of a body that is never refused for want of room."""


class Intake:
    """Reads bodies; those being read and worked on at a time share a budget of bytes.

    Small bodies are free, so that those who send large ones hold up only each other.
    """

    def __init__(self, max_body_bytes: int, budget_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._free_bytes = budget_bytes

    @contextmanager
    def place(self) -> Iterator["Place"]:
        """Room for one body, given back at the end."""
        place = Place(self)
        try:
            yield place
        finally:
            self._free_bytes += place.taken_bytes

    def check(self, size: int) -> None:
        """Refuse a body of this size if it is over the limit, whatever the budget.

        Raises:
            TooLarge: naming the limit.
        """
        if size > self._max_body_bytes:
            raise TooLarge(f"the body is over the limit of {self._max_body_bytes} bytes")

    def take(self, size: int) -> None:
        """Take bytes from the budget.

        Raises:
            Overloaded: so many are not left.
        """
        if size > self._free_bytes:
            raise Overloaded("too many large requests at a time")
        self._free_bytes -= size


class Place:
    """One body's part of an ``Intake``."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.taken_bytes = 0

    async def read(self, request: Request, timeout_s: float) -> bytes:
        """Read the body of a request.

        Raises:
            UnsupportedMediaType: it is compressed.
            TooLarge: it is over the limit; known from its header or as soon as too much has come.
            Overloaded: bodies being worked on leave no room for one so large.
            DeadlineExceeded: it came too slowly.
            CallerLeft: it will not come.
        """
        _refuse_compressed(request)
        self._intake.check(_declared_size(request))
        try:
            async with asyncio.timeout(timeout_s):
                return await self._read(request)
        except TimeoutError:
            raise DeadlineExceeded(f"the body had not arrived after {timeout_s} s") from None
        except ClientDisconnect:
            raise CallerLeft from None

    async def _read(self, request: Request) -> bytes:
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            self._intake.check(size)
            self._reserve(size - _SMALL_BODY_BYTES)
            chunks.append(chunk)
        return b"".join(chunks)

    def _reserve(self, wanted_bytes: int) -> None:
        if wanted_bytes > self.taken_bytes:
            self._intake.take(wanted_bytes - self.taken_bytes)
            self.taken_bytes = wanted_bytes


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


def _refuse_compressed(request: Request) -> None:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", ""}:
        raise UnsupportedMediaType(f"content-encoding: expected none, found {coding[:100]!r}")


def _declared_size(request: Request) -> int:
    declared = request.headers.get("content-length", "0")
    return int(declared) if declared.isdecimal() else 0
