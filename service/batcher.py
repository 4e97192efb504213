"""Runs items from many callers together, in batches, off the event loop.

There is no timer: items gather while a batch runs. Where several may run at a time, each takes its
part of the items that wait, and no caller's items are in two of them: others find a place. Intake
is bounded: a caller is first admitted with the cost of all it means to submit, or refused before
anything is queued. Parties have turns (start-time fair queueing): an item's turn comes once as much
was begun of others' items as its own party has before it in the queue.
"""

import asyncio
import itertools
import logging
import math
from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from service.request_errors import DeadlineExceeded, Overloaded, Unavailable
from service.traces import tell_batch

In = TypeVar("In")
Out = TypeVar("Out")

_log = logging.getLogger(__name__)

_LONGEST_RETRY_S = 60.0
_REST = 2.5
"""A quick batch begins no sooner than this many times as long as the one before it took."""
_MOST_TURNS = 1_000
"""Parties that are remembered, more or less, though their turn has passed."""
_SMOOTHING = 0.2
"""Weight of the newest batch in the throughput estimate."""


class Observer(Protocol):
    """What wants to know how the batcher fares."""

    def watch_load(self, load: Callable[[], float]) -> None:
        """Whenever the cost admitted and not yet done is asked for, this tells it."""

    def refused(self) -> None:
        """A caller was refused for want of room."""

    def batch_done(self, items: int, cost: float, waited_s: float, ran_s: float) -> None:
        """A batch ran; ``waited_s`` is the wait of its oldest item."""

    def batch_failed(self) -> None:
        """A batch raised."""


@dataclass(eq=False, slots=True)
class _Item(Generic[In, Out]):
    value: In
    cost: float
    future: asyncio.Future[Out]
    admission: "Admission[In, Out]"
    deadline: float | None
    queued_at: float
    turn: tuple[float, int]
    """In a fair order; the second number is its place among equals."""
    context: Context = field(default_factory=copy_context)
    """Of the request that it is for."""


@dataclass(frozen=True)
class Policy(Generic[In]):
    """How a batcher weighs its items and puts them together.

    Attributes:
        cost: the work an item takes, in any unit.
        select: given the waiting items in order of their turns, the indices of those to run next.
            The first is always run, whatever this says, so that nothing starves.
        capacity: the greatest cost admitted at a time. A caller who finds the batcher idle is
            admitted even if over it.
        interval_s: where batches are small and quick, up to this time from the beginning of one to
            that of the next is given to what else there is to do, while items gather.
        batches: how many run at a time.
    """

    cost: Callable[[In], float]
    select: Callable[[Sequence[In]], Sequence[int]]
    capacity: float
    interval_s: float = 0.0
    batches: int = 1


