"""Blocking transports over awaited ones, which run on an event loop in a thread.

A blocking socket's timeout is for each operation: an answer that comes in many small pieces would
have no end. What is awaited has one deadline.
"""

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from poselift.client.transport import AsyncConnection, AsyncTransport

T = TypeVar("T")


class BlockingTransport:
    """A ``Transport`` by an ``AsyncTransport``, which ``make`` makes."""

    def __init__(self, make: Callable[[], AsyncTransport]) -> None:
        self._make = make
        self._awaited = make()
        self._loop = LoopThread(self._awaited.close)
        self._process = os.getpid()

    def lift(self, body: bytes, timeout_s: float) -> bytes:
        """See ``Transport``."""
        awaited = self._own()
        return self._loop.run(awaited.lift(body, timeout_s))

    def models(self, timeout_s: float) -> list[dict[str, Any]]:
        """See ``Transport``."""
        awaited = self._own()
        return self._loop.run(awaited.models(timeout_s))

    def stream(self) -> "BlockingConnection":
        """See ``Transport``."""
        return BlockingConnection(self._own().stream())

    def sleep(self, seconds: float) -> None:
        """See ``Transport``."""
        time.sleep(seconds)

    def close(self) -> None:
        """See ``Transport``."""
        self._own()
        self._loop.close()

    def _own(self) -> AsyncTransport:
        """This process's: connections are not shared with the one that it was forked from."""
        if self._process != os.getpid():
            self._process, self._awaited = os.getpid(), self._make()
            self._loop = LoopThread(self._awaited.close)
        return self._awaited


class BlockingConnection:
    """A ``Connection`` by an ``AsyncConnection``; its thread ends when it is disconnected."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._awaited = connection
        self._loop = LoopThread(connection.disconnect)

    def connect(self, timeout_s: float) -> None:
        """See ``Connection``."""
        self._loop.run(self._awaited.connect(timeout_s))

    def send(self, message: bytes, timeout_s: float) -> None:
        """See ``Connection``."""
        self._loop.run(self._awaited.send(message, timeout_s))

    def receive(self, timeout_s: float) -> bytes | None:
        """See ``Connection``."""
        return self._loop.run(self._awaited.receive(timeout_s))

    def disconnect(self) -> None:
        """See ``Connection``."""
        self._loop.close()

    def sleep(self, seconds: float) -> None:
        """See ``Connection``."""
        time.sleep(seconds)


class LoopThread:
    """An event loop in a thread, for callers that block; started when it is first needed.

    ``last`` is awaited at its end, which comes by ``close``, or when nothing refers to this any
    more.
    """

    def __init__(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._last = last
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work; raises what it raises."""
        future = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return future.result()
        except BaseException:
            future.cancel()  # a caller who was interrupted waits no longer
            raise

    def close(self) -> None:
        """End the thread, if there is one; ``run`` starts another."""
        with self._starting:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            _stop(loop)
            thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run, args=(self._loop, self._last), name="poselift client", daemon=True
                )
                self._thread.start()
                weakref.finalize(self, _stop, self._loop)
            return self._loop


def _run(loop: asyncio.AbstractEventLoop, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(last())
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
