"""What the client does step by step, apart from how it waits: flows, retries and deadlines.

A flow is a generator that yields steps, functions of a transport. ``run`` takes the steps by a
transport that blocks, ``run_async`` by one that is awaited, so that each flow is written once.
"""

import random
import time
from collections.abc import Callable, Generator
from typing import Any, Final, TypeAlias, TypeVar

from poselift.client.errors import DeadlineExceeded, Temporary
from poselift.errors import PoseliftError

T = TypeVar("T")

Step: TypeAlias = Callable[[Any], Any]
"""Something that a transport does; its answer is sent back into the flow."""
Flow: TypeAlias = Generator[Step, Any, T]

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0


def run(flow: Flow[T], transport: object) -> T:
    """Take a flow's steps by a transport that blocks; errors of a step are raised within it."""
    error: PoseliftError | None = None
    answer: Any = None
    while True:
        try:
            step = flow.send(answer) if error is None else flow.throw(error)
        except StopIteration as done:
            result: T = done.value
            return result
        answer, error = None, None
        try:
            answer = step(transport)
        except PoseliftError as raised:
            error = raised


async def run_async(flow: Flow[T], transport: object) -> T:
    """Take a flow's steps by a transport that is awaited."""
    error: PoseliftError | None = None
    answer: Any = None
    while True:
        try:
            step = flow.send(answer) if error is None else flow.throw(error)
        except StopIteration as done:
            result: T = done.value
            return result
        answer, error = None, None
        try:
            answer = await step(transport)
        except PoseliftError as raised:
            error = raised


class Patience:
    """How long a call goes on, and how long it waits before it tries again.

    Waits grow, and are never shorter than the server asks.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._until = time.monotonic() + timeout_s
        self._next_s = _FIRST_WAIT_S

    def left_s(self) -> float:
        """The seconds that are left.

        Raises:
            DeadlineExceeded: there are none.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"no answer within {self._timeout_s:g} s")
        return left

    def pause(self, error: Temporary) -> Flow[None]:
        """Wait after an error; raises it where there is no time left to ask again."""
        # Spread, so that clients of a server that restarts do not come all at once.
        wait_s = self._next_s * random.uniform(0.5, 1)  # noqa: S311 - nothing secret
        wait_s = max(wait_s, error.retry_after_s or 0)
        self._next_s = min(2 * self._next_s, _LONGEST_WAIT_S)
        if time.monotonic() + wait_s >= self._until:
            raise error
        yield lambda transport: transport.sleep(wait_s)
        if time.monotonic() >= self._until:  # it took longer than it should
            raise error


def asked(ask: Callable[[Any, float], Any], timeout_s: float) -> Flow[Any]:
    """Ask until there is an answer: ``ask`` takes a transport and the seconds that are left.

    For questions that change nothing at the server, which may be asked again whatever became of
    them before. They are asked again where the queue is full or the server is not available.
    """
    patience = Patience(timeout_s)
    while True:
        try:
            return (yield lambda transport: ask(transport, patience.left_s()))
        except Temporary as error:
            yield from patience.pause(error)
