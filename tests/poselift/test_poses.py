"""Arrays of poses."""

from dataclasses import fields

import numpy as np
import pytest

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
    some = poses[rows]
    for name in (field.name for field in fields(Poses)):
        whole, part = getattr(poses, name), getattr(some, name)
        if isinstance(whole, np.ndarray):
            np.testing.assert_array_equal(part, whole[rows])
        else:
            assert part == whole


def test_finite_poses_are_left_and_others_made_so():
    poses = Poses(np.ones((2, 17, 3), np.float32), quality=np.zeros(2, np.uint8))
    np.testing.assert_array_equal(poses.finite().poses, poses.poses)
    poses.poses[1, 0] = np.nan, np.inf, -np.inf
    most = np.finfo(np.float32).max
    assert poses.finite().poses[1, 0].tolist() == [0, most, -most]
