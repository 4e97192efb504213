"""Limb swap: another clip's limbs at their own angles, with the body's bone lengths."""

import numpy as np
import pytest

from poselift.skeletons import H36M17
from tests.training.motions import motion_set
from training.augmentation.bodies import scale_bones, swap_limbs

MOTIONS = motion_set(clips=3, frames=50)
NAMES = MOTIONS.joint_names
ARMS = [
    NAMES.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("elbow", "wrist")
]
LEGS = [NAMES.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("knee", "foot")]


@pytest.mark.parametrize("limbs", ["shoulder", "hip"])
def test_ones_own_limbs_change_nothing(limbs):
    clip = MOTIONS.clip(0)
    np.testing.assert_allclose(swap_limbs(clip, clip, NAMES, limbs), clip, atol=1e-5)


@pytest.mark.parametrize(("limbs", "moved"), [("shoulder", ARMS), ("hip", LEGS)])
def test_only_the_limbs_move(limbs, moved):
    clip = MOTIONS.clip(0)
    swapped = swap_limbs(clip, MOTIONS.clip(1), NAMES, limbs)
    others = [i for i in range(len(NAMES)) if i not in moved]
    np.testing.assert_array_equal(swapped[:, others], clip[:, others])
    assert (np.abs(swapped[:, moved] - clip[:, moved]).max(axis=(0, 2)) > 0.005).all()


def test_where_the_donor_stands_and_faces_does_not_matter():
    donor = MOTIONS.clip(1)
    cos, sin = np.cos(2.0), np.sin(2.0)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], dtype=np.float32)
    elsewhere = donor @ turn.T + np.float32([3, 0, -2])
    for limbs in ("shoulder", "hip"):
        np.testing.assert_allclose(
            swap_limbs(MOTIONS.clip(0), elsewhere, NAMES, limbs),
            swap_limbs(MOTIONS.clip(0), donor, NAMES, limbs),
            atol=1e-4,
        )


def test_bones_keep_the_bodys_mean_length():
    clip, donor = MOTIONS.clip(0), MOTIONS.clip(1) * np.float32(1.3)
    swapped = swap_limbs(clip, donor, NAMES, "shoulder")
    for side in ("left", "right"):
        shoulder, elbow = (NAMES.index(f"{side}_{joint}") for joint in ("shoulder", "elbow"))
        before, after = (
            np.linalg.norm(points[:, elbow] - points[:, shoulder], axis=-1).mean()
            for points in (clip, swapped)
        )
        assert after == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 20, 200])
def test_a_donor_may_be_of_any_length(frames):
    long = motion_set(clips=1, frames=frames).clip(0)
    swapped = swap_limbs(MOTIONS.clip(0), long, NAMES, "hip")
    assert swapped.shape == MOTIONS.clip(0).shape
    assert np.isfinite(swapped).all()


def test_bone_length_scaling_keeps_directions_and_symmetry():
    clip = MOTIONS.clip(0)
    moved = scale_bones(clip, 0.1, np.random.default_rng(0))
    np.testing.assert_array_equal(moved[:, 0], clip[:, 0])
    factors = {}
    for joint, parent in enumerate(H36M17.parents):
        if parent < 0:
            continue
        before, after = clip[:, joint] - clip[:, parent], moved[:, joint] - moved[:, parent]
        factor = np.linalg.norm(after, axis=1) / np.linalg.norm(before, axis=1)
        np.testing.assert_allclose(factor, factor[0], rtol=1e-3)
        np.testing.assert_allclose(after, factor[0] * before, atol=1e-4)
        factors[H36M17.joints[joint]] = factor[0]
    assert factors["left_knee"] == pytest.approx(factors["right_knee"], rel=1e-3)
    assert len({round(float(factor), 3) for factor in factors.values()}) > 5
    face = slice(len(H36M17.joints), None)
    neck = H36M17.joints.index("neck")
    np.testing.assert_allclose(
        moved[:, face] - moved[:, neck, None], clip[:, face] - clip[:, neck, None], atol=1e-5
    )
