"""Arrays and limits: what is refused, and which place the refusal names."""

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.lifting import check_finite
from service.request_errors import TooLarge
from service.requests import Clip
from service.validation import Limits, check_extent

LIMITS = Limits(max_frames_per_request=10, max_clips_per_request=3)


def clip(name: str = "0", shape: tuple[int, ...] = (4, 17, 3)) -> Clip:
    return Clip(name, np.zeros(shape, dtype=np.float32))


def place_of(clips: list[Clip]) -> str:
    with pytest.raises(InvalidInput) as refusal:
        check_extent(clips, 17, LIMITS)
    return refusal.value.field_errors[0].where


def test_values_within_the_limits_pass() -> None:
    check_extent([clip("a"), clip("b"), clip("c", (2, 17, 3))], 17, LIMITS)


@pytest.mark.parametrize(
    ("clips", "where"),
    [
        ([], "clips"),
        ([clip("a"), clip("b", (0, 17, 3))], "clips[1].keypoints"),
        ([clip("a", (2, 17))], "clips[0].keypoints"),
        ([clip("a", (2, 17, 2))], "clips[0].keypoints"),
        ([clip("a", ())], "clips[0].keypoints"),
        ([clip("a", (2, 16, 3))], "clips[0].keypoints[0]"),
        ([clip("a"), clip("a")], "clips[1].id"),
    ],
)
def test_a_wrong_extent_names_its_place(clips: list[Clip], where: str) -> None:
    assert place_of(clips) == where


def test_joints_are_counted_against_the_format() -> None:
    with pytest.raises(InvalidInput, match="expected 17 joints, found 16"):
        check_extent([clip("a", (2, 16, 3))], 17, LIMITS)


def test_too_many_clips_or_frames_are_too_large() -> None:
    with pytest.raises(TooLarge, match="4 clips"):
        check_extent([clip(str(i), (1, 17, 3)) for i in range(4)], 17, LIMITS)
    with pytest.raises(TooLarge, match="11 frames"):
        check_extent([clip("a"), clip("b", (7, 17, 3))], 17, LIMITS)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_number_that_is_not_finite_names_its_joint(bad: float, channel: int) -> None:
    invalid = clip("a", (30, 17, 3))
    invalid.keypoints_TJ3[17, 4, channel] = bad
    with pytest.raises(InvalidInput) as refusal:
        check_finite(invalid.keypoints_TJ3, "clips[2].keypoints")
    assert refusal.value.field_errors[0].where == "clips[2].keypoints[17][4]"


@pytest.mark.parametrize("missing", [[], [0], [3], [0, 3], [1], [0, 1, 2, 3], [1, 2]])
@pytest.mark.parametrize("mark", [(7, 9, 0), (0, 0, 1), (-1, -1, 1)])
def test_detected_frames_are_those_with_a_joint_that_is_not_missing(missing, mark) -> None:
    keypoints = np.ones((4, 17, 3), np.float32)
    keypoints[..., 0] = 5
    keypoints[missing] = mark
    found = [frame for frame in range(4) if frame not in missing] or range(4)
    assert Clip("0", keypoints).detected == slice(min(found), max(found) + 1)
