"""Which requests are let in, by how long they would wait and by when they must be done."""

import asyncio
from contextlib import ExitStack

import pytest

from service.intake import Asked, Intake
from service.request_errors import Overloaded
from service.wire.served_formats import JSON

SMALL, LARGE = 3_000, 300_000
TOOK_S = 0.1
FOREVER = float("inf")


def asked(
    party: str = "a", size: int = SMALL, within_s: float = FOREVER, waited_s: float = 0
) -> Asked:
    """A request for clips."""
    deadline = asyncio.get_running_loop().time() + within_s
    return Asked(party, JSON.media_type, size, deadline, waited_s)


async def experienced(max_wait_s: float) -> Intake:
    """One that knows that a small request takes a tenth of a second, or somewhat more."""
    intake = Intake(max_wait_s)
    with intake.enter(asked()):
        await asyncio.sleep(TOOK_S)
    return intake


def let_in(intake: Intake, place: ExitStack, party: str, most: int = 1_000) -> int:
    """How many small requests of a party are let in."""
    for number in range(most):
        try:
            place.enter_context(intake.enter(asked(party)))
        except Overloaded:
            return number
    return most


def expect_all(intake: Intake) -> int:
    """How many small requests are let in by their heads."""
    for number in range(1_000):
        try:
            intake.expect(asked())
        except Overloaded:
            return number
    raise AssertionError("none is refused")


async def test_what_would_wait_too_long_is_refused() -> None:
    intake = await experienced(max_wait_s=1)
    with ExitStack() as place:
        # In a burst, which this is, three times as long.
        assert 2 <= let_in(intake, place, "a") <= 32
        with pytest.raises(Overloaded) as refused:
            intake.expect(asked())
        assert refused.value.reason == "wait"
        assert refused.value.retry_after_s > 0
        # Of one who asks for much each of the others has as much first, which is little.
        intake.expect(asked("b", LARGE))
    intake.expect(asked())


async def test_requests_whose_heads_came_together_are_not_all_let_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.intake._COMES_WITHIN_S", 60.0)
    intake = await experienced(max_wait_s=1)
    with intake.enter(asked()):
        expected = expect_all(intake)
        # Each of them finds its place then, and only these do.
        with ExitStack() as place:
            assert let_in(intake, place, "a", most=expected) == expected
            assert let_in(intake, place, "a") <= 1


async def test_who_does_not_come_is_not_counted_on_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.intake._COMES_WITHIN_S", 1.0)
    intake = await experienced(max_wait_s=1)
    with intake.enter(asked()):
        expect_all(intake)
        with pytest.raises(Overloaded):
            intake.expect(asked())
        await asyncio.sleep(1.1)
        intake.expect(asked())


async def test_parties_wait_for_themselves() -> None:
    intake = await experienced(max_wait_s=1)
    with ExitStack() as place:
        let_in(intake, place, "a")
        assert let_in(intake, place, "b", most=3) == 3


async def test_what_would_be_late_is_refused() -> None:
    intake = await experienced(max_wait_s=60)
    intake.expect(asked(within_s=TOOK_S / 2))  # who is alone may try
    with intake.enter(asked("b")):
        intake.expect(asked())
        with pytest.raises(Overloaded) as refused:
            intake.expect(asked(within_s=TOOK_S / 2))
    assert refused.value.reason == "deadline"


async def test_what_could_not_be_looked_at_for_long_is_refused() -> None:
    intake = await experienced(max_wait_s=1)
    with intake.enter(asked()):
        intake.expect(asked())
        with pytest.raises(Overloaded) as refused:
            intake.expect(asked(waited_s=2))
    assert refused.value.reason == "wait"
    # Who is alone comes in all the same, after a rest for others to be refused.
    with pytest.raises(Overloaded):
        intake.expect(asked(waited_s=2))
    intake.expect(asked())
    await asyncio.sleep(2 * TOOK_S)
    intake.expect(asked(waited_s=2))


async def test_a_stall_is_forgotten() -> None:
    intake = await experienced(max_wait_s=1)
    with ExitStack() as place:
        let_in(intake, place, "a")
        await asyncio.sleep(5 * TOOK_S)
    for _ in range(20):
        with intake.enter(asked()):
            await asyncio.sleep(TOOK_S / 20)
    with ExitStack() as place:
        assert let_in(intake, place, "a", most=4) == 4


async def test_a_wrong_request_teaches_nothing() -> None:
    intake = Intake(max_wait_s=0.001)
    with pytest.raises(ValueError, match="wrong"), intake.enter(asked()):
        raise ValueError("wrong")
    with ExitStack() as place:
        assert let_in(intake, place, "a") == 1_000
