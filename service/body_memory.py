"""The memory of bodies that are read and worked on at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.request_errors import TooLarge
from service.shares import Pool

_FREE_BYTES = 256 * 1024
"""The part of a body that is never refused for want of room: the pool of requests bounds it."""


class MemoryBudget:
    """Bytes that bodies share.

    Small bodies are free, so that those who send large ones hold up only each other; not where a
    party has a quota, which is of all that it sends.
    """

    def __init__(self, max_body_bytes: int, pool: Pool) -> None:
        self._max_body_bytes = max_body_bytes
        self.pool = pool

    @contextmanager
    def lease(self, party: str = "", quota: int | None = None) -> Iterator["Lease"]:
        """Room for one body of a party, given back at the end."""
        lease = Lease(self, party, quota)
        try:
            yield lease
        finally:
            lease.give_back()

    def check(self, size: int) -> None:
        """Refuse a body of this size if it is over the limit, whatever the budget.

        Raises:
            TooLarge: naming the limit.
        """
        if size > self._max_body_bytes:
            raise TooLarge(f"the body is over the limit of {self._max_body_bytes} bytes")


@dataclass
class Lease:
    """One body's part of a ``MemoryBudget``."""

    budget: MemoryBudget
    party: str
    quota: int | None
    taken_bytes: int = 0
    free_bytes: int = 0
    """Beside them; told in metrics."""

    def extend(self, size: int) -> None:
        """Make room for a body that has grown to this size.

        Raises:
            TooLarge: it is over the limit.
            Overloaded: bodies being worked on leave no room for one so large.
        """
        self.budget.check(size)
        free_bytes = min(size, _FREE_BYTES) if self.quota is None else 0
        more_bytes = size - free_bytes - self.taken_bytes
        if more_bytes > 0:
            self.budget.pool.take(self.party, more_bytes, self.quota)
            self.taken_bytes += more_bytes
        self._hold_free(free_bytes)

    def give_back(self) -> None:
        """Give the room back: the body is not in memory any more, and another may come."""
        if self.taken_bytes:
            self.budget.pool.give_back(self.party, self.taken_bytes)
            self.taken_bytes = 0
        self._hold_free(0)

    def _hold_free(self, size: int) -> None:
        self.budget.pool.free_here += size - self.free_bytes
        self.free_bytes = size
