"""Which frame a file or image is of, by its name."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final, NamedTuple

from poselift.errors import InvalidInput
from poselift.readers.source import natural_key

_ENDING: Final = re.compile(r"(\.[A-Za-z][A-Za-z0-9]{1,4})+$")
_DATE_TIME: Final = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[T _-](\d\d)[:_.-]?(\d\d)[:_.-]?(\d\d)[.,](\d{1,9})(?!\d)"
)
"""With a fraction after a point: an underscore often separates a video's date from the frame."""
_EPOCH: Final = re.compile(r"(?<!\d)(1\d{9})(?:[.](\d{3,9})|(\d{3}|\d{6}|\d{9}))(?!\d)")
"""Seconds since 1970 with a fraction, or as many milliseconds, microseconds or nanoseconds."""
_LONGEST_NUMBER: Final = 19
"""Digits; longer ones are no numbers of frames, and slow to read."""
LAST_FRAME: Final = 2**53
"""No frame has a greater number."""
FAR_FACTOR: Final = 1000
FAR_FRAMES: Final = 100_000
"""Frame numbers that reach over more than this, and the factor for every name, are none."""


class FrameOrder(NamedTuple):
    """The frame of each name, and its time in seconds if the names are timestamps."""

    frames: dict[str, int]
    timestamps_s: dict[str, float] | None = None


def order_frames(names: Sequence[str], where: str) -> FrameOrder:
    """The frames of different names, which are one video's.

    The last number that varies from name to name is the frame's. Where numbers reach far beyond
    their count the names are timestamps, or just sorted: frames are counted from 0 then. Names
    without numbers are sorted too.

    Raises:
        InvalidInput: two names have the same frame number, or the same time.
    """
    stems = {name: _stem(name) for name in dict.fromkeys(names)}
    timestamps_s = _timestamps(stems)
    if timestamps_s is not None:
        return _by_time(timestamps_s, where)
    numbers = _numbers(stems)
    if numbers is None or is_far(list(numbers.values())):
        ordered = sorted(stems, key=lambda name: natural_key(stems[name]))
        return FrameOrder({name: frame for frame, name in enumerate(ordered)})
    _refuse_twice(numbers, where, "frame")
    return FrameOrder(numbers)


def is_far(frames: Sequence[int]) -> bool:
    """Whether numbers reach so far beyond their count that they number no frames of a video."""
    if not frames:
        return False
    if max(frames) > LAST_FRAME:
        return True
    return max(frames) - min(frames) > FAR_FACTOR * len(set(frames)) + FAR_FRAMES


def _stem(name: str) -> str:
    return _ENDING.sub("", PurePath(name.replace("\\", "/")).name)


def _numbers(stems: dict[str, str]) -> dict[str, int] | None:
    """The number of each name that varies last; None where there are no numbers to go by."""
    digits = {name: re.findall(r"[0-9]+", stem) for name, stem in stems.items()}
    if not all(digits.values()) or any(
        len(digit) > _LONGEST_NUMBER for found in digits.values() for digit in found
    ):
        return None
    texts = {re.sub(r"[0-9]+", "0", stem) for stem in stems.values()}
    if len(texts) > 1:
        return {name: int(found[-1]) for name, found in digits.items()}
    columns = list(zip(*digits.values(), strict=True))
    varying = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    place = varying[-1] if varying else -1
    return {name: int(found[place]) for name, found in digits.items()}


def _timestamps(stems: dict[str, str]) -> dict[str, float] | None:
    """The time of each name, in seconds from the first, if all are different times."""
    if len(stems) < 2:
        return None
    for parse in (_date_time, _epoch):
        times = {name: parse(stem) for name, stem in stems.items()}
        known = {name: time for name, time in times.items() if time is not None}
        if len(known) == len(stems) and len(set(known.values())) > 1:
            first = min(known.values())
            return {name: (time - first) / 1e9 for name, time in known.items()}
    return None


def _date_time(stem: str) -> int | None:
    """Nanoseconds of a date and time with a fraction of a second."""
    found = _DATE_TIME.search(stem)
    if not found:
        return None
    try:
        whole = datetime(*map(int, found.groups()[:6]), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return int(whole.timestamp()) * 10**9 + int(found[7].ljust(9, "0"))


def _epoch(stem: str) -> int | None:
    """Nanoseconds since 1970."""
    found = _EPOCH.search(stem)
    if not found:
        return None
    return int(found[1]) * 10**9 + int((found[2] or found[3]).ljust(9, "0"))


def _by_time(timestamps_s: dict[str, float], where: str) -> FrameOrder:
    _refuse_twice(timestamps_s, where, "time")
    ordered = sorted(timestamps_s, key=timestamps_s.__getitem__)
    return FrameOrder({name: frame for frame, name in enumerate(ordered)}, timestamps_s)


def _refuse_twice(values: dict[str, int] | dict[str, float], where: str, what: str) -> None:
    first: dict[float, str] = {}
    for name, value in values.items():
        if value in first:
            expected = f"one file for each {what}, found {first[value]} and {name} for {value}"
            raise InvalidInput.at(where, f"{expected}: keep the files of each video by themselves")
        first[value] = name
