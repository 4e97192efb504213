"""Synthetic cameras, detector noise and the sequences they give."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from poselift.formats import FORMATS
from poselift.normalisation import normaliser
from poselift.skeletons import H36M17
from tests.training.motions import motion_set
from training.augmentation.augmentation import Stage
from training.augmentation.detector_noise import NoiseLevel, detect
from training.augmentation.framing import roll_camera, truncate
from training.augmentation.registry import AUGMENTATIONS, augment
from training.augmentation.synthetic_camera import random_camera
from training.augmentation.timing import change_speed
from training.data.sequences import mirror, mirrored
from training.data.synthetic import ProjectionOptions, project, project_all, project_clip

CLEAN = ProjectionOptions("coco17", "person", causal=False, noise=(0.0, 0.0))
MOTIONS = motion_set()
MIRRORS = FORMATS["coco17"].mirror, H36M17.mirror


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", range(30))
def test_a_camera_is_upright_and_looks_at_the_person(seed):
    points = MOTIONS.clip(0)
    camera = random_camera(points[:, 0], rng(seed))
    in_camera_TK3 = camera.to_camera(points)
    assert (in_camera_TK3[..., 2] > 0.5).all()
    np.testing.assert_allclose(camera.turn_33 @ camera.turn_33.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(camera.turn_33) == pytest.approx(1, abs=1e-5)
    head, foot = H36M17.joints.index("head"), H36M17.joints.index("left_foot")
    assert (in_camera_TK3[:, head, 1] < in_camera_TK3[:, foot, 1]).all()  # y is down


def test_a_camera_is_rolled_when_asked_to():
    upright = [random_camera(MOTIONS.clip(0)[:, 0], rng(seed)) for seed in range(99)]
    assert max(abs(_roll(camera)) for camera in upright) < 12
    rolled_cameras = [roll_camera(camera, rng(seed)) for seed, camera in enumerate(upright)]
    rolls = [_roll(camera) for camera in rolled_cameras]
    assert max(rolls) > 35
    assert min(rolls) < -35
    assert max(np.abs(rolls)) < 45 + 12
    for before, after in zip(upright, rolled_cameras, strict=True):
        assert_allclose(after.turn_33[2], before.turn_33[2], err_msg="it looks the same way")
        assert_allclose(after.turn_33 @ after.turn_33.T, np.eye(3), atol=1e-5)


def _roll(camera):
    """Degrees by which a camera's x axis is off the horizon."""
    return np.degrees(np.arcsin(camera.turn_33[0, 1]))


def test_a_person_facing_the_camera_has_their_left_on_its_right():
    camera = random_camera(MOTIONS.clip(0)[:, 0], rng())
    towards = np.arctan2(*(camera.position - MOTIONS.clip(0)[0, 0])[[0, 2]])
    cos, sin = np.cos(towards), np.sin(towards)
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    points = motion_set(1, 1).positions[0] @ turn
    in_camera_TK3 = camera.to_camera(points.astype(np.float32))
    left, right = (H36M17.joints.index(f"{side}_shoulder") for side in ("left", "right"))
    assert in_camera_TK3[left, 0] > in_camera_TK3[right, 0]


@pytest.mark.parametrize("keypoint_format", ["coco17", "h36m17"])
@pytest.mark.parametrize("normalisation", ["screen", "person"])
def test_targets_in_camera_axes_are_the_motion_in_that_camera(keypoint_format, normalisation):
    options = replace(CLEAN, keypoint_format=keypoint_format, normalisation=normalisation)
    camera = random_camera(MOTIONS.clip(1)[:, 0], rng(3))
    in_camera_TK3 = camera.to_camera(MOTIONS.clip(1))
    sequence = project(in_camera_TK3, MOTIONS, camera, options, rng())
    expected = in_camera_TK3[:, :17] - in_camera_TK3[:, :1]
    np.testing.assert_allclose(sequence.inverse.poses(sequence.targets_TK3), expected, atol=1e-5)


