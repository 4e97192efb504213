"""Several workers behind one pair of ports: started, started again when they end, stopped.

This process imports what workers need, and then only waits: it has no thread, no event loop and no
connection, so that a worker can be forked from it at any time and shares its pages. The keeper is
forked too, for what has to outlive a worker.
"""

import gc
import logging
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeAlias

from service.logs import name_worker
from service.settings import usable_cores

_log = logging.getLogger("poselift")

_SHORTEST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0
_SETTLED_S = 30.0
"""A process that ran for as long is started again without delay."""
_LONGEST_S = 3600.0

Announce: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """What one of the processes is to do.

    ``run`` is told how often it ended before and whom to tell once it is ready; its result is the
    exit status. It is to end as soon as nothing is left of ``life``, a pipe.
    """

    name: str
    run: Callable[[int, Announce, int], int]
    number: int = 0
    """Of a worker, from 1."""


def threads_of_each(count: int) -> int:
    """The threads that models may use in each of so many workers."""
    return max(1, usable_cores() // count)


class Supervisor:
    """Runs the keeper and the workers until a signal to stop, or until one cannot start."""

    def __init__(self, keeper: Part, workers: Sequence[Part], stop_s: float) -> None:
        """What has not ended so many seconds after a signal to stop is killed."""
        self._keeper = _Child(keeper)
        self._workers = [_Child(worker) for worker in workers]
        self._stop_s = stop_s
        self._kill_at = math.inf
        self._is_stopping = False
        self._was_ready = False
        self._failed: int | None = None

    def run(self) -> int:
        """Supervise; the exit status."""
        # A collection in a worker would write to the pages of all that was imported.
        gc.collect()
        gc.freeze()
        with _signals() as signals, _life() as life:
            try:
                self._keeper.start(life)
                while not self._is_stopping or self._keeper.is_running or self._workers_running():
                    self._start_due(life)
                    self._look(signals)
                    self._announce()
                    if self._is_stopping and not self._workers_running():
                        self._keeper.tell(signal.SIGTERM)
            finally:
                for child in (*self._workers, self._keeper):
                    child.kill()  # none is there after an orderly end
        if self._failed is None:
            _log.info("stopped")
        return self._failed or 0

    def _workers_running(self) -> bool:
        return any(worker.is_running for worker in self._workers)

    def _to_start(self) -> list["_Child"]:
        """What is to run and does not; the workers only once the keeper was ready."""
        if self._is_stopping:
            return []
        is_kept = self._was_ready or self._keeper.ready is not None
        wanted = [self._keeper, *(self._workers if is_kept else ())]
        return [child for child in wanted if not child.is_running]

    def _start_due(self, life: tuple[int, int]) -> None:
        for child in self._to_start():
            if time.monotonic() >= child.due_at:
                child.start(life)

    def _look(self, signals: socket.socket) -> None:
        """Wait until something happens, and take it in."""
        children = [child for child in (self._keeper, *self._workers) if child.is_running]
        waiting = {child.connection: child for child in children}
        due = [self._kill_at, *(child.due_at for child in self._to_start())]
        found = wait([signals, *waiting], min(max(min(due) - time.monotonic(), 0.0), _LONGEST_S))
        for each in found:
            if each is signals:
                for number in signals.recv(64):
                    self._told(number)
            elif isinstance(each, Connection):
                self._heard(waiting[each])
        if time.monotonic() > self._kill_at:
            for child in children:
                child.kill()

    def _told(self, number: int) -> None:
        """A signal is for the workers; the keeper ends after them."""
        if number != signal.SIGHUP and not self._is_stopping:
            self._is_stopping = True
            self._kill_at = time.monotonic() + self._stop_s
        for worker in self._workers:
            worker.tell(number)

    def _heard(self, child: "_Child") -> None:
        status = child.take_in()
        if status is None or self._is_stopping:
            return
        if self._was_ready:
            said = "%s ended with status %d and is started again in %.1f s"
            _log.error(said, child.part.name, status, child.due_at - time.monotonic())
            return
        self._failed = status if status > 0 else 1
        self._told(signal.SIGTERM)

    def _announce(self) -> None:
        """Say once that all are ready."""
        said = [worker.ready for worker in self._workers]
        if not self._was_ready and said and None not in said:
            self._was_ready = True
            _log.info("ready: %s, %d workers", said[0], len(said))


class _Child:
    """One of the processes, as this one sees it."""

    connection: Connection
    _process: BaseProcess | None = None

    def __init__(self, part: Part) -> None:
        self.part = part
        self.ready: str | None = None
        """What it said when it was ready."""
        self.due_at = 0.0
        """When it may be started again."""
        self._restarts = 0
        self._pause_s = _SHORTEST_PAUSE_S
        self._began_at = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it has been started and its end was not seen."""
        return self._process is not None

    def start(self, life: tuple[int, int]) -> None:
        """Fork it."""
        self.connection, theirs = get_context("fork").Pipe(duplex=False)
        arguments = self.part, self._restarts, theirs, life
        self._process = get_context("fork").Process(target=_run, args=arguments)
        self._began_at = time.monotonic()
        self._process.start()
        _log.info("%s is process %d", self.part.name, self._process.pid)
        theirs.close()

    def take_in(self) -> int | None:
        """What it says, or that it has ended: then its exit status."""
        try:
            self.ready = self.connection.recv()
        except EOFError:
            return self._end()
        return None

    def tell(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            _log.error("%s does not end and is killed", self.part.name)
            self._process.kill()
            self._end()

    def _end(self) -> int:
        assert self._process is not None
        self._process.join()
        status = self._process.exitcode or 0
        self._process, self.ready = None, None
        self.connection.close()
        if time.monotonic() - self._began_at > _SETTLED_S:
            self._pause_s = _SHORTEST_PAUSE_S
        self.due_at = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self._restarts += 1
        return status


def _run(part: Part, restarts: int, ready: Connection, life: tuple[int, int]) -> None:
    """In the process that was forked."""
    alive, held = life
    os.close(held)  # so that this process sees the end of the one that holds it
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGHUP):  # a terminal's come to all; they are passed on
        signal.signal(number, signal.SIG_IGN)
    if part.number:
        name_worker(part.number)
    sys.exit(part.run(restarts, ready.send, alive))


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket with a byte for each signal that comes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        before = signal.set_wakeup_fd(theirs.fileno())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        try:
            yield ours
        finally:
            signal.set_wakeup_fd(before)


@contextmanager
def _life() -> Iterator[tuple[int, int]]:
    """A pipe of which one end is read by all, and the other held by this process alone."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)
