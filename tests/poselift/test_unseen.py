"""Limbs that were never seen: one pose over time, and an expected error that covers the truth."""

import numpy as np
import pytest

from poselift.formats import FORMATS
from poselift.skeletons import H36M17
from poselift.unseen import UnseenLimbs

COCO = FORMATS["coco17"].joints
LIMBS = UnseenLimbs(COCO, H36M17.joints)
LEG = [H36M17.joints.index(name) for name in ("left_hip", "left_knee", "left_foot")]


def poses(frames=9, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, (frames, 17, 3)).astype(np.float32)


def seen(*missing, frames=9):
    mask = np.ones((frames, 17), np.bool_)
    mask[:, [COCO.index(name) for name in missing]] = False
    return mask


def test_what_was_seen_is_left_as_it_is():
    found, errors = poses(), np.full((9, 17), 0.05, np.float32)
    LIMBS.settle(found, errors, seen())
    np.testing.assert_array_equal(found, poses())
    assert (errors == np.float32(0.05)).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_leg_never_seen_hangs_along_the_trunk(side):
    found, errors = poses(), np.full((9, 17), 0.05, np.float32)
    LIMBS.settle(found, errors, seen(f"{side}_knee", f"{side}_ankle"))
    leg = [H36M17.joints.index(f"{side}_{name}") for name in ("hip", "knee", "foot")]
    trunk = found[:, 0] - found[:, H36M17.joints.index("thorax")]
    down = trunk / np.linalg.norm(trunk, axis=1, keepdims=True)
    np.testing.assert_allclose(found[:, leg[1]] - found[:, leg[0]], 0.44 * down, atol=1e-6)
    np.testing.assert_allclose(found[:, leg[2]] - found[:, leg[1]], 0.43 * down, atol=1e-6)
    others = [joint for joint in range(17) if joint not in leg[1:]]
    np.testing.assert_array_equal(found[:, others], poses()[:, others])
    assert (errors[:, leg[1:]] >= np.float32(0.45)).all()
    assert (errors[:, others] == np.float32(0.05)).all()


def test_only_the_expected_error_says_that_an_ankle_was_never_seen():
    found, errors = poses(), np.full((9, 17), 0.05, np.float32)
    LIMBS.settle(found, errors, seen("left_ankle"))
    np.testing.assert_array_equal(found, poses())
    assert (errors[:, LEG[2]] == np.float32(0.25)).all()
    assert (errors[:, LEG[1]] == np.float32(0.05)).all()


def test_frames_are_settled_one_by_one():
    mask = seen()
    mask[:4, [COCO.index("left_knee"), COCO.index("left_ankle")]] = False
    found = poses()
    LIMBS.settle(found, None, mask)
    np.testing.assert_array_equal(found[4:], poses()[4:])
    alone = poses()[2:3]
    LIMBS.settle(alone, None, mask[2:3])
    np.testing.assert_array_equal(alone[0], found[2])


def test_a_person_without_a_trunk_hangs_down_in_the_image():
    found = np.zeros((1, 17, 3), np.float32)
    LIMBS.settle(found, None, seen("left_knee", "left_ankle", frames=1))
    np.testing.assert_allclose(found[0, LEG[1]], [0, 0.44, 0])
