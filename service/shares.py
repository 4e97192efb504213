"""What callers share, so that none of them takes it all."""

from service.request_errors import Overloaded

_RESERVE = 1 / 8
"""The part of a pool that is kept for parties who hold little of it."""


class Pool:
    """Places that parties hold for a while: one kind of thing that there is only so much of.

    The last ones go to modest parties alone: those who hold, with the place they ask for, at most
    half of what each would have if all had the same. So a party that takes much finds the pool full
    before others do, and one alone may take nearly everything.
    """

    def __init__(self, what: str, capacity: int) -> None:
        """``what`` is told in refusals."""
        self.capacity = capacity
        self.taken = 0
        self._what = what
        self._held: dict[str, int] = {}

    def take(self, party: str) -> None:
        """Take a place, to be given back.

        Raises:
            Overloaded: there is none left for this party.
        """
        left = self.capacity - self.taken - 1
        is_scarce = left < int(self.capacity * _RESERVE)
        if left < 0 or (is_scarce and not self._is_modest(party)):
            raise Overloaded(f"{self._what}: all places are taken")
        self._held[party] = self._held.get(party, 0) + 1
        self.taken += 1

    def give_back(self, party: str) -> None:
        """Give back a place that was taken."""
        self._held[party] -= 1
        if not self._held[party]:
            del self._held[party]
        self.taken -= 1

    def _is_modest(self, party: str) -> bool:
        """Whether a party with one more place had at most half of an equal share."""
        parties = len(self._held.keys() | {party})
        held = self._held.get(party, 0) + 1
        return 2 * held * parties <= self.taken + 1
