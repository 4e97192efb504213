"""Arrays of poses."""

from dataclasses import fields

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.poses import Poses, PoseWarning


@pytest.mark.parametrize("rows", [slice(1, 3), np.array([2, 0]), np.array([True, False, True])])
@pytest.mark.parametrize("is_full", [True, False])
def test_some_rows_keep_all_fields(rows, is_full):
    random = np.random.default_rng(0)
    arrays = random.random((3, 17, 3)), random.random((3, 3)), random.random((3, 17))
    codes = random.integers(0, 4, (3, 17)).astype(np.uint8)
    poses = Poses(
        *(arrays if is_full else arrays[:1]),
        quality=np.arange(3, dtype=np.uint8),
        joint_quality=codes if is_full else None,
        first_frame=7,
        warnings=(PoseWarning("upside_down", "the feet are above the head"),),
    )
    some = poses.rows(rows)
    for name in (field.name for field in fields(Poses)):
        whole, part = getattr(poses, name), getattr(some, name)
        if isinstance(whole, np.ndarray):
            np.testing.assert_array_equal(part, whole[rows])
        else:
            assert part == whole


def clip(**fields):
    return Poses(
        np.random.default_rng(0).random((50, 17, 3)),
        quality=np.zeros(50, np.uint8),
        fps=25.0,
        first_frame=100,
        **fields,
    )


@pytest.mark.parametrize(
    "frames", [slice(10, 20), slice(30, None), slice(-5, None), slice(None, 7), slice(3, 4, 1)]
)
@pytest.mark.parametrize("timestamps_s", [None, np.cumsum(np.linspace(0.03, 0.05, 50))])
def test_consecutive_frames_keep_their_numbers_and_times(frames, timestamps_s):
    poses = clip(timestamps_s=timestamps_s)
    some = poses[frames]
    numbers = np.arange(100, 150)[frames]
    np.testing.assert_array_equal(some.first_frame + np.arange(len(some)), numbers)
    np.testing.assert_array_equal(some.times_s, poses.times_s[frames])
    np.testing.assert_array_equal(some.poses, poses.poses[frames])


@pytest.mark.parametrize("frames", [slice(None, None, 2), slice(None, None, -1), [3, 1], 5])
def test_frames_further_apart_are_refused(frames):
    with pytest.raises(InvalidInput, match="poses: expected consecutive frames"):
        clip()[frames]


def test_finite_poses_are_left_and_others_made_so():
    poses = Poses(np.ones((2, 17, 3), np.float32), quality=np.zeros(2, np.uint8))
    np.testing.assert_array_equal(poses.finite().poses, poses.poses)
    poses.poses[1, 0] = np.nan, np.inf, -np.inf
    most = np.finfo(np.float32).max
    assert poses.finite().poses[1, 0].tolist() == [0, most, -most]
