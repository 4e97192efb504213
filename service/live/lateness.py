"""Whether live frames are answered in time."""

import math
import time
from collections.abc import Callable

_AVERAGED_S = 2.0
_FORGOTTEN_S = 5.0
_LATE = 0.7
"""Frames that take all the time there is between them cannot take longer: the next ones wait
elsewhere, and no end of that is seen here."""


class Lateness:
    """The time that frames take as a part of the time between them, averaged over two seconds."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._average = 0.0
        self._observed_at = -math.inf

    def observe(self, took_s: float, between_s: float) -> None:
        """A frame took so long, and came so long after the one before it."""
        now = self._now_s()
        newest = 1 - math.exp((self._observed_at - now) / _AVERAGED_S)
        self._average += newest * (took_s / between_s - self._average)
        self._observed_at = now

    @property
    def share(self) -> float:
        """That part; 0 where there were no frames of late."""
        is_known = self._now_s() < self._observed_at + _FORGOTTEN_S
        return self._average if is_known else 0.0

    @property
    def is_late(self) -> bool:
        """Whether more sessions would make those there are wait."""
        return self.share > _LATE
