"""What is made once for all who ask before that begins."""

import asyncio
from itertools import count

import pytest

from service.latest import Latest


class Making:
    """Makes one number after the other, each once it may."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.begun = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> int:
        self.begun = next(self.numbers)
        await self.may_end.wait()
        return self.begun


async def until_begun(making: Making, number: int) -> None:
    async with asyncio.timeout(60):
        while making.begun < number:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


async def test_who_asks_before_it_begins_shares_it_and_later_ones_have_the_next() -> None:
    making = Making()
    latest = Latest(making)
    first = [asyncio.create_task(latest()) for _ in range(3)]
    await until_begun(making, 1)
    later = [asyncio.create_task(latest()) for _ in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert making.begun == 1  # one at a time
    making.may_end.set()
    async with asyncio.timeout(60):
        assert await asyncio.gather(*first, *later) == [1, 1, 1, 2, 2, 2]


async def test_who_leaves_takes_nothing_from_the_others() -> None:
    making = Making()
    latest = Latest(making)
    leaves, stays = (asyncio.create_task(latest()) for _ in range(2))
    await until_begun(making, 1)
    leaves.cancel()
    making.may_end.set()
    async with asyncio.timeout(60):
        assert await stays == 1


async def test_a_failure_is_of_those_who_asked_for_it() -> None:
    outcomes = iter([ValueError("not now"), None])

    async def make() -> str:
        if error := next(outcomes):
            raise error
        return "made"

    latest = Latest(make)
    failed = await asyncio.gather(latest(), latest(), return_exceptions=True)
    assert [str(error) for error in failed] == ["not now", "not now"]
    async with asyncio.timeout(60):
        assert await latest() == "made"


async def test_it_goes_on_after_one_was_cancelled() -> None:
    making = Making()
    latest = Latest(making)
    asking = asyncio.create_task(latest())
    await asyncio.sleep(0)
    assert latest._next is not None
    latest._next.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    making.may_end.set()
    async with asyncio.timeout(60):
        assert await latest() == 1
