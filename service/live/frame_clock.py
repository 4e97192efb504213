"""The time between a session's frames: even, or told by the timestamps that come with them."""

from collections.abc import Iterator

from poselift.clock import TIMESTAMP_TICKS_PER_S
from poselift.errors import InvalidInput
from service.live.frames import Frame


class FrameClock:
    """Tells how many ticks have passed; a session's first frame decides of what.

    Attributes:
        latest_s: the timestamp of the latest frame, if frames have any.
    """

    def __init__(self) -> None:
        self.latest_s: float | None = None
        self._has_begun = False

    @property
    def has_timestamps(self) -> bool:
        """Whether ticks are those of timestamps; else they are frames."""
        return self.latest_s is not None

    def go_on(self, timestamp_s: float | None) -> None:
        """A frame has come, here or before the session was restored."""
        self._has_begun = True
        self.latest_s = timestamp_s

    def elapsed(self, frame: Frame) -> int:
        """Ticks since the latest frame.

        Raises:
            InvalidInput: the timestamp is missing or one too many, or does not rise.
        """
        time, latest = frame.timestamp_s, self.latest_s
        if self._has_begun and (time is None) != (latest is None):
            raise InvalidInput.at("timestamp_s", "one with every frame of a session, or with none")
        if time is None or latest is None:
            return 1
        if time <= latest:
            raise InvalidInput.at("timestamp_s", f"a time after {latest:g}, found {time:g}")
        ticks = round(time * TIMESTAMP_TICKS_PER_S) - round(latest * TIMESTAMP_TICKS_PER_S)
        return max(ticks, 1)


def shared_out(ticks: int, frames: int) -> Iterator[int]:
    """Ticks evenly shared out over any number of frames, at least one each."""
    end = 0
    for number in range(1, frames + 1):
        start, end = end, round(ticks * number / frames)
        yield max(end - start, 1)
