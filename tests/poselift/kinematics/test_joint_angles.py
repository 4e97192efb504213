"""Joint angles of poses that were made with known ones."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import poselift
from poselift.errors import InvalidInput
from poselift.imputation import Quality
from tests.poselift.figures import FIGURES, both, figure, walk

BENT = {"knee_angle_r": 50, "elbow_flex_r": 60, "knee_angle_l": 50, "elbow_flex_l": 60}
ANGLES = {
    "pelvis_tilt": [-40, 15],
    "pelvis_list": [-20, 25],
    "pelvis_rotation": [-120, 60],
    "lumbar_extension": [-50, 20],
    "lumbar_bending": [-20, 30],
    "lumbar_rotation": [-30, 30],
    "hip_flexion": [-20, 100],
    "hip_adduction": [-35, 15],
    "hip_rotation": [-25, 25],
    "knee_angle": [30, 130],
    "arm_flex": [-40, 60, 120],
    "arm_add": [-60, 20],
    "arm_rot": [-40, 60],
    "elbow_flex": [35, 120],
}
ONE_SIDED = ("hip", "knee", "arm", "elbow")


@pytest.mark.parametrize(
    ("name", "angle"), [(name, angle) for name, angles in ANGLES.items() for angle in angles]
)
def test_an_angle_is_found_on_both_sides_with_its_sign(name: str, angle: float) -> None:
    made = {name: angle}
    if name.startswith(ONE_SIDED):
        made = both(made)
    expected = BENT | made
    found = poselift.joint_angles(figure(expected, frames=3))
    for each in expected:
        assert found[each] == pytest.approx(expected[each], abs=0.2), each
    for each in set(found) - set(expected):
        if not each.startswith("shoulder"):
            assert found[each] == pytest.approx(0, abs=0.2), each


@pytest.mark.parametrize("name", FIGURES)
def test_angles_do_not_depend_on_the_axes_of_the_poses(name: str) -> None:
    upright = poselift.joint_angles(figure(FIGURES[name]))
    for axes in ("camera", "z_up"):
        turned = poselift.joint_angles(figure(FIGURES[name]).in_axes(axes))
        for each, angle in upright.items():
            assert turned[each] == pytest.approx(angle, abs=0.01)


@pytest.mark.parametrize(
    ("made", "plane", "elevation"),
    [
        ({"arm_add": -80}, 0, 80),  # abduction
        ({"arm_flex": 70}, 90, 70),  # forward flexion
        ({"arm_flex": -40}, -90, 40),  # backwards
    ],
)
def test_the_shoulder_by_the_isbs_plane_and_elevation(made, plane, elevation) -> None:
    found = poselift.joint_angles(figure(both(made | {"elbow_flex": 60})))
    for side in "rl":
        assert found[f"shoulder_plane_{side}"] == pytest.approx(plane, abs=0.1)
        assert found[f"shoulder_elevation_{side}"] == pytest.approx(elevation, abs=0.1)


def test_both_triples_of_the_shoulder_are_one_rotation() -> None:
    made = {"arm_flex": 35, "arm_add": -25, "arm_rot": 20, "elbow_flex": 70}
    found = {n: v[0] for n, v in poselift.joint_angles(figure(both(made))).items()}
    for side in "rl":
        isb = [found[f"shoulder_{n}_{side}"] for n in ("plane", "elevation", "rotation")]
        isb[1] *= -1
        ours = [found[f"arm_{n}_{side}"] for n in ("flex", "add", "rot")]
        expected = Rotation.from_euler("ZXY", ours, degrees=True).as_matrix()
        turned = Rotation.from_euler("YXY", isb, degrees=True).as_matrix()
        np.testing.assert_allclose(turned, expected, atol=1e-6)


def test_a_hyperextended_knee_is_below_zero() -> None:
    found = poselift.joint_angles(figure({"knee_angle_r": -12, "knee_angle_l": 0}))
    assert found["knee_angle_r"] == pytest.approx(-12, abs=0.5)
    assert found["hip_rotation_r"] == pytest.approx(0, abs=10)


def test_angles_are_nan_where_the_pose_is_unknown() -> None:
    poses = walk(10)
    poses.quality[4] = Quality.UNKNOWN
    for angles in poselift.joint_angles(poses).values():
        assert np.flatnonzero(np.isnan(angles)).tolist() == [4]


def test_angles_do_not_jump_while_a_person_turns_around() -> None:
    frames = 100
    poses = figure({"pelvis_rotation": np.linspace(0, 720, frames)}, frames)
    found = poselift.joint_angles(poses)["pelvis_rotation"]
    assert found[-1] - found[0] == pytest.approx(720, abs=0.5)
    assert np.abs(np.diff(found)).max() < 10


def test_an_arm_that_passes_the_side_has_no_jump() -> None:
    frames = 60
    raised = np.linspace(0, -170, frames)
    poses = figure({"arm_add_l": raised, "arm_flex_l": 2, "elbow_flex_l": 50}, frames)
    found = poselift.joint_angles(poses)
    for name in ("arm_flex_l", "arm_add_l", "arm_rot_l"):
        assert np.abs(np.diff(found[name])).max() < 30, name


def test_degenerate_poses_have_finite_angles() -> None:
    poses = figure({}, 4)
    poses.poses[:] = 0
    for angles in poselift.joint_angles(poses).values():
        assert np.isfinite(angles).all()


def test_no_frame_rate_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="fps"):
        poselift.joint_angles(figure({}, fps=None))
