"""Decoding without holding up other requests.

Parsing JSON is one long call into C that holds Python's lock: 100 ms and more for 4 MB, seconds for
the largest bodies, during which a thread would stall the event loop as surely as no thread. So
large bodies are decoded in a process of their own, started when the first one arrives. What a
hostile body does to memory happens there as well.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from service.request_errors import TooLarge, Unavailable
from service.requests import LiftRequest
from service.validation import Limits
from service.wire.decoding_process import decode_until_closed
from service.wire.wire_format import WireFormat

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
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._waiting, self._decode_elsewhere, given, body)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._is_closed = True
        self._waiting.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.kill()

    def _decode_elsewhere(self, given: WireFormat, body: bytes) -> LiftRequest:
        for _ in range(_ATTEMPTS):
            with suppress(EOFError, OSError):
                return self._running().decode(given, body)
            self._end_process()
        raise TooLarge("decoding the body takes more memory than there is")

    def _running(self) -> "_DecodingProcess":
        if self._process is None and not self._is_closed:
            self._process = _DecodingProcess(self._limits)
        if self._process is None or self._is_closed:  # perhaps while it was being started
            self._end_process()
            raise Unavailable("the service is shutting down")
        return self._process

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None


class _DecodingProcess:
    """The process, and our end of the pipe to it."""

    def __init__(self, limits: Limits) -> None:
        spawn = get_context("spawn")
        self._pipe: Connection
        self._pipe, theirs = spawn.Pipe()
        self._process: BaseProcess = spawn.Process(
            target=decode_until_closed, args=(theirs, limits), name="decoding", daemon=True
        )
        self._process.start()
        theirs.close()  # theirs alone is open now, so that its end is seen here

    def decode(self, given: WireFormat, body: bytes) -> LiftRequest:
        """Decode a body.

        Raises:
            EOFError, OSError: the process has ended.
            PoseliftError: what the format raises.
        """
        self._pipe.send(given)
        self._pipe.send_bytes(body)
        outcome: LiftRequest | Exception = self._pipe.recv()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def kill(self) -> None:
        """End it; whoever waits in ``decode`` is told."""
        self._process.kill()

    def join(self) -> None:
        """Wait for its end, and close the pipe."""
        self._process.join()
        self._pipe.close()
