"""What callers share, so that none of them takes it all."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final, Protocol

from service.keys import Levels, OwnLevels, Quotas
from service.request_errors import Overloaded

_RESERVE = 1 / 8
"""The part of a pool that is kept for parties who hold little of it."""


@dataclass(frozen=True)
class Party:
    """Those who share what there is as one, and the most that they may have."""

    name: str = ""
    quotas: Quotas = field(default_factory=Quotas)


NO_PARTY: Final = Party()
"""Without a name and without quotas."""


class Places(Protocol):
    """How much of one kind of thing parties hold."""

    @property
    def taken(self) -> float:
        """What all hold."""

    @property
    def taken_here(self) -> float:
        """What is held in this process."""

    def of(self, party: str) -> float:
        """What a party holds."""

    def holders(self) -> int:
        """How many parties hold some."""

    def change(self, party: str, amount: float) -> None:
        """Let a party hold more, or less."""

    def locked(self) -> AbstractContextManager[None]:
        """Let no other process change what is held."""


class OwnPlaces:
    """``Places`` of this process alone."""

    def __init__(self) -> None:
        self.taken = 0.0
        self._held: dict[str, float] = {}
        self._lock = nullcontext()

    @property
    def taken_here(self) -> float:
        """See ``Places``."""
        return self.taken

    def of(self, party: str) -> float:
        """See ``Places``."""
        return self._held.get(party, 0.0)

    def holders(self) -> int:
        """See ``Places``."""
        return len(self._held)

    def change(self, party: str, amount: float) -> None:
        """See ``Places``."""
        held = self._held.get(party, 0.0) + amount
        if held > 0:
            self._held[party] = held
        else:
            del self._held[party]
        # Sums of floats drift; an empty pool is the moment to start from zero again.
        self.taken = self.taken + amount if self._held else 0.0

    def locked(self) -> AbstractContextManager[None]:
        """See ``Places``."""
        return self._lock


class Pool:
    """Places that parties hold for a while: one kind of thing that there is only so much of.

    The last ones go to modest parties alone: those who hold, with what they ask for, at most half
    of what each would have if all had the same. So a party that takes much finds the pool full
    before others do, and one alone may take nearly everything.
    """

    def __init__(self, what: str, capacity: float, places: Places | None = None) -> None:
        """``what`` is told in refusals, and is the reason under which they are counted."""
        self.capacity = capacity
        self.free_here = 0.0
        """What is held in this process without taking places; for metrics alone."""
        self._what = what
        self._places = OwnPlaces() if places is None else places

    @property
    def taken(self) -> float:
        """What all hold."""
        return self._places.taken

    @property
    def taken_here(self) -> float:
        """What is held in this process."""
        return self._places.taken_here

    def take(self, party: str, amount: float = 1, quota: float | None = None) -> None:
        """Take places, to be given back; raises what ``check`` does."""
        with self._places.locked():
            self.check(party, amount, quota)
            self._places.change(party, amount)

    def check(self, party: str, amount: float = 1, quota: float | None = None) -> None:
        """Refuse a party that cannot take so many places; ``quota`` is the most it may have.

        Raises:
            Overloaded: there are none left for this party.
        """
        held = self._places.of(party) + amount
        if quota is not None and held > quota:
            raise Overloaded(f"{self._what}: you may have {quota:g} at a time", reason=self._what)
        left = self.capacity - self.taken - amount
        is_scarce = left < int(self.capacity * _RESERVE)
        if left < 0 or (is_scarce and not self.is_modest(party, amount)):
            said = f"{self._what}: all places that you may have of {self.capacity:.0f} are taken"
            raise Overloaded(said, reason=self._what)

    def give_back(self, party: str, amount: float = 1) -> None:
        """Give places back that were taken."""
        self._places.change(party, -amount)

    def is_modest(self, party: str, amount: float) -> bool:
        """Whether a party with so many more places had at most half of an equal share."""
        held = self._places.of(party)
        parties = self._places.holders() + (held == 0)
        held += amount
        return 2 * held * parties <= self.taken + amount

    @contextmanager
    def holding(self, party: str, amount: float = 1, quota: float | None = None) -> Iterator[None]:
        """Hold places for as long as the context lasts; raises what ``take`` does."""
        self.take(party, amount, quota)
        try:
            yield
        finally:
            self.give_back(party, amount)


class Rates:
    """How often parties ask, where they may not ask as often as they like."""

    def __init__(
        self, now_s: Callable[[], float] = time.monotonic, levels: Levels | None = None
    ) -> None:
        self._now_s = now_s
        self._left = OwnLevels() if levels is None else levels

    def spend(self, party: str, per_s: float) -> None:
        """Count one request of a party that has so many a second, and may save up a second's.

        Raises:
            Overloaded: it has none left.
        """
        now, most = self._now_s(), max(per_s, 1.0)
        left, at = self._left.get(party) or (most, now)
        left = min(left + (now - at) * per_s, most)
        if left < 1:
            wait_s = (1 - left) / per_s
            raise Overloaded(f"you may send {per_s:g} requests a second", wait_s, reason="rate")
        self._left.put(party, left - 1, now)


@dataclass(frozen=True)
class Shares:
    """What is shared by all requests of a process, whatever they ask for."""

    requests: Pool = field(default_factory=lambda: Pool("requests", 1_024))
    """Requests in progress, and streams whose session is not open yet."""
    body_bytes: Pool = field(default_factory=lambda: Pool("bytes", 512 * 1024 * 1024))
    """Bodies in memory."""
    rates: Rates = field(default_factory=Rates)
