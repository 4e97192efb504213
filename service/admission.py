"""Admission of requests: accepting, authenticated, given a deadline and counted.

The middleware of HTTP and WebSocket and the interceptor of gRPC call it before they read a body.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from service.callers import Caller
from service.context import ServiceContext, ServiceState
from service.error_table import kind_of
from service.request_errors import DeadlineExceeded, Unavailable

T = TypeVar("T")


class CallerLeft(Exception):
    """The caller no longer waits for the answer."""


class Deadline:
    """The one moment at which a request is given up: reading, decoding, lifting and encoding."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._at = asyncio.get_running_loop().time() + timeout_s

    def remaining_s(self) -> float:
        """Seconds until then."""
        return self._at - asyncio.get_running_loop().time()

    async def bound(self, work: Awaitable[T]) -> T:
        """Do the work, but no longer than until then.

        Raises:
            DeadlineExceeded: it was not done.
        """
        try:
            async with asyncio.timeout_at(self._at) as timer:
                return await work
        except TimeoutError:
            if not timer.expired():
                raise
            raise DeadlineExceeded(f"no answer within {self._timeout_s:.3g} s") from None


@dataclass(frozen=True)
class Admitted:
    """A request that may be worked on."""

    caller: Caller
    deadline: Deadline


@contextmanager
def admitted(
    context: ServiceContext,
    transport: str,
    operation: str,
    api_key: str | None,
    remaining_s: float | None = None,
) -> Iterator[Admitted]:
    """Let a request in, and count how it went.

    Args:
        context: the service.
        transport: the metrics' label, and ``operation`` too.
        operation: what is asked for.
        api_key: the key that came with the request.
        remaining_s: how long the caller waits, where they say it.

    Raises:
        Unavailable: the service is starting or stopping.
        Unauthenticated: an API key is needed.
        Forbidden: this API key is not known.
    """
    started, outcome = time.perf_counter(), "ok"
    try:
        _check_accepting(context.state)
        caller = context.callers.authenticated(api_key)
        longest_s = context.request_timeout_s
        yield Admitted(
            caller, Deadline(longest_s if remaining_s is None else min(remaining_s, longest_s))
        )
    except BaseException as error:
        outcome = _outcome(error)
        raise
    finally:
        seconds = time.perf_counter() - started
        context.metrics.request_answered(transport, operation, outcome, seconds)


def _check_accepting(state: ServiceState) -> None:
    if not state.accepting:
        raise Unavailable("the service is starting or shutting down")


def _outcome(error: BaseException) -> str:
    if isinstance(error, (asyncio.CancelledError, CallerLeft)):
        return "cancelled"
    return kind_of(error).slug
