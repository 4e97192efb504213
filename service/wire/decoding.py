"""Decoding without holding up other requests.

Parsing JSON is one long call into C that holds Python's lock: 100 ms and more for 4 MB, seconds for
the largest bodies, during which a thread would stall the event loop as surely as no thread. So all
but small bodies are decoded in processes of their own: one for usual bodies and, started when
needed, one for large ones, so that these do not hold up those. Callers have turns at each. What
a hostile body does to memory happens there as well, within bounds, and ends with the process.
"""

import asyncio
import gc
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from poselift.errors import PoseliftError
from service.request_errors import TooLarge, Unavailable
from service.requests import LiftRequest
from service.traces import traced
from service.turns import Turns
from service.validation import Limits
from service.wire.wire_format import WireFormat

T = TypeVar("T")

_log = logging.getLogger(__name__)

_LARGE_BYTES = 4 * 1024 * 1024
"""Bodies above it are large."""
_MEMORY_OF_A_BYTE = 16
"""Numbers in JSON become objects: some eight bytes of them for each of its own. Lists without
anything in them become thirty, and are refused where there are too many of them."""
_OTHER_MEMORY = 512 * 1024 * 1024
_LOOK_S = 0.05


class Decoder:
    """Decodes small bodies at once, and others elsewhere.

    Args:
        limits: of what may be in a body.
        decoded: told where a body was decoded, "here" or "elsewhere", and after how many seconds,
            in which it waited for its turn too.
        ended: told of processes that end by themselves, from any thread.
    """

    def __init__(
        self,
        limits: Limits,
        decoded: Callable[[str, float], None] = lambda *_: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._limits = limits
        self._decoded = decoded
        self._here = Turns(1)
        self._waiting = ThreadPoolExecutor(2, thread_name_prefix="decoding")
        self._usual = _Lane(self._waiting, limits, _LARGE_BYTES, ended, ends_after_each=False)
        # Whatever a large body took is given back at once.
        largest = limits.max_body_bytes
        self._large = _Lane(self._waiting, limits, largest, ended, ends_after_each=True)
        self._preparing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the process for usual bodies, so that none of them waits for it."""
        self._preparing = asyncio.create_task(self._usual.prepare(), name="decoding")

    @traced("decode")
    async def lift_request(self, given: WireFormat, body: bytes, party: str = "") -> LiftRequest:
        """Decode a body.

        Raises:
            TooLarge: decoding it takes more memory than it may.
            PoseliftError: what the format raises.
        """
        return await self.decode(given.decode_lift_request, body, given.inline_bytes, party)

    async def decode(
        self,
        decode: Callable[[bytes, Limits], T],
        body: bytes,
        inline_bytes: int,
        party: str,
    ) -> T:
        """Decode a body: here, if it has no more bytes than that; raises what ``elsewhere`` does.

        One a turn of the event loop, so that many at a time do not hold up others for long.
        """
        if len(body) > inline_bytes:
            return await self.elsewhere(decode, body, party)
        with self._timed("here"):
            async with self._here.turn(party):
                decoded = decode(body, self._limits)
                await asyncio.sleep(0)
        return decoded

    async def elsewhere(
        self, decode: Callable[[bytes, Limits], T], body: bytes, party: str = ""
    ) -> T:
        """Decode a body in another process, which ``decode`` must come through to.

        Raises:
            TooLarge: decoding it takes more memory than it may.
            PoseliftError: what ``decode`` raises.
        """
        lane = self._large if len(body) > _LARGE_BYTES else self._usual
        with self._timed("elsewhere"):
            return await lane.decode(decode, body, party)

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        if self._preparing is not None:
            self._preparing.cancel()
        self._waiting.shutdown(wait=False, cancel_futures=True)
        self._usual.close()
        self._large.close()

    @contextmanager
    def _timed(self, where: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._decoded(where, time.perf_counter() - started)


class _Lane:
    """A process, and the bodies that wait for it."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        limits: Limits,
        largest: int,
        ended: Callable[[], None],
        ends_after_each: bool,
    ) -> None:
        self._threads = threads
        self._ended = ended
        self._limits = limits
        self._memory_bytes = _OTHER_MEMORY + _MEMORY_OF_A_BYTE * largest
        self._ends_after_each = ends_after_each
        self._turns = Turns(1)
        self._process: _DecodingProcess | None = None
        self._is_closed = False
        self._is_given_up = False
        """Whether the caller of what is being decoded has gone, and it is not to be finished."""

    async def prepare(self) -> None:
        """Start the process."""
        loop = asyncio.get_running_loop()
        async with self._turns.turn(""):
            await loop.run_in_executor(self._threads, self._running_process)

    async def decode(self, decode: Callable[[bytes, Limits], T], body: bytes, party: str) -> T:
        """Wait for a turn and decode a body; a large one, given up, is not decoded to its end."""
        loop = asyncio.get_running_loop()
        async with self._turns.turn(party):
            self._is_given_up = False
            # What is logged there has the request's id.
            work = partial(copy_context().run, self._decode, decode, body)
            decoding = loop.run_in_executor(self._threads, work)
            try:
                return await asyncio.shield(decoding)
            except asyncio.CancelledError:
                await self._give_up(decoding)
                raise

    def close(self) -> None:
        """End the process."""
        self._is_closed = True
        self._end_process()

    async def _give_up(self, decoding: "asyncio.Future[T]") -> None:
        """Let others have their turn, once what is decoded for a caller who has gone is ended."""
        self._is_given_up = self._ends_after_each
        if self._is_given_up and self._process is not None:
            self._process.kill()
        await asyncio.gather(decoding, return_exceptions=True)

    def _decode(self, decode: Callable[[bytes, Limits], T], body: bytes) -> T:
        """In a thread: a body whose process was ended has a second one, in case it was not why."""
        try:
            return self._attempt(decode, body)
        except (EOFError, OSError):
            if self._is_given_up:
                raise
            _log.warning("a decoding process ended; what it was at is tried once more")
        try:
            return self._attempt(decode, body)
        except (EOFError, OSError):
            raise TooLarge("decoding the body ended two processes") from None

    def _attempt(self, decode: Callable[[bytes, Limits], T], body: bytes) -> T:
        process = self._running_process()
        try:
            return process.decode(decode, body)
        except (EOFError, OSError):
            self._lose(process)
            raise
        finally:
            if self._ends_after_each:
                self._end_process()

    def _running_process(self) -> "_DecodingProcess":
        if self._process is not None and not self._process.is_alive:
            self._lose(self._process)  # it ended while it had nothing to do
        process = self._process = self._process or _DecodingProcess(
            self._limits, self._memory_bytes
        )
        if self._is_closed or self._is_given_up:  # perhaps while the process was being started
            process.kill()
            raise Unavailable("decoding has ended")
        return process

    def _lose(self, process: "_DecodingProcess") -> None:
        if not process.was_killed:
            self._ended()
        self._end_process()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()


