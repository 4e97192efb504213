"""Whether live frames are answered in time."""

import math
import time
from collections.abc import Callable

_AVERAGED_S = 2.0
_FORGOTTEN_S = 5.0


class Lateness:
    """The time that frames take as a part of the time between them, averaged over two seconds.

    It is at most 1: frames that take all the time there is do not take longer, the next ones wait
    elsewhere. What was not observed counts as in time, so that a few frames alone are never late.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._average = 0.0
        self._observed_at = -math.inf

    def observe(self, took_s: float, between_s: float) -> None:
        """A frame took so long, and came so long after the one before it in its session."""
        average, now = self.share, self._now_s()
        seconds = min(now - self._observed_at, between_s)
        newest = 1 - math.exp(-seconds / _AVERAGED_S)
        self._average = average + newest * (min(took_s / between_s, 1.0) - average)
        self._observed_at = now

    @property
    def share(self) -> float:
        """That part; 0 where there were no frames of late."""
        is_known = self._now_s() < self._observed_at + _FORGOTTEN_S
        return self._average if is_known else 0.0
