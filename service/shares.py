"""What callers share, so that none of them takes it all."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.request_errors import Overloaded

_RESERVE = 1 / 8
"""The part of a pool that is kept for parties who hold little of it."""
_FREE_BYTES = 256 * 1024
"""The part of a body that is never refused for want of room."""
_MOST_PARTIES = 10_000


class Pool:
    """Places that parties hold for a while: one kind of thing that there is only so much of.

    The last ones go to modest parties alone: those who hold, with what they ask for, at most half
    of what each would have if all had the same. So whoever takes much finds the pool full before
    others do, and one alone may take nearly everything.
    """

    def __init__(self, what: str, capacity: float) -> None:
        """``what`` is told in refusals, and is the reason under which they are counted."""
        self.capacity = capacity
        self.taken = 0.0
        self._what = what
        self._held: dict[str, float] = {}

    def take(self, party: str, amount: float = 1, quota: float | None = None) -> None:
        """Take places, to be given back; ``quota`` is the most that this party may have.

        Raises:
            Overloaded: there are none left for this party.
        """
        held = self._held.get(party, 0) + amount
        if quota is not None and held > quota:
            raise Overloaded(f"{self._what}: you may have {quota:g} at a time", reason=self._what)
        left = self.capacity - self.taken - amount
        is_scarce = left < int(self.capacity * _RESERVE)
        if left < 0 or (is_scarce and not self.is_modest(party, amount)):
            raise Overloaded(f"{self._what}: all places are taken", reason=self._what)
        self._held[party] = held
        self.taken += amount

    def give_back(self, party: str, amount: float = 1) -> None:
        """Give places back that were taken."""
        held = self._held[party] - amount
        if held > 0:
            self._held[party] = held
        else:
            del self._held[party]
        # Sums of floats drift; an empty pool is the moment to start from zero again.
        self.taken = self.taken - amount if self._held else 0.0

    def is_modest(self, party: str, amount: float) -> bool:
        """Whether a party with so many more places had at most half of an equal share."""
        parties = len(self._held.keys() | {party})
        held = self._held.get(party, 0) + amount
        return 2 * held * parties <= self.taken + amount

    @contextmanager
    def holding(self, party: str, amount: float = 1, quota: float | None = None) -> Iterator[None]:
        """Hold places for as long as the context lasts; raises what ``take`` does."""
        self.take(party, amount, quota)
        try:
            yield
        finally:
            self.give_back(party, amount)
