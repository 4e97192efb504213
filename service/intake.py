"""Which lift requests are let in, by how long they would wait.

Work is counted in frames' worth of a model. Parties have turns (``service.batcher``), and longer
requests go on in pieces. So while a request of some work is done, each request of the same party
gets as much done, and each other party as much as this one in all. What is ahead of a newcomer is
the sum of that, of what is there to do; divided by the work that is done in a second, it is the
time that the newcomer waits. That speed is learned from all who leave: it includes reading,
writing and whatever else the machine does.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from service.request_errors import Overloaded

REFUSED_AFTER_S = 0.05
"""What is refused by its head, or over gRPC, waits for so long to be told: callers who ask again at
once, and there are many such programs, would else take the processor from those let in."""

_COMES_WITHIN_S = 0.05
"""For how long a request is counted on that was let in by its head and has not come in yet."""
_BURST_S = 1.0
"""For how long after it was idle the service may be in a burst."""
_PATIENCE_IN_BURST = 3
_WEIGHT_OF_WAITED = 4
"""What waits before it can be looked at waits for others to be refused, not for work: little of it
says that too much is asked for."""
_OWN_TIMES = 2
"""A request may always wait for so many times as long as it takes by itself."""
_SMOOTHING = 0.1
_FRAMES_OF_A_REQUEST = 20
"""The cost of any request, however small."""
_BYTES_OF_A_FRAME = 300


@dataclass(frozen=True)
class Asked:
    """A request before its body is decoded: whose, how large, and when it is too late for it."""

    party: str
    media_type: str
    size: int
    deadline: float
    """In the event loop's time."""
    waited_s: float = 0.0
    """How long it has waited by now, where it could not be looked at sooner."""


class Intake:
    """The lift requests in progress."""

    def __init__(self, max_wait_s: float = 0.1) -> None:
        self._max_wait_s = max_wait_s
        self._inside: set[Visit] = set()
        self._coming: deque[Visit] = deque()
        """Those of whom the heads are here, in the order in which they came."""
        self._work_per_s: float | None = None
        self._bytes_of_a_frame: dict[str, float] = {}
        self._idle_at = 0.0
        self._left_at, self._last_took_s = 0.0, 0.0

    @property
    def is_busy(self) -> bool:
        """Whether there are any: else no request waits."""
        return bool(self._inside)

    def expect(self, asked: Asked) -> None:
        """Refuse a request, if need be, of which the head is here; else the next count on it.

        Raises:
            Overloaded: it would wait for too long, or not be done by its deadline.
        """
        long_ago = asyncio.get_running_loop().time() - _COMES_WITHIN_S
        while self._coming and self._coming[0].began_at < long_ago:
            self._coming.popleft()
        self._coming.append(self._visit(asked, (*self._inside, *self._coming)))

    def enter(self, asked: Asked) -> "Visit":
        """Let a request in, or refuse it as ``expect`` does; it leaves with the context."""
        self._come(asked)
        return self._visit(asked, self._inside)

    def _visit(self, asked: Asked, others: "Collection[Visit]") -> "Visit":
        work = self.expected_work(asked.media_type, asked.size)
        ahead = _ahead(asked.party, work, others)
        self._check(asked, work, ahead, is_alone=not others)
        return Visit(self, asked, work, ahead)

    def _come(self, asked: Asked) -> None:
        """A request comes in: it is not to be counted twice."""
        own = next((visit for visit in self._coming if visit.asked.party == asked.party), None)
        if own is not None:
            self._coming.remove(own)

    def expected_work(self, media_type: str, size: int) -> float:
        """The frames' worth of a request, by the size of its body in bytes."""
        bytes_of_a_frame = self._bytes_of_a_frame.get(media_type, _BYTES_OF_A_FRAME)
        return _FRAMES_OF_A_REQUEST + size / bytes_of_a_frame

    def _check(self, asked: Asked, work: float, ahead: float, is_alone: bool) -> None:
        now = asyncio.get_running_loop().time()
        if self._work_per_s is None or (is_alone and self._may_try(asked, now)):
            return
        own_s, wait_s = work / self._work_per_s, ahead / self._work_per_s
        if now + wait_s + own_s > asked.deadline:
            said = f"it would take {wait_s + own_s:.1f} s, which is past the deadline"
            raise Overloaded(said, wait_s, reason="deadline")
        is_burst = now - self._idle_at < _BURST_S
        patience_s = self._max_wait_s * (_PATIENCE_IN_BURST if is_burst else 1)
        longest_s = max(patience_s, _OWN_TIMES * own_s)
        if wait_s + _WEIGHT_OF_WAITED * asked.waited_s > longest_s:
            wait_s += asked.waited_s
            raise Overloaded(f"it would wait for {wait_s:.1f} s", wait_s, reason="wait")

    def _may_try(self, asked: Asked, now: float) -> bool:
        """Whether a request that is alone may come in whatever it waits for.

        Where more wait to be looked at, only after a rest as long as the latest visit: meanwhile
        they are refused.
        """
        rest_s = min(self._last_took_s, asked.waited_s)
        return now >= self._left_at + rest_s

    def _entered(self, visit: "Visit") -> None:
        if not self._inside:
            self._idle_at = visit.began_at
        self._inside.add(visit)

    def _left(self, visit: "Visit", speed: float | None, at_most: bool) -> None:
        self._inside.discard(visit)
        self._left_at = asyncio.get_running_loop().time()
        self._last_took_s = self._left_at - visit.began_at
        known = self._work_per_s
        if speed is None or (at_most and (known is None or speed > known)):
            return
        self._work_per_s = speed if known is None else known + _SMOOTHING * (speed - known)

    def _learn_size(self, asked: Asked, frames: float) -> None:
        found = asked.size / max(frames, 1.0)
        known = self._bytes_of_a_frame.get(asked.media_type, found)
        self._bytes_of_a_frame[asked.media_type] = known + _SMOOTHING * (found - known)


@dataclass(eq=False)
class Visit:
    """One request on its way through the service."""

    _intake: Intake
    asked: Asked
    work: float
    _ahead: float
    began_at: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def revise(self, frames: float) -> None:
        """Correct what was expected of the request, now that it is decoded."""
        self.work = _FRAMES_OF_A_REQUEST + frames
        self._intake._learn_size(self.asked, frames)

    def __enter__(self) -> Self:
        self._intake._entered(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        took_s = asyncio.get_running_loop().time() - self.began_at
        speed = (self._ahead + self.work) / max(took_s, 1e-6)
        # Who gave up would have taken longer still; of a request that was wrong nothing is learned.
        gave_up = isinstance(error, asyncio.CancelledError)
        self._intake._left(self, speed if error is None or gave_up else None, at_most=gave_up)


def _ahead(party: str, work: float, others: Collection[Visit]) -> float:
    """What is done of others' work before a party's new work is done."""
    shared: defaultdict[str, float] = defaultdict(float)
    own = work
    for visit in others:
        whose = visit.asked.party
        shared[whose] += work if work < visit.work else visit.work  # quicker than ``min``
        if whose == party:
            own += visit.work
    mine = shared.pop(party, 0.0)
    return mine + sum(min(theirs, own) for theirs in shared.values())