class _DecodingProcess:
    """The process, and this end of the connection to it."""

    def __init__(self, limits: Limits, memory_bytes: int) -> None:
        spawn = get_context("spawn")
        self._connection: Connection
        self._connection, theirs = spawn.Pipe()
        self._memory_bytes = memory_bytes
        self.was_killed = False
        """Whether it was ended from here."""
        arguments = (theirs, limits)
        self._process = spawn.Process(target=_decode_until_closed, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # only the process has it open now, so that its end is seen here

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def decode(self, decode: Callable[[bytes, Limits], T], body: bytes) -> T:
        """Decode a body.

        Raises:
            TooLarge: it took more memory than it may, and the process is not to be used again.
            EOFError, OSError: the process has ended.
        """
        self._connection.send(decode)
        self._connection.send_bytes(body)
        # Bounded from within, an allocation would fail, which parsers written in C do not survive.
        while not self._connection.poll(_LOOK_S):
            if _resident_bytes(self._process.pid) > self._memory_bytes:
                self.kill()
                raise TooLarge("decoding the body takes more memory than it may")
        outcome: T | Exception = self._connection.recv()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def kill(self) -> None:
        """End it; a ``decode`` in another thread raises."""
        self.was_killed = True
        self._process.kill()


def _decode_until_closed(pipe: Connection, limits: Limits) -> None:
    """What the process runs: each function and body is answered with a result, or an error."""
    # Ctrl-C is for the parent, which drains first; so is the end of a terminal.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Nested lists hold no cycles, and looking for some took longer than decoding did.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        pipe.send(_decoded(pipe, limits))
        # What is left now are modules, the last ones from the first body: looking through them took
        # 60 ms for each body.
        gc.collect()
        gc.freeze()


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


def _resident_bytes(pid: int | None) -> int:
    """The memory of a process; 0 where the system does not tell."""
    try:
        resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(resident) * os.sysconf("SC_PAGE_SIZE")


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
