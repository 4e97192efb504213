"""What probes see of a service, from a process of their own, and what its processes take."""

import http.client
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from pathlib import Path
from resource import getpagesize
from typing import NamedTuple

from tests.serving import descendants

_PROBE_S = 0.1
_TIMEOUT_S = 60.0
_IDLE_S = 3.0


class Seen(NamedTuple):
    """One probe's answer, and the memory of all processes of the service at the time."""

    name: str
    took_s: float
    status: int
    resident_bytes: int


def probe(pid: int, management_port: int, port: int, seen: "Queue[Seen]") -> None:
    """Probe both ports until killed, each time over a new connection."""
    probes = [
        ("management", management_port, "/healthz"),
        ("management", management_port, "/metrics"),
    ]
    probes += [("requests", port, "/healthz")]
    while True:
        for name, asked_port, path in probes:
            began = time.perf_counter()
            try:
                status, _ = asked(asked_port, path)
            except OSError:
                status = 0
            seen.put(Seen(name, time.perf_counter() - began, status, resident_bytes(pid)))
        time.sleep(_PROBE_S)


class Watch:
    """All that was seen since it began; what comes once it has ended is not looked at."""

    def __init__(self, pid: int, management_port: int, port: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._seen: Queue[Seen] = spawn.Queue()
        arguments = (pid, management_port, port, self._seen)
        self._process = spawn.Process(target=probe, args=arguments, daemon=True)
        self._process.start()
        self._known = [self._seen.get()]
        time.sleep(_IDLE_S)
        self._idle = _worst(self._all())
        self._known.clear()

    def end(self) -> None:
        """Probe no more."""
        self._all()
        self._process.kill()
        self._process.join()

    @property
    def peak_bytes(self) -> int:
        """The most memory that the service took."""
        return max((each.resident_bytes for each in self._all()), default=0)

    def __str__(self) -> str:
        """The slowest answers of the probes, for people."""
        told = []
        for name, worst_s in _worst(self._all()).items():
            failed = sum(each.status != http.client.OK for each in self._known if each.name == name)
            idle = f" (idle {1000 * self._idle[name]:.0f})"
            told.append(
                f"{name} {1000 * worst_s:.0f} ms{idle}{f', {failed} failed' * bool(failed)}"
            )
        return f"slowest probes: {', '.join(told)}"

    def _all(self) -> list[Seen]:
        while not self._seen.empty():
            self._known.append(self._seen.get())
        return self._known


@contextmanager
def beside(work: Callable[..., None], *arguments: object) -> Iterator[None]:
    """Have a process of its own do this meanwhile, so that it delays no one but the service."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def asked(port: int, path: str) -> tuple[int, str]:
    """Status and body of an answer to a caller without a key."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def resident_bytes(pid: int) -> int:
    """The memory of a process and those below it."""
    pages = 0
    for each in (pid, *descendants(pid)):
        try:
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
        except (OSError, IndexError):  # it has ended
            continue
    return pages * getpagesize()


def _worst(seen: list[Seen]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for each in seen:
        found[each.name] = max(found[each.name], each.took_s)
    return found
