"""The batcher, with plain numbers for items: it does not depend on poses."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from service.batcher import Batcher, Policy
from service.logs import begin_request, ids
from service.request_errors import DeadlineExceeded, Overloaded, Unavailable


class Recorder:
    """An observer that records."""

    def __init__(self) -> None:
        self._load: Callable[[], float] = float
        self.refusals = 0
        self.batches: list[tuple[int, float]] = []
        self.failures = 0

    @property
    def load(self) -> float:
        return self._load()

    def watch_load(self, load: Callable[[], float]) -> None:
        self._load = load

    def refused(self) -> None:
        self.refusals += 1

    def batch_done(self, items: int, cost: float, waited_s: float, ran_s: float) -> None:
        assert waited_s >= 0
        assert ran_s >= 0
        self.batches.append((items, cost))

    def batch_failed(self) -> None:
        self.failures += 1


class Doubler:
    """Doubles numbers; may be held at its first batch, and fails on given numbers."""

    def __init__(self, *poison: int) -> None:
        self.poison = poison
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.release = threading.Event()
        self.release.set()

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.begun.set()
        assert self.release.wait(10)
        for number in numbers:
            if number in self.poison:
                raise ArithmeticError(number)
        return [2 * number for number in numbers]


def first_four(items: Sequence[int]) -> list[int]:
    return list(range(min(4, len(items))))


@asynccontextmanager
async def running(
    run: Callable[[Sequence[int]], Sequence[int]],
    capacity: float = 1000,
    select: Callable[[Sequence[int]], Sequence[int]] = first_four,
    batches: int = 1,
) -> AsyncIterator[tuple[Batcher[int, int], Recorder]]:
    recorder = Recorder()
    batcher = Batcher(run, Policy(lambda _: 1.0, select, capacity, batches=batches), recorder)
    batcher.start()
    try:
        yield batcher, recorder
    finally:
        await batcher.stop(drain_s=5)


async def double(batcher: Batcher[int, int], number: int, deadline: float | None = None) -> int:
    with batcher.admit(1) as admission:
        return await admission.submit(number, deadline)


async def held(doubler: Doubler, batcher: Batcher[int, int], number: int) -> asyncio.Task[int]:
    """Start a batch that lasts until ``doubler.release`` is set."""
    doubler.begun.clear()
    doubler.release.clear()
    task = asyncio.create_task(double(batcher, number))
    await asyncio.to_thread(doubler.begun.wait, 10)
    return task


async def test_every_caller_gets_their_own_result() -> None:
    async with running(Doubler()) as (batcher, recorder):
        results = await asyncio.gather(*(double(batcher, number) for number in range(100)))
    assert results == [2 * number for number in range(100)]
    assert sum(items for items, _ in recorder.batches) == 100
    assert recorder.load == 0


async def test_items_gather_while_a_batch_runs_and_none_waits_without_one() -> None:
    doubler = Doubler()
    async with running(doubler) as (batcher, _):
        first = await held(doubler, batcher, 0)
        others = [asyncio.create_task(double(batcher, number)) for number in (1, 2, 3)]
        await asyncio.sleep(0.01)
        doubler.release.set()
        await asyncio.gather(first, *others)
    assert doubler.batches == [[0], [1, 2, 3]]


async def test_batches_that_run_at_a_time_share_what_waits() -> None:
    doubler = Doubler()
    async with running(doubler, batches=2) as (batcher, _):
        first = await held(doubler, batcher, 0)
        second = await held(doubler, batcher, 1)
        others = [asyncio.create_task(double(batcher, number)) for number in range(2, 8)]
        await asyncio.sleep(0.01)
        assert doubler.batches == [[0], [1]]
        doubler.release.set()
        assert await asyncio.gather(first, second, *others) == list(range(0, 16, 2))
    assert [2, 3, 4] in doubler.batches


async def test_one_callers_items_are_in_one_batch_at_a_time() -> None:
    doubler = Doubler()
    doubler.release.clear()
    async with running(doubler, select=lambda _: [0], batches=2) as (batcher, _):
        with batcher.admit(3) as admission:
            futures = [admission.submit(number) for number in range(3)]
            await asyncio.to_thread(doubler.begun.wait, 10)
            other = await held(doubler, batcher, 3)
            await asyncio.sleep(0.01)
            assert doubler.batches == [[0], [3]]
            doubler.release.set()
            assert await asyncio.gather(*futures, other) == [0, 2, 4, 6]


async def test_a_batch_runs_off_the_event_loop() -> None:
    threads = set()

    def note_thread(numbers: Sequence[int]) -> Sequence[int]:
        threads.add(threading.current_thread())
        return numbers

    async with running(note_thread) as (batcher, _):
        for number in range(3):
            await double(batcher, number)
    assert len(threads) == 1
    assert threads != {threading.current_thread()}


async def test_the_first_item_runs_whatever_the_policy_prefers() -> None:
    doubler = Doubler()

    def newest_only(items: Sequence[int]) -> list[int]:
        return [len(items) - 1]

    async with running(doubler, select=newest_only) as (batcher, _):
        first = await held(doubler, batcher, 0)
        others = [asyncio.create_task(double(batcher, number)) for number in range(1, 6)]
        await asyncio.sleep(0.01)
        doubler.release.set()
        await asyncio.gather(first, *others)
    assert doubler.batches == [[0], [1, 5], [2, 4], [3]]


async def test_parties_have_turns() -> None:
    """Twelve items of one party do not keep another's two waiting, nor do those it gave up."""
    doubler = Doubler()

    async def of(party: str, number: int) -> int:
        with batcher.admit(1, party) as admission:
            return await admission.submit(number)

    async with running(doubler) as (batcher, _):
        first = await held(doubler, batcher, 0)
        given_up = [asyncio.create_task(of("a", number)) for number in range(100, 110)]
        many = [asyncio.create_task(of("b", number)) for number in range(1, 13)]
        await asyncio.sleep(0.01)
        for task in given_up:
            task.cancel()
        await asyncio.sleep(0.01)
        few = [asyncio.create_task(of(party, number)) for party, number in (("a", 21), ("c", 31))]
        await asyncio.sleep(0.01)
        doubler.release.set()
        await asyncio.gather(first, *many, *few)
    assert doubler.batches == [[0], [1, 21, 31, 2], [3, 4, 5, 6], [7, 8, 9, 10], [11, 12]]


