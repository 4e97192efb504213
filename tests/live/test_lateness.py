"""Whether live frames count as late."""

from pathlib import Path

import pytest

from service.live.lateness import Lateness
from service.request_errors import Overloaded
from service.shares import Party
from tests.live.replicas import options, play, replica, walks
from tests.live.stores import StoreServer


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def observe(lateness: Lateness, clock: Clock, took_s: float, seconds: float, sessions: int) -> None:
    """Frames of sessions at 20 frames a second."""
    for _ in range(round(seconds * 20)):
        clock.now += 0.05
        for _ in range(sessions):
            lateness.observe("a", took_s, 0.05)


@pytest.mark.parametrize("sessions", [1, 50])
def test_frames_that_take_all_the_time_there_is_are_late(clock: Clock, sessions: int) -> None:
    lateness = Lateness(clock)
    observe(lateness, clock, 0.05, seconds=5, sessions=sessions)
    assert lateness.share > 0.9
    clock.now += 6
    assert lateness.share == 0


@pytest.mark.parametrize("sessions", [1, 50])
def test_a_moment_of_slow_frames_is_not(clock: Clock, sessions: int) -> None:
    """Such as the first frames, or those that waited for the store."""
    lateness = Lateness(clock)
    observe(lateness, clock, 1.0, seconds=0.5, sessions=sessions)
    assert lateness.share < 0.5
    observe(lateness, clock, 0.01, seconds=60, sessions=sessions)
    assert lateness.share == pytest.approx(0.2, abs=0.01)


async def test_no_more_sessions_are_opened_while_frames_are_late(
    models: Path, one_store: StoreServer
) -> None:
    async with replica(models, one_store.url, max_lateness=1e-9) as sessions:
        one = await sessions.open(options(session_id="one"), "a", party=Party("a"))
        assert sessions.doubt() is None
        await play(one, walks("p", "q", "r", frames=2))
        assert "late" in (sessions.doubt() or "")
        with pytest.raises(Overloaded) as refused:
            await sessions.open(options(), "a", party=Party("a"))
        assert refused.value.reason == "late"
        await play(one, walks("p", "q", "r", frames=4)[2:])
        await sessions.open(options(session_id="one"), "a", party=Party("a"))
        await sessions.open(options(), "b", party=Party("b"))  # has few of the people there are


def test_who_sends_too_fast_is_late_to_itself_alone(clock: Clock) -> None:
    """Frames of 5 ms: one party says that it sends 1000 a second, and sends as fast as it can."""
    lateness = Lateness(clock)
    for _ in range(2_000):
        clock.now += 0.005
        lateness.observe("fast", 0.005, 0.001)
    assert lateness.share_for("fast") == lateness.share < 0.2


def test_a_party_counts_once_however_many_frames_it_sends(clock: Clock) -> None:
    lateness = Lateness(clock)
    for _ in range(100):
        for _ in range(40):
            clock.now += 0.05 / 40
            lateness.observe("many", 1.0, 0.05)
        lateness.observe("one", 0.01, 0.05)
    assert lateness.share_for("many") > 0.9
    assert lateness.share_for("one") == lateness.share == pytest.approx(0.6, abs=0.05)
    assert lateness.share_for("new") == pytest.approx(0.4, abs=0.05)


async def test_one_late_caller_does_not_keep_out_another(
    models: Path, one_store: StoreServer
) -> None:
    """Of one person, so that another caller has no few people."""
    async with replica(models, one_store.url, max_lateness=0.7) as sessions:
        one = await sessions.open(options(), "a", party=Party("a"))
        await play(one, walks("p", frames=1))
        for model in sessions._live_models.values():
            model.lateness.observe("a", 100.0, 100.0)
        assert sessions.doubt() is not None
        with pytest.raises(Overloaded):
            await sessions.open(options(), "a", party=Party("a"))
        await sessions.open(options(), "b", party=Party("b"))
