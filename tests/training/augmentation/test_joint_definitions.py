"""Joint definitions: what is detected moves, in the body's own axes; targets stay."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.motions import motion_set
from training.augmentation.joint_definitions import (
    FAMILIES,
    JointDefinitions,
    displace,
    random_definitions,
)
from training.data.synthetic import ProjectionOptions, project_clip

MOTIONS = motion_set(clips=1, frames=30)
NAMES = MOTIONS.joint_names
CLIP = MOTIONS.clip(0)
OPTIONS = ProjectionOptions("coco17", "person", causal=False, noise=(1.0, 1.0))


def _moved(definitions, clip=CLIP):
    return displace(clip, NAMES, JointDefinitions(definitions)) - clip


def _length(start, end):
    return np.linalg.norm(CLIP[:, NAMES.index(end)] - CLIP[:, NAMES.index(start)], axis=-1).mean()


def test_offsets_are_shares_of_a_bone_and_only_their_joints_move():
    moved = _moved({"hip": (0.1, 0.0, 0.0)})
    hips = [NAMES.index(f"{side}_hip") for side in ("left", "right")]
    distances = np.linalg.norm(moved, axis=-1)
    assert not distances[:, [i for i in range(len(NAMES)) if i not in hips]].any()
    for hip, side in zip(hips, ("left", "right"), strict=True):
        expected = 0.1 * _length(f"{side}_hip", f"{side}_knee")
        np.testing.assert_allclose(distances[:, hip], expected, rtol=1e-4)


def test_sides_move_apart():
    left, right = NAMES.index("left_hip"), NAMES.index("right_hip")
    apart = CLIP[:, left] - CLIP[:, right]
    moved = _moved({"hip": (0.1, 0.0, 0.0)})
    assert ((moved[:, left] * apart).sum(-1) > 0).all()
    assert ((moved[:, right] * apart).sum(-1) < 0).all()


def test_up_at_a_knee_is_along_its_thigh():
    moved = _moved({"knee": (0.0, 0.2, 0.0)})
    hip, knee = NAMES.index("left_hip"), NAMES.index("left_knee")
    thigh = CLIP[:, hip] - CLIP[:, knee]
    cosines = (moved[:, knee] * thigh).sum(-1) / (
        np.linalg.norm(moved[:, knee], axis=-1) * np.linalg.norm(thigh, axis=-1)
    )
    np.testing.assert_allclose(cosines, 1, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_offsets_turn_with_the_body(family):
    angle = 2.0
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    elsewhere = CLIP @ turn.T + np.float32([3, 0, -2])
    definitions = FAMILIES[family].offsets
    np.testing.assert_allclose(
        _moved(definitions, elsewhere), _moved(definitions) @ turn.T, atol=1e-5
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_families_put_no_joint_further_off_than_published(family):
    distances = np.linalg.norm(_moved(FAMILIES[family].offsets), axis=-1)
    assert 0.02 < distances.max() < 0.05


def test_targets_stay_and_detections_move():
    before, after = (
        project_clip(CLIP, MOTIONS, replace(OPTIONS, augmentations=settings), _rng())[0]
        for settings in ({}, {"joint_definitions": FAMILIES["OpenPose-like"]})
    )
    metres = [each.inverse.poses(each.targets_TK3) for each in (before, after)]
    np.testing.assert_allclose(metres[0], metres[1], atol=1e-5)
    assert np.abs(after.inputs_TJ2 - before.inputs_TJ2).max() > 0.01


def test_what_is_off_leaves_the_generator_alone():
    first, second = (
        project_clip(CLIP, MOTIONS, replace(OPTIONS, augmentations=settings), _rng())[0]
        for settings in ({}, {"joint_definitions": 0.0})
    )
    np.testing.assert_array_equal(first.inputs_TJ2, second.inputs_TJ2)


def test_every_clip_draws_its_own():
    rng = _rng()
    assert random_definitions(rng) != random_definitions(rng)


def _rng():
    return np.random.default_rng(3)
