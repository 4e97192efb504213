"""A service with two callers, and what probes see of it meanwhile."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.unkind.attacks import raise_descriptors
from bench.unkind.callers import HONEST, UNKIND
from bench.unkind.probes import Watch, asked, resident_bytes
from tests.serving import ServiceProcess, service_process

_MODELS = Path(__file__).parents[2] / "poselift" / "models"


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

    def more_mb(self, watch: Watch | None = None) -> float:
        """The memory beyond what it began with: now, or the most that was seen."""
        now = watch.peak_bytes if watch else resident_bytes(self.service.process.pid)
        return (now - self.began_bytes) / 1e6

    def metric(self, name: str) -> float:
        """A metric, with its labels, as Prometheus reads it; 0 where it is not told."""
        _, text = asked(self.service.management_port, "/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    @property
    def descriptors(self) -> int:
        """Files that the service has open, connections to both ports among them."""
        return len(list(Path(f"/proc/{self.service.process.pid}/fd").iterdir()))

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


@contextmanager
def staged(**settings: str) -> Iterator[tuple[Stage, Watch]]:
    """A service with its own defaults but for these settings, and the bundled models."""
    raise_descriptors()
    ours = {"API_KEYS": f"{HONEST},{UNKIND}", "MANAGEMENT_PORT": "0", "PROVIDERS": "cpu"}
    ours |= {"MAX_WAIT_S": "0.1", "MAX_LIVE_LATENESS": "0.7", **settings}
    with service_process(_MODELS, **ours) as service:
        stage = Stage(service, resident_bytes(service.process.pid))
        watch = Watch(service.process.pid, service.management_port, service.http_port)
        try:
            yield stage, watch
        finally:
            watch.end()


def milliseconds(seconds: list[float]) -> str:
    """Median and 99th percentile, for people."""
    if not seconds:
        return "none answered"
    p50, p99 = 1000 * np.quantile(seconds, (0.5, 0.99))
    return f"p50 {p50:.0f}, p99 {p99:.0f} ms"
