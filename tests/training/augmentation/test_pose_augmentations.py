"""Augmented poses: bones keep their lengths, joints their limits, and motion stays smooth."""

from itertools import pairwise

import numpy as np
import pytest

from poselift.skeletons import H36M17
from tests.training.motions import motion_set
from training.augmentation.joint_angle_jitter import jitter_joint_angles
from training.augmentation.limbs import flex, limb
from training.augmentation.posture import lay_down_person, seat_person, straighten_arms

MOTIONS = motion_set(clips=3, frames=80)
NAMES = MOTIONS.joint_names
CLIP = MOTIONS.clip(0)
CHANGES = {
    "joint-angle jitter": lambda points, rng: jitter_joint_angles(points, NAMES, 50.0, rng),
    "sitting": lambda points, rng: seat_person(points, NAMES, rng),
    "lying": lay_down_person,
    "straight arms": lambda points, rng: straighten_arms(points, NAMES, rng),
}


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def straightened(chain):
    """One frame in which a limb hangs down straight."""
    standing = CLIP[:1].copy()
    for above, below in pairwise(chain):
        standing[:, below] = standing[:, above] - np.float32([0, 0.4, 0])
    return standing


def bone_lengths(points):
    parents = np.array(H36M17.parents[1:])
    joints = np.arange(1, len(H36M17.parents))
    return np.linalg.norm(points[:, joints] - points[:, parents], axis=-1)


def angle(points, chain):
    upper, lower = (points[:, b] - points[:, a] for a, b in pairwise(chain))
    cosines = (upper * lower).sum(-1)
    cosines /= np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
    return np.arccos(np.clip(cosines, -1, 1))


@pytest.mark.parametrize("name", CHANGES)
def test_bones_keep_their_lengths_and_the_root_its_trajectory(name, rng):
    changed = CHANGES[name](CLIP, rng)
    np.testing.assert_allclose(bone_lengths(changed), bone_lengths(CLIP), atol=1e-5)
    np.testing.assert_array_equal(changed[:, 0], CLIP[:, 0])
    assert np.abs(changed - CLIP).max() > 0.05


@pytest.mark.parametrize("name", CHANGES)
def test_motion_stays_smooth(name, rng):
    still = np.repeat(CLIP[:1], 200, axis=0)
    changed = CHANGES[name](still, rng)
    assert np.abs(np.diff(changed, axis=0)).max() < 0.1  # metres a frame: 5 m/s


@pytest.mark.parametrize("name", CHANGES)
def test_a_clip_of_one_frame_is_changed_too(name, rng):
    assert np.isfinite(CHANGES[name](CLIP[:1], rng)).all()


@pytest.mark.parametrize("limbs", ["shoulder", "hip"])
@pytest.mark.parametrize("degrees", [-300, 20, 300])
def test_elbows_and_knees_stay_within_their_limits(limbs, degrees):
    chain = limb(NAMES, "left", limbs)
    flexed_once = flex(straightened(chain), NAMES, limbs, chain, np.array([1.0]))
    flexed = flex(flexed_once, NAMES, limbs, chain, np.radians([degrees]))
    expected = np.clip(1.0 + np.radians(degrees), 0, np.radians(145))
    np.testing.assert_allclose(angle(flexed, chain), [expected], atol=0.02)


@pytest.mark.parametrize(("limbs", "sign"), [("shoulder", 1), ("hip", -1)])
def test_a_straight_limb_flexes_in_the_human_direction(limbs, sign):
    """Forearms come forwards, shanks go back."""
    chain = limb(NAMES, "right", limbs)
    standing = straightened(chain)
    across = standing[0, NAMES.index("left_shoulder")] - standing[0, NAMES.index("right_shoulder")]
    ahead = np.cross(across, [0, 1, 0])
    flexed = flex(standing, NAMES, limbs, chain, np.array([1.0]))
    lower = flexed[0, chain[2]] - flexed[0, chain[1]]
    assert sign * (lower @ ahead) > 0.5 * 0.4 * np.linalg.norm(ahead)


def test_seated_thighs_point_ahead(rng):
    across = CLIP[:, NAMES.index("left_hip")] - CLIP[:, NAMES.index("right_hip")]
    ahead = np.cross(across, [0, 1, 0])
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    for _ in range(5):
        seated = seat_person(CLIP, NAMES, rng)
        for side in ("left", "right"):
            hip, knee, _ = limb(NAMES, side, "hip")
            thigh = seated[:, knee] - seated[:, hip]
            share = (thigh * ahead).sum(-1) / np.linalg.norm(thigh, axis=-1)
            assert share.mean() > np.sin(np.radians(30))


def test_lying_bodies_are_level(rng):
    lying = [lay_down_person(CLIP, rng) for _ in range(20)]
    backs = np.array([(each[:, 8] - each[:, 0]).mean(axis=0) for each in lying])
    assert (backs[:, 1] < 0.7 * np.linalg.norm(backs, axis=1)).all()
