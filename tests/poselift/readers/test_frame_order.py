"""Which frame a file is of."""

import pytest

from poselift.errors import InvalidInput
from poselift.readers.frame_order import order_frames


def frames(*names):
    found = order_frames(names, "folder").frames
    return [found[name] for name in names]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["clip_2.json", "clip_10.json", "clip_1.json"], [2, 10, 1]),
        (["take2_000012_keypoints.json", "take2_000015_keypoints.json"], [12, 15]),
        (["7_hd1080p.jpg", "9_hd1080p.jpg"], [7, 9]),
        (["3.jpg"], [3]),
        (["VID_20180704_120621_0005.json", "VID_20180704_120621_0009.json"], [5, 9]),
        (["left.json", "middle.json", "right.json"], [0, 1, 2]),
        (["b.json", "a.json"], [1, 0]),
        (["000007.png", "000008.png"], [7, 8]),
        (["video/000007.png", "video/000009.png"], [7, 9]),
        (["5", "25000"], [5, 25000]),
    ],
)
def test_the_number_that_varies_is_the_frame(names, expected):
    assert frames(*names) == expected


@pytest.mark.parametrize(
    "names",
    [
        ["Kick_1_000.json", "Kick_1_001.json", "Kick_2_000.json"],
        ["kick_000.json", "kick_001.json", "punch_000.json"],
        ["1.json", "01.json"],
    ],
)
def test_two_files_for_one_frame_are_refused_naming_both(names):
    with pytest.raises(InvalidInput, match="one file for each frame, found") as refused:
        frames(*names)
    assert sum(name in refused.value.detail for name in names) == 2


@pytest.mark.parametrize(
    ("names", "seconds"),
    [
        (["2018-07-04T12_06_22.000000.png", "2018-07-04T12_06_21.950000.png"], [0.05, 0]),
        (["1305031102.175304.png", "1305031102.211214.png"], [0, 0.03591]),
        (["cam_1530705981050.png", "cam_1530705981150.png"], [0, 0.1]),
        (["1530705981050000.png", "1530705981050500.png"], [0, 0.0005]),
        (["1530705981050000000.png", "1530705981150000000.png"], [0, 0.1]),
    ],
)
def test_timestamps_give_the_order_and_times(names, seconds):
    order = order_frames(names, "folder")
    assert sorted(order.frames.values()) == [0, 1]
    assert order.timestamps_s is not None
    assert list(order.timestamps_s.values()) == pytest.approx(seconds)
    assert (order.frames[names[0]] < order.frames[names[1]]) == (seconds[0] < seconds[1])


def test_numbers_far_beyond_their_count_are_only_an_order():
    assert frames("4000000.json", "900000.json", "12345678901234567890123.json") == [1, 0, 2]


def test_two_files_of_one_time_are_refused():
    names = ["a1530705981050.png", "b1530705981050.png", "a1530705981150.png"]
    with pytest.raises(InvalidInput, match="one file for each time"):
        frames(*names)