async def test_a_policy_that_raises_does_not_end_the_loop() -> None:
    def broken(items: Sequence[int]) -> list[int]:
        raise RuntimeError("no idea")

    async with running(Doubler(), select=broken) as (batcher, _):
        assert await asyncio.gather(double(batcher, 1), double(batcher, 2)) == [2, 4]


async def test_a_failing_item_fails_alone() -> None:
    doubler = Doubler(2)
    async with running(doubler) as (batcher, recorder):
        first = await held(doubler, batcher, 0)
        others = [asyncio.create_task(double(batcher, number)) for number in (1, 2, 3)]
        await asyncio.sleep(0.01)
        doubler.release.set()
        results = await asyncio.gather(first, *others, return_exceptions=True)
        assert results[:2] == [0, 2]
        assert isinstance(results[2], ArithmeticError)
        assert results[3] == 6
        assert await double(batcher, 21) == 42, "the loop must live"
    assert recorder.failures == 2
    assert recorder.load == 0


async def test_a_failure_is_logged_with_its_requests_id(caplog: pytest.LogCaptureFixture) -> None:
    told = []
    caplog.handler.addFilter(lambda _: not told.append(ids()))
    async with running(Doubler(2)) as (batcher, _):
        request_id = begin_request(None)
        with pytest.raises(ArithmeticError):
            await double(batcher, 2)
    assert told == [{"request_id": request_id}]


async def test_too_few_results_are_a_failure_not_a_mixup() -> None:
    async with running(lambda numbers: list(numbers)[:1]) as (batcher, _):
        assert await asyncio.gather(double(batcher, 1), double(batcher, 2)) == [1, 2]

    async with running(lambda _: []) as (batcher, _):
        with pytest.raises(RuntimeError, match="a batch of 1 gave 0 results"):
            await double(batcher, 1)


async def test_a_full_queue_refuses_before_queueing() -> None:
    doubler = Doubler()
    async with running(doubler, capacity=3) as (batcher, recorder):
        first = await held(doubler, batcher, 0)
        with batcher.admit(2):
            with pytest.raises(Overloaded) as refusal:
                batcher.admit(1)
            assert recorder.load == 3
        assert refusal.value.retry_after_s >= 1
        with batcher.admit(2):
            pass
        doubler.release.set()
        await first
    assert recorder.refusals == 1
    assert recorder.load == 0


async def test_callers_bounded_in_another_way_come_in_when_the_queue_is_full() -> None:
    async with running(Doubler(), capacity=3) as (batcher, recorder):
        with batcher.admit(3), batcher.admit(2, beyond_capacity=True) as admission:
            assert recorder.load == 5
            assert await admission.submit(4) == 8
        assert (recorder.load, recorder.refusals) == (0, 0)


async def test_an_item_larger_than_the_queue_is_accepted_by_an_idle_batcher() -> None:
    async with running(Doubler(), capacity=3) as (batcher, _):
        with batcher.admit(10) as admission:
            assert await admission.submit(4) == 8
            with pytest.raises(Overloaded):
                batcher.admit(1)


async def test_capacity_is_freed_item_by_item() -> None:
    async with running(Doubler(), capacity=4) as (batcher, recorder):
        with batcher.admit(4) as admission:
            for left in (3, 2, 1, 0):
                await admission.submit(0)
                assert recorder.load == left


async def test_retry_after_tells_how_long_the_queue_takes() -> None:
    def slow(numbers: Sequence[int]) -> Sequence[int]:
        time.sleep(0.05)
        return numbers

    async with running(slow, capacity=100) as (batcher, _):
        await double(batcher, 0)
        with batcher.admit(100), pytest.raises(Overloaded) as refusal:
            batcher.admit(1)
        # One unit of cost took at least 0.05 s, and 100 are waiting.
        assert 1 < refusal.value.retry_after_s <= 60


