"""Reading bodies: limits, and a budget that only large ones share."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import Request

from service.admission import CallerLeft, Deadline
from service.body_memory import Lease, MemoryBudget
from service.request_errors import DeadlineExceeded, Overloaded, TooLarge
from service.rest.bodies import BoundedBody, unless_caller_leaves
from service.shares import Pool

MB = 1024 * 1024
LEFT = {"type": "http.disconnect"}


def request(*chunks: bytes, then: Sequence[dict[str, Any]] = ()) -> Request:
    """A request whose body arrives in chunks; then other events, then none."""
    events = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if not then:
        events[-1]["more_body"] = False
    waiting = iter([*events, *then])

    async def receive() -> dict[str, Any]:
        for event in waiting:
            return event
        return await asyncio.Future()

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def budget_of(most: int, total: float) -> MemoryBudget:
    return MemoryBudget(most, Pool("bytes", total))


async def read(budget: MemoryBudget, body: Request, timeout_s: float = 10) -> bytes:
    with budget.lease() as lease:
        return await Deadline(timeout_s).bound(read_under(lease, body))


async def read_under(lease: Lease, body: Request) -> bytes:
    return await Request(body.scope, BoundedBody(body.receive, lease)).body()


async def test_chunks_are_joined() -> None:
    assert await read(budget_of(10, 10), request(b"ab", b"", b"cd")) == b"abcd"


async def test_a_body_may_be_as_large_as_the_limit_and_no_larger() -> None:
    budget = budget_of(4, 4)
    assert await read(budget, request(b"ab", b"cd")) == b"abcd"
    with pytest.raises(TooLarge):
        await read(budget, request(b"ab", b"cde"))


async def test_large_bodies_share_a_budget_and_small_ones_are_free() -> None:
    budget = budget_of(10 * MB, 4 * MB)
    with budget.lease() as lease:
        assert len(await read_under(lease, request(bytes(3 * MB)))) == 3 * MB
        with pytest.raises(Overloaded):
            await read(budget, request(bytes(MB), bytes(MB), bytes(MB)))
        assert len(await read(budget, request(bytes(MB // 4)))) == MB // 4
    assert len(await read(budget, request(bytes(3 * MB)))) == 3 * MB


async def test_a_party_with_a_quota_counts_all_its_bytes() -> None:
    budget = budget_of(10 * MB, 100 * MB)
    with budget.lease("a", quota=MB) as lease:
        lease.extend(MB // 2)
        with budget.lease("a", quota=MB) as another, pytest.raises(Overloaded):
            another.extend(MB)
        with budget.lease("b") as others:
            others.extend(10 * MB)


@pytest.mark.parametrize("body", [b"ab", b""])
async def test_a_body_that_comes_too_slowly_is_stopped(body: bytes) -> None:
    stalled = request(body, then=[{"type": "http.request", "body": b"", "more_body": True}])
    with budget_of(10, 10).lease() as lease, pytest.raises(DeadlineExceeded, match="too slowly"):
        await Request(stalled.scope, BoundedBody(stalled.receive, lease, patience_s=0.05)).body()
    stalled = request(body, then=[{"type": "http.request", "body": b"", "more_body": True}])
    with pytest.raises(DeadlineExceeded, match="too slowly"):  # as of videos, written to a file
        await Request(stalled.scope, BoundedBody(stalled.receive, None, patience_s=0.05)).body()


async def test_a_caller_may_disconnect_while_the_body_arrives() -> None:
    with pytest.raises(CallerLeft):
        await read(budget_of(10, 10), request(b"ab", then=[LEFT]))


async def test_a_disconnected_caller_cancels_its_request() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def receive() -> dict[str, Any]:
        await begun.wait()
        return LEFT

    with pytest.raises(CallerLeft):
        await unless_caller_leaves(Request({"type": "http"}, receive), work())
    assert cancelled.is_set()


async def test_results_are_returned_and_errors_raised() -> None:
    async def fail() -> None:
        raise TooLarge("over")

    waiting = request(b"")
    assert await unless_caller_leaves(waiting, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(TooLarge, match="over"):
        await unless_caller_leaves(request(b""), fail())
