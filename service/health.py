"""What the process says about itself to probes, over any transport and from any thread."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from service.request_errors import Unavailable

_BEAT_S = 0.25
_REMEMBERED_BEATS = 60
"""A scrape every 15 s misses none of them."""

PROBES = ("/healthz", "/readyz")
"""Paths that load balancers ask, some by HEAD."""

READY_SAID = "Whether new requests should be sent here: 1 or 0."
DEGRADED_SAID = "Whether its work, or a part of it, does not go, as /readyz says: 1 or 0."


class Pulse:
    """How late the event loop is. It beats on that loop; any thread may ask."""

    def __init__(self) -> None:
        self._due_at: float | None = None
        self._lags_s: deque[float] = deque([0.0], maxlen=_REMEMBERED_BEATS)

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self._due_at = time.monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self._lags_s.append(max(time.monotonic() - self._due_at, 0.0))

    @property
    def late_s(self) -> float:
        """How long a beat is overdue; 0 where none is, or before the first."""
        return 0.0 if self._due_at is None else max(time.monotonic() - self._due_at, 0.0)

    @property
    def worst_s(self) -> float:
        """The latest that a beat came among the last ones, the one that is due included."""
        return max(*tuple(self._lags_s), self.late_s)


@dataclass(frozen=True)
class Status:
    """What a probe is told."""

    status: str
    detail: str | None = None

    def told(self) -> dict[str, str]:
        """The answer, for JSON."""
        return {"status": self.status} | ({"detail": self.detail} if self.detail else {})


@dataclass
class ServiceState:
    """Where the process stands in its life; only its worker changes it."""

    ready: bool = False
    """Whether new requests should be routed here (``/readyz``)."""
    accepting: bool = False
    """Whether a request that arrives is answered; else it is ``Unavailable``."""
    max_lag_s: float = 10.0
    """An event loop that is later than this counts as stuck."""
    pulse: Pulse = field(default_factory=Pulse)
    doubts: list[Callable[[], str | None]] = field(default_factory=list)
    """Each says what does not work fully, or None; asked from any thread."""

    def alive(self) -> Status:
        """Is the process alive?

        Raises:
            Unavailable: its event loop is stuck.
        """
        late_s = self.pulse.late_s
        if late_s > self.max_lag_s:
            raise Unavailable(f"the event loop has been stuck for {late_s:.1f} s")
        return Status("alive")

    def readiness(self) -> Status:
        """Should requests be sent here?

        Raises:
            Unavailable: they should not.
        """
        self.alive()
        if not self.ready:
            raise Unavailable("the service is starting or shutting down")
        # A service that does part of its work is still better than none.
        doubted = self.doubted
        return Status("degraded", "; ".join(doubted)) if doubted else Status("ready")

    @property
    def doubted(self) -> list[str]:
        """What does not work fully now."""
        return [doubt for ask in self.doubts if (doubt := ask()) is not None]
