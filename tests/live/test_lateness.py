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
            lateness.observe(took_s, 0.05)


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
