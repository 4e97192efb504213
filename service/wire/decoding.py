"""Decoding without holding up other requests.

Parsing JSON is one long call into C that holds Python's lock: 100 ms and more for 4 MB, seconds for
the largest bodies, during which a thread would stall the event loop as surely as no thread. So
large bodies are decoded in a process of their own, started when the first one arrives. What a
hostile body does to memory happens there as well.
"""

import asyncio
import gc
import os
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from typing import TypeVar

from poselift.errors import PoseliftError
from service.request_errors import TooLarge, Unavailable
from service.requests import LiftRequest
from service.validation import Limits
from service.wire.wire_format import WireFormat

T = TypeVar("T")

_ATTEMPTS = 2
"""The process may have ended before this body came; then the second attempt is its first."""


class Decoder:
    """Decodes small bodies at once and large ones elsewhere, one after the other."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # One thread waits for one process: that bounds the memory that large bodies take.
        self._waiting = ThreadPoolExecutor(1, thread_name_prefix="decoding")
        self._process: _DecodingProcess | None = None
        self._is_closed = False

    async def lift_request(self, given: WireFormat, body: bytes) -> LiftRequest:
        """Decode a body.

        Raises:
            TooLarge: decoding it took more memory than there is.
            PoseliftError: what the format raises.
        """
        if len(body) <= given.inline_bytes:
            return given.decode_lift_request(body, self._limits)
        return await self.elsewhere(given.decode_lift_request, body)

    async def elsewhere(self, decode: Callable[[bytes, Limits], T], body: bytes) -> T:
        """Decode a body in the other process, which ``decode`` must come through to.

        Raises:
            TooLarge: decoding it took more memory than there is.
            PoseliftError: what ``decode`` raises.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._waiting, self._decode_elsewhere, decode, body)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._is_closed = True
        self._waiting.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.kill()

    def _decode_elsewhere(self, decode: Callable[[bytes, Limits], T], body: bytes) -> T:
        for _ in range(_ATTEMPTS):
            process = self._process = self._process or _DecodingProcess(self._limits)
            if self._is_closed:  # perhaps while the process was being started
                process.kill()
                raise Unavailable("the service is shutting down")
            with suppress(EOFError, OSError):
                return process.decode(decode, body)
            process.kill()
            self._process = None
        raise TooLarge("decoding the body takes more memory than there is")


class _DecodingProcess:
    """The process, and this end of the connection to it."""

    def __init__(self, limits: Limits) -> None:
        spawn = get_context("spawn")
        self._connection: Connection
        self._connection, theirs = spawn.Pipe()
        arguments = (theirs, limits)
        self._process = spawn.Process(target=_decode_until_closed, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # only the process has it open now, so that its end is seen here

    def decode(self, decode: Callable[[bytes, Limits], T], body: bytes) -> T:
        """Decode a body; raises EOFError or OSError if the process ends."""
        self._connection.send(decode)
        self._connection.send_bytes(body)
        outcome: T | Exception = self._connection.recv()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def kill(self) -> None:
        """End it; a ``decode`` in another thread raises."""
        self._process.kill()


def _decode_until_closed(pipe: Connection, limits: Limits) -> None:
    """What the process runs: each function and body is answered with a result, or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which drains first
    # Nested lists hold no cycles, and looking for some took longer than decoding did.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        pipe.send(_decoded(pipe, limits))
        gc.collect()


def _decoded(pipe: Connection, limits: Limits) -> object:
    try:
        decode = pipe.recv()
        decoded: object = decode(pipe.recv_bytes(), limits)
    except EOFError:
        raise SystemExit from None
    except PoseliftError as error:
        return error
    except Exception as error:
        error.add_note(traceback.format_exc())  # tracebacks do not come through the pipe
        return error
    return decoded


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