async def test_a_cancelled_caller_is_dropped_before_the_run() -> None:
    doubler = Doubler()
    async with running(doubler) as (batcher, recorder):
        first = await held(doubler, batcher, 0)
        gone = asyncio.create_task(double(batcher, 1))
        stays = asyncio.create_task(double(batcher, 2))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0)
        doubler.release.set()
        assert await asyncio.gather(first, stays) == [0, 4]
        assert gone.cancelled()
    assert doubler.batches == [[0], [2]]
    assert recorder.load == 0


async def test_a_caller_cancelled_during_the_run_affects_no_other() -> None:
    doubler = Doubler()
    async with running(doubler) as (batcher, recorder):
        first = await held(doubler, batcher, 0)
        gone, stays = (asyncio.create_task(double(batcher, number)) for number in (1, 2))
        await asyncio.sleep(0.01)
        doubler.begun.clear()
        doubler.release.set()
        await first
        await asyncio.to_thread(doubler.begun.wait, 10)
        gone.cancel()
        assert await stays == 4
    assert recorder.load == 0


async def test_an_expired_item_is_dropped_before_the_run() -> None:
    doubler = Doubler()
    async with running(doubler) as (batcher, _):
        now = asyncio.get_running_loop().time()
        first = await held(doubler, batcher, 0)
        late = asyncio.create_task(double(batcher, 1, deadline=now + 0.02))
        in_time = asyncio.create_task(double(batcher, 2, deadline=now + 60))
        await asyncio.sleep(0.05)
        doubler.release.set()
        assert await asyncio.gather(first, in_time) == [0, 4]
        with pytest.raises(DeadlineExceeded):
            await late
    assert doubler.batches == [[0], [2]]


async def test_leaving_an_admission_early_cancels_its_items() -> None:
    doubler = Doubler()
    async with running(doubler) as (batcher, recorder):
        first = await held(doubler, batcher, 0)
        with batcher.admit(3) as admission:
            given_up = [admission.submit(number) for number in (1, 2, 3)]
        doubler.release.set()
        await first
        assert all(future.cancelled() for future in given_up)
    assert doubler.batches == [[0]]
    assert recorder.load == 0


async def test_stop_refuses_new_callers_and_drains_admitted_ones() -> None:
    doubler = Doubler()
    recorder = Recorder()
    batcher = Batcher(doubler, Policy(lambda _: 1.0, first_four, 100), recorder)
    batcher.start()
    first = await held(doubler, batcher, 1)
    waiting = asyncio.create_task(double(batcher, 2))
    await asyncio.sleep(0.01)
    stopping = asyncio.create_task(batcher.stop(drain_s=10))
    await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        batcher.admit(1)
    doubler.release.set()
    assert await asyncio.gather(first, waiting) == [2, 4]
    await stopping


async def test_stop_lets_an_admitted_caller_submit_more() -> None:
    batcher = Batcher(Doubler(), Policy(lambda _: 1.0, first_four, 100), Recorder())
    batcher.start()
    with batcher.admit(2) as admission:
        stopping = asyncio.create_task(batcher.stop(drain_s=10))
        await asyncio.sleep(0.01)
        assert await admission.submit(1) == 2
        assert await admission.submit(2) == 4
    await stopping


async def test_stop_fails_items_past_the_timeout() -> None:
    doubler = Doubler()
    batcher = Batcher(doubler, Policy(lambda _: 1.0, first_four, 100), Recorder())
    batcher.start()
    first = await held(doubler, batcher, 1)
    waiting = asyncio.create_task(double(batcher, 2))
    await asyncio.sleep(0.01)
    await batcher.stop(drain_s=0.01)
    for task in (first, waiting):
        with pytest.raises(Unavailable):
            await task
    doubler.release.set()


async def test_many_items_of_one_caller_do_not_block_others() -> None:
    """A caller who keeps two items queued delays another by no more than those."""
    doubler = Doubler()

    def one(items: Sequence[int]) -> list[int]:
        return [0]

    async def long_caller(batcher: Batcher[int, int]) -> None:
        with batcher.admit(50) as admission:
            ahead = [admission.submit(0), admission.submit(0)]
            for _ in range(20):
                await ahead.pop(0)
                ahead.append(admission.submit(0))
            await asyncio.gather(*ahead)

    async with running(doubler, select=one) as (batcher, _):
        long = asyncio.create_task(long_caller(batcher))
        await asyncio.to_thread(doubler.begun.wait, 10)
        before = len(doubler.batches)
        assert await double(batcher, 7) == 14
        assert doubler.batches.index([7]) - before <= 2
        await long


async def test_an_admission_can_be_revised() -> None:
    async with running(Doubler(), capacity=10) as (batcher, recorder):
        with batcher.admit(2) as admission:
            admission.revise(9)
            assert recorder.load == 9
            with pytest.raises(Overloaded):
                batcher.admit(2)
            await admission.submit(0)
            assert recorder.load == 8
        assert recorder.load == 0
