"""Whether live frames are answered in time."""

import math
import time
from collections.abc import Callable

_AVERAGED_S = 2.0
_FORGOTTEN_S = 5.0
_SHORTEST_BETWEEN_S = 1 / 30
"""Who sends faster may find that frames wait for each other: no other is refused for that."""


class Lateness:
    """The time that frames take as a part of the time between them, averaged over two seconds.

    It is at most 1: frames that take all the time there is do not take longer, the next ones wait
    elsewhere. What was not observed counts as in time, so that a few frames alone are never late.
    Each party has an average of its own, and counts the same however many frames it sends.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._parties: dict[str, _Average] = {}

    def observe(self, party: str, took_s: float, between_s: float) -> None:
        """A frame took so long, and came so long after the one before it in its session."""
        between_s = max(between_s, _SHORTEST_BETWEEN_S)
        average = self._parties.get(party) or self._parties.setdefault(party, _Average())
        average.add(min(took_s / between_s, 1.0), between_s, self._now_s())

    @property
    def share(self) -> float:
        """That part, of all parties; 0 where there were no frames of late."""
        shares = self._shares()
        return sum(shares.values()) / max(len(shares), 1)

    def share_for(self, party: str) -> float:
        """That part as it is for one more session of a party: its own, or that of all if larger.

        A party without frames counts as one of all, with none late: so it gets in where there is
        but one other.
        """
        shares = self._shares()
        own = shares.setdefault(party, 0.0)
        return max(own, sum(shares.values()) / len(shares))

    def _shares(self) -> dict[str, float]:
        """Of each party with frames of late; others are forgotten."""
        latest = self._now_s() - _FORGOTTEN_S
        there = {name: each for name, each in self._parties.items() if each.observed_at > latest}
        self._parties = there
        return {name: each.value for name, each in there.items()}


class _Average:
    """An average over time."""

    def __init__(self) -> None:
        self.value = 0.0
        self.observed_at = -math.inf

    def add(self, value: float, lasting_s: float, now: float) -> None:
        """A value that holds for so long, or since the one before it if that is less."""
        if now > self.observed_at + _FORGOTTEN_S:
            self.value = 0.0
        seconds = min(now - self.observed_at, lasting_s)
        self.value += (1 - math.exp(-seconds / _AVERAGED_S)) * (value - self.value)
        self.observed_at = now
