"""The time between a session's frames: even, or told by the timestamps that come with them."""

from collections.abc import Iterator
from itertools import count, pairwise

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

    def shares(self, frame: Frame, skipped: int) -> Iterator[int]:
        """Ticks since the latest frame, at least 1, for each frame skipped and then for this one.

        Raises:
            InvalidInput: the timestamp is missing or one too many, or does not rise.
        """
        ticks = self._ticks(frame.timestamp_s)
        self.go_on(frame.timestamp_s)
        if not skipped:
            return iter((max(ticks, 1),))
        ends = (round(ticks * number / (skipped + 1)) for number in count(0))
        return (max(end - start, 1) for start, end in pairwise(ends))

    def _ticks(self, time: float | None) -> int:
        latest = self.latest_s
        if self._has_begun and (time is None) != (latest is None):
            raise InvalidInput.at("timestamp_s", "one with every frame of a session, or with none")
        if time is None or latest is None:
            return 1
        if time <= latest:
            raise InvalidInput.at("timestamp_s", f"a time after {latest:g}, found {time:g}")
        return round(time * TIMESTAMP_TICKS_PER_S) - round(latest * TIMESTAMP_TICKS_PER_S)