class Batcher(Generic[In, Out]):
    """Queues items and runs them in batches in threads of its own.

    ``run`` is called with a batch and must answer with as many results, in order. If it raises for
    a batch of several, the items are run one by one, so that each caller meets only their own
    failure.
    """

    def __init__(
        self, run: Callable[[Sequence[In]], Sequence[Out]], policy: Policy[In], observer: Observer
    ) -> None:
        self._run = run
        self._policy = policy
        self._observer = observer
        self._pending: list[_Item[In, Out]] = []
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._admissions: set[Admission[In, Out]] = set()
        self._admitted_cost = 0.0
        observer.watch_load(lambda: self._admitted_cost)
        self._begun = 0.0
        """The turn of the latest item that was begun."""
        self._turns: dict[str, float] = {}
        """Of parties, the turn of what they submit next."""
        self._counter = itertools.count()
        self._cost_per_s: float | None = None
        self._stopping = False
        self._running = 0
        """How many batches there are in progress."""
        self._free_threads = [
            ThreadPoolExecutor(1, thread_name_prefix="batch") for _ in range(policy.batches)
        ]
        """The one that was used last is used next: its core still has what it needs."""
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to run batches, on the current event loop."""
        for number in range(self._policy.batches):
            self._loops.append(asyncio.create_task(self._run_batches(), name=f"batcher {number}"))

    def admit(
        self, cost: float, party: str = "", beyond_capacity: bool = False
    ) -> "Admission[In, Out]":
        """Let a caller in who will submit items of about this cost in all.

        ``party`` is whom the caller shares turns with.
        ``beyond_capacity`` is for callers who are bounded in another way, and lose what they have
        if they are refused.

        Raises:
            Overloaded: what was admitted before leaves no room.
            Unavailable: the batcher is stopping.
        """
        if self._stopping:
            raise Unavailable("the service is shutting down")
        is_over = self._admitted_cost + cost > self._policy.capacity and self._admitted_cost > 0
        if is_over and not beyond_capacity:
            self._observer.refused()
            raise Overloaded("the queue is full", self._retry_after_s())
        admission = Admission(self, party, cost)
        self._admissions.add(admission)
        self._idle.clear()
        self._change_load(cost)
        return admission

    @property
    def callers(self) -> int:
        """How many there are, whose items are lifted or may yet come."""
        return len(self._admissions)

    async def stop(self, drain_s: float) -> None:
        """Refuse newcomers, let those admitted finish, after ``drain_s`` fail what is left."""
        self._stopping = True
        try:
            async with asyncio.timeout(drain_s):
                await self._idle.wait()
        except TimeoutError:
            for admission in tuple(self._admissions):
                admission.fail(Unavailable("the service shut down before this was done"))
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for thread in self._free_threads:
            thread.shutdown(wait=False, cancel_futures=True)

    def _retry_after_s(self) -> float:
        if self._cost_per_s is None:
            return 1.0
        return min(max(self._admitted_cost / self._cost_per_s, 1.0), _LONGEST_RETRY_S)

    def _change_load(self, cost: float) -> None:
        self._admitted_cost += cost

    def _leave(self, admission: "Admission[In, Out]", unused_cost: float) -> None:
        self._admissions.discard(admission)
        if not self._admissions:
            # Sums of floats drift; an empty house is the moment to start from zero again.
            unused_cost = self._admitted_cost
            self._idle.set()
        if unused_cost:
            self._change_load(-unused_cost)

    async def _run_batches(self) -> None:
        clock = asyncio.get_running_loop().time
        rested_at = clock()
        while True:
            await self._arrived.wait()
            if (early_s := rested_at - clock()) > 0:
                await asyncio.sleep(early_s)
            batch = self._take()
            if not batch:
                self._arrived.clear()
                continue
            began = clock()
            with self._in_progress(batch):
                await self._run_batch(batch)
            rested_at = began + min(_REST * (clock() - began), self._policy.interval_s)

    def _next_turn(self, party: str, cost: float) -> tuple[float, int]:
        """The turn of a party's next item, as large as that."""
        if len(self._turns) > _MOST_TURNS:
            self._turns = {each: at for each, at in self._turns.items() if at > self._begun}
        turn = max(self._begun, self._turns.get(party, 0.0))
        self._turns[party] = turn + cost
        return turn, next(self._counter)

    def _queue(self, item: _Item[In, Out]) -> None:
        pending = self._pending
        if pending and item.turn < pending[-1].turn:
            insort(pending, item, key=_turn_of)
        else:  # as most do: nothing is looked for
            pending.append(item)
        self._arrived.set()

    def _give_back_turns(self, party: str, cost: float) -> None:
        """A party gives up so much of what it submitted."""
        if party in self._turns:
            self._turns[party] -= cost

    def _take(self) -> list[_Item[In, Out]]:
        """Remove and return the next batch, dropping items whose callers have gone."""
        now = asyncio.get_running_loop().time()
        self._pending = [item for item in self._pending if _is_wanted(item, now)]
        ready = [item for item in self._pending if not item.admission.is_running]
        if not ready:
            return []
        self._begun = max(self._begun, ready[0].turn[0])
        chosen = dict.fromkeys((0, *self._select(ready)))
        batch = [ready[index] for index in sorted(itertools.islice(chosen, self._share(ready)))]
        taken = set(batch)
        self._pending = [item for item in self._pending if item not in taken]
        return batch

    def _select(self, ready: Sequence[_Item[In, Out]]) -> Sequence[int]:
        try:
            return self._policy.select([item.value for item in ready])
        except Exception:
            _log.exception("choosing a batch failed; the first item runs alone")
            return ()

    def _share(self, ready: Sequence[_Item[In, Out]]) -> int:
        """How many of these items one batch may take, so that the others have as many."""
        if self._policy.batches == 1:
            return len(ready)
        callers = len({item.admission for item in ready})
        return math.ceil(len(ready) / min(callers, self._policy.batches))

    @contextmanager
    def _in_progress(self, batch: Sequence[_Item[In, Out]]) -> Iterator[None]:
        self._running += 1
        for item in batch:
            item.admission.is_running = True
        try:
            yield
        finally:
            self._running -= 1
            for item in batch:
                item.admission.is_running = False
            if self._pending:
                self._arrived.set()

    async def _run_batch(self, batch: list[_Item[In, Out]]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            results = await self._call(batch)
        except Exception as error:
            self._observer.batch_failed()
            await self._recover(batch, error)
            return
        ran_s = loop.time() - started
        cost = sum(item.cost for item in batch)
        self._observer.batch_done(len(batch), cost, started - batch[0].queued_at, ran_s)
        self._learn_throughput(self._running * cost, ran_s)
        for item, result in zip(batch, results, strict=True):
            if not item.future.done():
                item.future.set_result(result)
            item.admission.settle(item)
            tell_batch(item.context, item.queued_at, started, started + ran_s)

    async def _call(self, batch: list[_Item[In, Out]]) -> Sequence[Out]:
        values = [item.value for item in batch]
        loop = asyncio.get_running_loop()
        thread = self._free_threads.pop()
        try:
            results = await loop.run_in_executor(thread, self._run_here, values)
        finally:
            self._free_threads.append(thread)
        if len(results) != len(values):
            raise RuntimeError(f"a batch of {len(values)} gave {len(results)} results")
        return results

    def _run_here(self, values: Sequence[In]) -> Sequence[Out]:
        try:
            return self._run(values)
        except StopIteration as error:  # which no future can carry: its waiter would wait for ever
            raise RuntimeError("the batch ran out of something") from error

    async def _recover(self, batch: list[_Item[In, Out]], error: Exception) -> None:
        if len(batch) == 1:
            batch[0].context.run(partial(_log.error, "a batch of one failed", exc_info=error))
            _fail(batch[0], error)
            return
        _log.warning("a batch of %d failed, running its items one by one: %r", len(batch), error)
        for item in batch:
            if _is_wanted(item, asyncio.get_running_loop().time()):
                await self._run_batch([item])

    def _learn_throughput(self, cost: float, seconds: float) -> None:
        rate = cost / max(seconds, 1e-6)
        known = self._cost_per_s
        self._cost_per_s = rate if known is None else known + _SMOOTHING * (rate - known)


@dataclass(eq=False)
class Admission(Generic[In, Out]):
    """One caller's place in a batcher; leaving it gives up whatever is unfinished."""

    _batcher: Batcher[In, Out]
    party: str
    _cost: float
    _costs: dict[asyncio.Future[Out], float] = field(default_factory=dict)
    """Of all that is unfinished."""
    is_open: bool = True
    is_running: bool = False
    """Whether a batch in progress has items of it."""

    def submit(self, value: In, deadline: float | None = None) -> asyncio.Future[Out]:
        """Queue an item; it is dropped if not begun by ``deadline``, in the event loop's time."""
        if not self.is_open:
            raise Unavailable("the service is shutting down")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Out] = loop.create_future()
        self._costs[future] = cost = self._batcher._policy.cost(value)
        turn = self._batcher._next_turn(self.party, cost)
        item = _Item(value, cost, future, self, deadline, loop.time(), turn)
        self._batcher._queue(item)
        return future

    def revise(self, cost: float) -> None:
        """Correct the cost admitted, now that more is known of what will be submitted."""
        if self.is_open:
            self._batcher._change_load(cost - self._cost)
            self._cost = cost

    def settle(self, item: _Item[In, Out]) -> None:
        """An item is done: make room for others."""
        self._costs.pop(item.future, None)
        if self.is_open:
            released = min(item.cost, self._cost)
            self._cost -= released
            self._batcher._change_load(-released)

    def fail(self, error: Exception) -> None:
        """Fail everything unfinished and take nothing more."""
        for future in self._costs:
            if not future.done():
                future.set_exception(error)
        self._close()

    def _close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._batcher._leave(self, self._cost)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._costs:
            self._give_up()
        self._close()

    def _give_up(self) -> None:
        for future in self._costs:
            if not future.cancel() and not future.cancelled():
                future.exception()  # marks it as seen: its caller has gone
        self._batcher._give_back_turns(self.party, sum(self._costs.values()))
        self._costs.clear()


def _turn_of(item: _Item[In, Out]) -> tuple[float, int]:
    return item.turn


def _is_wanted(item: _Item[In, Out], now: float) -> bool:
    """Whether a caller still waits for the item; fails it when it is past its deadline."""
    if item.future.done() or not item.admission.is_open:
        return False
    if item.deadline is not None and now >= item.deadline:
        _fail(item, DeadlineExceeded("the deadline passed before the request's turn came"))
        return False
    return True


def _fail(item: _Item[In, Out], error: Exception) -> None:
    if not item.future.done():
        item.future.set_exception(error)
