"""Decoding without holding up other requests.

Parsing JSON is one long call into C that holds Python's lock: 100 ms and more for 4 MB, seconds for
the largest bodies, during which a thread would stall the event loop as surely as no thread. So
large bodies are decoded in a process of their own, started when the first one arrives. What a
hostile body does to memory happens there as well.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from service.request_errors import TooLarge
from service.requests import LiftRequest
from service.validation import Limits
from service.wire.codecs import Codec

_ATTEMPTS = 2


class Decoder:
    """Decodes small bodies at once and large ones elsewhere."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool: ProcessPoolExecutor | None = None

    async def lift_request(self, codec: Codec, body: bytes) -> LiftRequest:
        """Decode a body.

        Raises:
            TooLarge: decoding it took more memory than there is.
            PoseliftError: what the codec raises.
        """
        if len(body) <= codec.inline_bytes:
            return codec.decode(body, self._limits)
        for _ in range(_ATTEMPTS):
            pool = self._running_pool()
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    pool, _decode_here, codec, body, self._limits
                )
            except BrokenProcessPool:
                # Another body may have been the end of the process; this one has a second try.
                if self._pool is pool:
                    self._pool = None
        raise TooLarge("decoding the body takes more memory than there is")

    def close(self) -> None:
        """End the process."""
        if self._pool is None:
            return
        processes = list((self._pool._processes or {}).values())
        results = self._pool._result_queue
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()  # else what it decodes for nobody would hold up our end
        # A result cut off in the middle ends for its reader only once nobody can write any more.
        results._writer.close()  # type: ignore[attr-defined]
        self._pool = None

    def _running_pool(self) -> ProcessPoolExecutor:
        # One process: large bodies wait for each other, which bounds the memory they take.
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_settle_in
            )
        return self._pool


def _settle_in() -> None:
    """Prepare the decoding process: it leaves Ctrl-C to its parent and ends when that does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nested lists hold no cycles, and looking for some took longer than decoding did.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)


def _decode_here(codec: Codec, body: bytes, limits: Limits) -> LiftRequest:
    try:
        return codec.decode(body, limits)
    finally:
        gc.collect()
