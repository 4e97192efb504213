"""Timestamps: refused unless they rise, and counted in ticks."""

import numpy as np
import pytest

from poselift.clock import Clock
from poselift.errors import InvalidInput


def test_a_frame_rate_is_a_tick_a_frame():
    clock = Clock.of(30.0, None, 4)
    assert (clock.fps, clock.elapsed_T.tolist()) == (30.0, [1, 1, 1, 1])


def test_timestamps_are_milliseconds_between_frames():
    clock = Clock.of(50.0, [10.0, 10.04, 10.08, 10.5, 10.54], 5)
    assert clock.elapsed_T.tolist() == [1, 40, 40, 420, 40]
    assert clock.fps == pytest.approx(25)


def test_frames_within_a_millisecond_are_a_tick_apart():
    assert Clock.of(50.0, [0.0, 0.01, 0.02, 0.02001], 4).elapsed_T.tolist() == [1, 10, 10, 1]


@pytest.mark.parametrize(
    ("times", "where"),
    [
        ([0.0, 0.1], "one for each of the 3 frames"),
        ([0.0, 0.2, 0.1], r"timestamps_s\[2\]: expected a time after"),
        ([0.0, 0.0, 0.1], r"timestamps_s\[1\]: expected a time after"),
        ([0.0, np.nan, 0.1], "finite numbers"),
        (["a", "b", "c"], "numbers, in seconds"),
        ([0.0, 5e-324, 1e-323], "a millisecond or more"),
        ([0.0, 1e-9, 2e-9], "a millisecond or more"),
        ([0.0, 1e8, 2e8], "a millisecond or more"),
    ],
)
def test_others_are_refused(times, where):
    with pytest.raises(InvalidInput, match=where):
        Clock.of(50.0, times, 3)