def test_clean_inputs_are_the_normalised_projection():
    options = replace(CLEAN, keypoint_format="h36m17")
    camera = random_camera(MOTIONS.clip(1)[:, 0], rng(3))
    in_camera_TK3 = camera.to_camera(MOTIONS.clip(1))
    prepare = normaliser("person", H36M17.joints, camera.image_size, camera.known_intrinsics)
    expected, _ = prepare(camera.intrinsics.project(in_camera_TK3[:, :17]).astype(np.float32))
    np.testing.assert_allclose(
        project(in_camera_TK3, MOTIONS, camera, options, rng()).inputs_TJ2, expected, atol=1e-5
    )


def test_a_mirrored_clip_is_a_clip_of_the_mirrored_person():
    """Mirroring afterwards equals projecting mirrored motion with a mirrored camera."""
    sequence = project_clip(MOTIONS.clip(0), MOTIONS, CLEAN, rng(1))[0]
    twin = mirrored(sequence, *MIRRORS)
    left, right = (H36M17.joints.index(f"{side}_knee") for side in ("left", "right"))
    np.testing.assert_array_equal(twin.targets_TK3[:, left, 0], -sequence.targets_TK3[:, right, 0])
    np.testing.assert_array_equal(twin.targets_TK3[:, left, 1:], sequence.targets_TK3[:, right, 1:])
    camera = sequence.inverse.poses(sequence.targets_TK3)
    np.testing.assert_allclose(
        twin.inverse.poses(twin.targets_TK3), mirror(camera, H36M17.mirror), atol=1e-6
    )
    again = mirrored(twin, *MIRRORS)
    np.testing.assert_array_equal(again.inputs_TJ2, sequence.inputs_TJ2)


def test_speed_keeps_positions_and_shortens_time():
    clip = MOTIONS.clip(0)
    assert change_speed(clip, 1.0) is clip
    fast = change_speed(clip, 2.0)
    np.testing.assert_allclose(fast, clip[: 2 * len(fast) : 2], atol=1e-6)
    slow = change_speed(clip, 0.5)
    np.testing.assert_allclose(slow[1], (clip[0] + clip[1]) / 2, atol=1e-6)
    assert len(slow) == 2 * (len(clip) - 1)
    # In single precision the last time was that of the last frame, which has none after it.
    assert len(change_speed(np.zeros((1000, 1, 3), np.float32), 0.8256197888910344)) == 1211
    assert len(change_speed(clip[:1], 1.5)) == 1


def test_time_reversal_and_limb_swap_are_applied_when_set():
    clip = MOTIONS.clip(0)
    back = augment(Stage.MOTION, clip, {"backwards": 1.0}, MOTIONS, rng())
    np.testing.assert_array_equal(back, clip[::-1])
    mixed = augment(Stage.MOTION, clip, {"limb_swap": 1.0}, MOTIONS, rng())
    assert mixed.shape == clip.shape
    assert not np.array_equal(mixed, clip)
    np.testing.assert_array_equal(augment(Stage.MOTION, clip, {}, MOTIONS, rng()), clip)


def test_measuring_takes_motion_as_it_was_recorded():
    augmented = replace(CLEAN, flip=True, augmentations={each.name: 0.5 for each in AUGMENTATIONS})
    assert augmented.for_evaluation(0.0) == CLEAN


