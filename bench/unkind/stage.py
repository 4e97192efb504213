"""A service with two callers, and what probes see of it meanwhile."""

import http.client
import multiprocessing
import re
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.unkind.attacks import raise_descriptors
from bench.unkind.callers import HONEST, UNKIND
from tests.serving import ServiceProcess, descendants, service_process

_MODELS = Path(__file__).parents[2] / "poselift" / "models"
_PROBE_S = 0.1
_PROBE_TIMEOUT_S = 60.0


@dataclass
class Stage:
    """A running service and those who watch it."""

    service: ServiceProcess
    began_bytes: int

    @property
    def port(self) -> int:
        """Of HTTP."""
        return self.service.http_port

    @property
    def grpc_port(self) -> int:
        """Of gRPC."""
        return self.service.grpc_port

    @property
    def family(self) -> list[int]:
        """The service's processes."""
        return [self.service.process.pid, *descendants(self.service.process.pid)]

    @property
    def more_mb(self) -> float:
        """The memory of all processes of the service beyond what it began with."""
        return (resident_bytes(self.family) - self.began_bytes) / 1e6

    def metric(self, name: str) -> float:
        """A metric, with its labels, as Prometheus reads it; 0 where it is not told."""
        _, text = asked(self.service.management_port, "/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    @property
    def connections(self) -> float:
        """Those to the port of HTTP, the probes' own included."""
        return self.metric("poselift_http_connections")

    @property
    def handlers(self) -> float:
        """How many requests are in progress."""
        return self.metric("poselift_requests_in_progress")

    def refused(self, reason: str) -> int:
        """How many requests were refused for this reason."""
        return int(self.metric(f'poselift_overloaded_requests_total{{reason="{reason}"}}'))


def seconds_until(condition: Callable[[], bool], longest_s: float = 120.0) -> float:
    """Wait until something is so, and no longer than that; how long it took."""
    began = time.monotonic()
    while not condition() and time.monotonic() - began < longest_s:
        time.sleep(0.1)
    return time.monotonic() - began


class Watch:
    """A thread that probes a service; the slowest answers of each port, and the most memory."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._is_over = threading.Event()
        self.worst_s: dict[str, float] = defaultdict(float)
        self.failures: dict[str, int] = defaultdict(int)
        self.peak_mb = 0.0

    def watch(self) -> None:
        """Probe until it is over, each time over a new connection."""
        service = self._stage.service
        while not self._is_over.wait(_PROBE_S):
            self._probe("management", service.management_port, "/healthz")
            self._probe("management", service.management_port, "/metrics")
            self._probe("requests", service.http_port, "/healthz")
            self.peak_mb = max(self.peak_mb, self._stage.more_mb)

    def end(self) -> None:
        """Probe no more."""
        self._is_over.set()

    def _probe(self, name: str, port: int, path: str) -> None:
        began = time.perf_counter()
        try:
            status, _ = asked(port, path)
        except OSError:
            status = 0
        if self._is_over.is_set():
            return  # perhaps it just ends
        self.worst_s[name] = max(self.worst_s[name], time.perf_counter() - began)
        self.failures[name] += status != http.client.OK

    def __str__(self) -> str:
        """The slowest answers of the probes, for people."""
        told = []
        for name, worst_s in self.worst_s.items():
            failed = f", {self.failures[name]} failed" if self.failures[name] else ""
            told.append(f"{name} {1000 * worst_s:.0f} ms{failed}")
        return f"slowest probes: {', '.join(told)}"


@contextmanager
def staged(**settings: str) -> Iterator[tuple[Stage, Watch]]:
    """A service with its own defaults but for these settings, and the bundled models."""
    raise_descriptors()
    ours = {"API_KEYS": f"{HONEST},{UNKIND}", "MANAGEMENT_PORT": "0", "PROVIDERS": "cpu"}
    ours |= {"MAX_WAIT_S": "0.2", "MAX_LIVE_LATENESS": "0.7", **settings}
    with service_process(_MODELS, **ours) as service:
        stage = Stage(service, 0)
        stage.began_bytes = resident_bytes(stage.family)
        watch = Watch(stage)
        watching = threading.Thread(target=watch.watch, daemon=True)
        watching.start()
        try:
            yield stage, watch
        finally:
            watch.end()
            watching.join()


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
    """Status and body of an answer to an honest caller without a key."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def resident_bytes(pids: list[int]) -> int:
    """The memory of processes; those that have ended have none."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total * resource.getpagesize()


def milliseconds(seconds: list[float]) -> str:
    """Median and 99th percentile, for people."""
    if not seconds:
        return "none answered"
    p50, p99 = 1000 * np.quantile(seconds, (0.5, 0.99))
    return f"p50 {p50:.0f}, p99 {p99:.0f} ms"
