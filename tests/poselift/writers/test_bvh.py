"""BVH files, read by a reader of the tests' own: joints where the poses have them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.imputation import Quality
from poselift.kinematics.segments import BodyMotion
from poselift.postprocess.pipeline import enforce_bone_lengths
from poselift.skeletons import H36M17
from poselift.writers.rigs import RIGS
from tests.checkout import ROOT
from tests.poselift.figures import FIGURES, FPS, HANGING, T_POSE, both, figure, walk
from tests.poselift.writers.bvh_reader import read_bvh

TOLERANCE_M = 0.005
LIFTED = {
    "balancing": ("balancing/cam01.json", "symmetric243"),
    "balancing, live model": ("balancing/cam03.json", "causal243"),
    "walking": ("walking_mediapipe.json", "symmetric243"),
}


def lifted(name: str) -> poselift.Poses:
    file, model = LIFTED[name]
    request = json.loads((ROOT / "examples" / file).read_text())
    options = {each: request[each] for each in ("image_size", "fps", "keypoint_format")}
    return poselift.lift(request["clips"][0]["keypoints"], model=model, **options)


def expected(poses: poselift.Poses) -> dict[str, np.ndarray]:
    """The joints of known frames, y up, with constant bone lengths."""
    known = poses.quality != Quality.UNKNOWN
    upright = poses.in_axes("y_up").rows(known)
    flat = enforce_bone_lengths(upright.poses, H36M17.parents, np.ones(known.sum(), bool))
    places = flat + upright.trajectory[:, None]
    return dict(zip(H36M17.joints, np.moveaxis(places, 1, 0), strict=True))


def assert_same_places(path: Path, poses: poselift.Poses, names: dict[str, str], unit_m=1.0):
    found = read_bvh(path).positions()
    known = poses.quality != Quality.UNKNOWN
    for joint, place in expected(poses).items():
        if joint in names:
            away = np.linalg.norm(found[names[joint]][known] * unit_m - place, axis=1)
            assert away.max() < TOLERANCE_M, (joint, away.max())


@pytest.mark.parametrize("name", LIFTED)
def test_joints_of_lifted_clips_are_where_the_poses_have_them(tmp_path: Path, name: str) -> None:
    poses = lifted(name)
    poselift.write(tmp_path / "out.bvh", poses)
    assert_same_places(tmp_path / "out.bvh", poses, {each: each for each in H36M17.joints})


@pytest.mark.parametrize("name", FIGURES)
def test_joints_of_made_up_poses_are_where_they_should_be(tmp_path: Path, name: str) -> None:
    poses = figure(FIGURES[name])
    poselift.write(tmp_path / "out.bvh", poses)
    assert_same_places(tmp_path / "out.bvh", poses, {each: each for each in H36M17.joints})


_SIDES = ("hip", "knee", "foot", "shoulder", "elbow", "wrist")
_NAMES = {
    "mixamo": ("mixamorig:{}{}", "UpLeg Leg Foot Arm ForeArm Hand", "Left Right"),
    "vrm": ("{}{}", "UpperLeg LowerLeg Foot UpperArm LowerArm Hand", "left right"),
    "unreal": ("{1}_{0}", "thigh calf foot upperarm lowerarm hand", "l r"),
    "cmu": ("{}{}", "UpLeg Leg Foot Arm ForeArm Hand", "Left Right"),
}


@pytest.mark.parametrize("rig", _NAMES)
def test_presets_have_their_names_and_the_same_places(tmp_path: Path, rig: str) -> None:
    pattern, parts, sides = _NAMES[rig]
    names = {
        f"{side}_{joint}": pattern.format(written, part)
        for side, written in zip(("left", "right"), sides.split(), strict=True)
        for joint, part in zip(_SIDES, parts.split(), strict=True)
    }
    poses = walk()
    poselift.write(tmp_path / "out.bvh", poses, rig=rig)
    assert_same_places(tmp_path / "out.bvh", poses, names, RIGS[rig].unit_m)


def test_the_rest_pose_is_a_t_pose_and_the_t_pose_turns_nothing(tmp_path: Path) -> None:
    poselift.write(tmp_path / "out.bvh", figure(T_POSE, trajectory=None))
    read = read_bvh(tmp_path / "out.bvh")
    assert np.abs(read.rows[:, 3:]).max() < 1
    rest = read.rest()
    for left in (1, -1):
        side = "left" if left == 1 else "right"
        arm = rest[f"{side}_wrist"] - rest[f"{side}_shoulder"]
        assert arm / np.linalg.norm(arm) == pytest.approx([left, 0, 0], abs=1e-5)
        leg = rest[f"{side}_foot"] - rest[f"{side}_hip"]
        assert leg / np.linalg.norm(leg) == pytest.approx([0, -1, 0], abs=1e-5)
        assert rest[f"{side}_foot end"][2] > rest[f"{side}_foot"][2] + 0.1  # feet point to +z
    assert (rest["head"] - rest["thorax"])[[0, 2]] == pytest.approx([0, 0], abs=1e-5)


def test_unreals_rest_pose_has_the_arms_at_45_degrees(tmp_path: Path) -> None:
    poselift.write(tmp_path / "out.bvh", figure(both({"arm_add": -45})), rig="unreal")
    read = read_bvh(tmp_path / "out.bvh")
    arm = read.rest()["hand_l"] - read.rest()["upperarm_l"]
    assert arm / np.linalg.norm(arm) == pytest.approx([0.5**0.5, -(0.5**0.5), 0], abs=1e-5)
    assert np.abs(read.rows[:, 3:]).max() < 1


def test_the_frame_time_is_that_of_the_clip(tmp_path: Path) -> None:
    poselift.write(tmp_path / "out.bvh", walk(10))
    assert read_bvh(tmp_path / "out.bvh").frame_time == pytest.approx(1 / FPS)


def test_frames_of_unknown_quality_repeat_the_pose_before(tmp_path: Path) -> None:
    poses = walk(30)
    poses.quality[:3] = poses.quality[10:14] = Quality.UNKNOWN
    poses.poses[:3] = poses.poses[10:14] = 0
    poselift.write(tmp_path / "out.bvh", poses)
    rows = read_bvh(tmp_path / "out.bvh").rows
    np.testing.assert_array_equal(rows[10:14], rows[[9] * 4])
    np.testing.assert_array_equal(rows[:3], rows[[3] * 3])


def test_frames_at_uneven_times_are_written_at_the_frame_rate(tmp_path: Path) -> None:
    poses = walk(91)
    kept = np.delete(np.arange(91), [4, 29, 30, 57])
    uneven = replace(poses, timestamps_s=np.arange(91) / FPS).rows(kept)
    poselift.write(tmp_path / "even.bvh", poses)
    poselift.write(tmp_path / "uneven.bvh", uneven)
    even, found = (read_bvh(tmp_path / f"{name}.bvh").positions() for name in ("even", "uneven"))
    for joint in ("left_wrist", "right_foot"):
        away = np.linalg.norm(even[joint] - found[joint], axis=1)
        assert away.max() < 0.02
        assert np.median(away) < 0.005


def test_motion_in_a_long_gap_between_frames_is_not_made_up(tmp_path: Path) -> None:
    times = np.arange(30) / FPS
    times[10:] += 1
    poselift.write(tmp_path / "out.bvh", replace(walk(30), timestamps_s=times))
    rows = read_bvh(tmp_path / "out.bvh").rows
    assert len(rows) == 60
    np.testing.assert_array_equal(rows[10:40], rows[[9] * 30])
    assert not np.array_equal(rows[40], rows[9])


@pytest.mark.parametrize("ending", [".bvh", ".trc", ".mot"])
def test_years_between_frames_are_refused(tmp_path: Path, ending: str) -> None:
    times = np.array([0.0, 1 / FPS, 2 / FPS, 1e9])
    with pytest.raises(InvalidInput, match="timestamps_s: expected at most 200000 frames of 30 a"):
        poselift.write(tmp_path / f"out{ending}", replace(walk(4), timestamps_s=times))


def test_straight_limbs_that_jitter_do_not_flip() -> None:
    frames = 120
    jitter = np.random.default_rng(0).normal(0, 4, (4, frames))
    poses = figure(
        {
            "elbow_flex_l": jitter[0],
            "elbow_flex_r": jitter[1],
            "knee_angle_l": jitter[2],
            "knee_angle_r": jitter[3],
            **HANGING,
        },
        frames,
    )
    motion = BodyMotion.of(poses)
    for segment in ("left_upper_arm", "right_upper_arm", "left_thigh", "right_thigh"):
        assert largest_step_degrees(motion.rotations[segment]) < 5


def test_a_limb_that_straightens_keeps_its_twist() -> None:
    bend = np.concatenate([np.full(30, 60.0), np.linspace(60, 0, 15), np.full(15, 0.0)])
    turned = {"arm_rot_l": 50, "arm_flex_l": 40, "elbow_flex_l": bend}
    angles = poselift.joint_angles(figure(turned, len(bend)))
    assert angles["arm_rot_l"][:30] == pytest.approx(50, abs=3)
    assert np.abs(np.diff(angles["arm_rot_l"])).max() < 5


def largest_step_degrees(rotations: np.ndarray) -> float:
    steps = rotations[1:] @ np.swapaxes(rotations[:-1], 1, 2)
    cosines = (np.trace(steps, axis1=1, axis2=2) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosines, -1, 1)).max()))


def test_the_residual_is_what_a_rigid_pelvis_leaves() -> None:
    poses = walk(20)
    assert BodyMotion.of(poses).residual.max() < 1e-5
    poses.poses[:10, H36M17.joints.index("left_hip"), 1] += 0.03
    residual = BodyMotion.of(poses).residual
    assert 0.005 < residual[:, H36M17.joints.index("left_hip")].max() < 0.03
    assert residual[:, H36M17.joints.index("head")].max() < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fps": None}, "fps: expected frames per second"),
        ({"skeleton": "humaneva15"}, "skeleton: expected"),
        ({"quality": np.full(1, Quality.UNKNOWN, np.uint8)}, "at least one frame"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, change, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        poselift.write(tmp_path / "out.bvh", replace(figure(T_POSE), **change))


def test_unknown_rigs_and_formats_without_a_rig_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="rig: expected one of h36m, mixamo"):
        poselift.write(tmp_path / "out.bvh", figure(T_POSE), rig="maya")
    with pytest.raises(InvalidInput, match=r"rig: expected .*\.bvh"):
        poselift.write(tmp_path / "out.npz", figure(T_POSE), rig="mixamo")