def test_sequences_have_the_bounds_of_clips():
    sequences = project_all(MOTIONS, CLEAN, rng(), cameras=2)
    assert len(sequences.inputs_FJ2) == 2 * len(MOTIONS.positions)
    frames = np.arange(len(sequences.inputs_FJ2))
    np.testing.assert_array_equal(sequences.first_F, frames // 60 * 60)
    np.testing.assert_array_equal(sequences.last_F, frames // 60 * 60 + 59)


def test_projection_is_repeatable_and_fresh():
    same = project_all(MOTIONS, CLEAN, rng(5)).inputs_FJ2
    np.testing.assert_array_equal(project_all(MOTIONS, CLEAN, rng(5)).inputs_FJ2, same)
    assert not np.array_equal(project_all(MOTIONS, CLEAN, rng(6)).inputs_FJ2, same)


@pytest.fixture(scope="module")
def truth():
    places = rng(8).uniform(200, 700, (1, 17, 2)) + np.linspace(0, 50, 5000)[:, None, None]
    return places.astype(np.float32)


def test_zero_noise_changes_nothing(truth):
    detected = detect(truth, "coco17", NoiseLevel().scaled(0), 50, rng())
    np.testing.assert_array_equal(detected[..., :2], truth)
    assert (detected[..., 2] == 1).all()


def test_noise_is_of_the_size_asked_for_and_worse_at_hips_than_at_the_nose(truth):
    detected = detect(truth, "coco17", NoiseLevel(), 50, rng())
    extent = np.ptp(truth, axis=1).max()
    names = FORMATS["coco17"].joints
    errors = np.abs(detected[..., :2] - truth).mean((0, 2)) / extent
    assert 0.002 < errors.mean() < 0.03
    assert errors[names.index("left_hip")] > 2 * errors[names.index("nose")]


def test_noise_has_the_autocorrelation_of_real_detectors(truth):
    level = replace(NoiseLevel().scaled(0), drift=0.01)
    errors = detect(truth, "coco17", level, 50, rng())[..., 0] - truth[..., 0]
    next_frame = np.corrcoef(errors[:-1, 5], errors[1:, 5])[0, 1]
    a_second_on = np.corrcoef(errors[:-50, 5], errors[50:, 5])[0, 1]
    assert next_frame > 0.9
    assert a_second_on < 0.5


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_the_autocorrelation_of_noise_does_not_depend_on_the_frame_rate(fps):
    level = replace(NoiseLevel().scaled(0), drift=0.01)
    still = np.tile(np.linspace(0, 500, 34, dtype=np.float32).reshape(17, 2), (60 * fps, 1, 1))
    errors = (detect(still, "coco17", level, fps, rng())[..., :2] - still).reshape(len(still), -1)
    lag = fps // 2
    half_a_second_on = np.mean(errors[:-lag] * errors[lag:]) / np.mean(errors**2)
    assert half_a_second_on == pytest.approx(np.exp(-0.5 / 0.49), abs=0.15)


def test_scores_are_correlated_with_errors_but_not_fully(truth):
    detected = detect(truth, "coco17", NoiseLevel(), 50, rng())
    found = detected[..., 2] > 0.05
    errors = np.linalg.norm(detected[..., :2] - truth, axis=-1)[found]
    scores = detected[..., 2][found]
    gross = errors > np.quantile(errors, 0.99)
    assert scores[gross].mean() < 0.8 * scores[~gross].mean()
    assert scores[gross].max() > 0.8
    assert scores.max() <= 1


def test_joints_and_people_go_missing_but_never_the_first_frame_as_a_whole(truth):
    detected = detect(truth, "coco17", NoiseLevel(), 50, rng())
    missing = detected[..., 2] == 0
    assert 0.001 < missing.mean() < 0.2
    assert missing.all(axis=1).any()
    assert not missing[0].all()


def test_much_of_one_side_is_occluded_at_once(truth):
    level = replace(NoiseLevel().scaled(0), occluded_sides_per_s=0.1)
    missing = detect(truth, "coco17", level, 50, rng())[..., 2] == 0
    left = [name.startswith("left_") for name in FORMATS["coco17"].joints]
    right = [name.startswith("right_") for name in FORMATS["coco17"].joints]
    assert missing[:, left].sum(axis=1).max() >= 4
    assert missing[:, right].sum(axis=1).max() >= 4
    assert not missing[:, 0].any()


def test_an_image_border_truncates_people(truth):
    for seed in range(20):
        truncated = truncate(detect(truth, "coco17", NoiseLevel().scaled(0), 50, rng()), rng(seed))
        missing = truncated[len(truncated) // 2, :, 2] == 0
        assert 0 < missing.sum() < 17
    alone = np.ones((1, 1, 3), np.float32)  # beyond the image border, but the only joint
    np.testing.assert_array_equal(truncate(alone, rng()), alone)


def test_people_are_truncated_and_their_poses_moved_when_asked_to():
    names = ("joint_angle_jitter", "sitting", "lying", "roll", "truncation")
    augmented = replace(CLEAN, augmentations=dict.fromkeys(names, 1.0))
    sequence = project_clip(MOTIONS.clip(0), MOTIONS, augmented, rng())[0]
    assert np.isfinite(sequence.inputs_TJ2).all()
    assert not np.allclose(
        sequence.inputs_TJ2, project_clip(MOTIONS.clip(0), MOTIONS, CLEAN, rng())[0].inputs_TJ2
    )
