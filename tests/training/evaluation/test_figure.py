"""The made-up figure: its angles are what they are said to be, and what is found of them."""

import numpy as np
import pytest

from poselift.runtime.clip import ClipModel
from tests.models import model_folder
from training.data.datasets.body import POINTS
from training.evaluation.wild.figure import (
    FLEXIONS,
    SIDES,
    STATURE_M,
    Found,
    as_rows,
    in_camera,
    measure_figure,
    posed,
    seen_from,
)
from training.evaluation.wild.pictures import draw_flexion
from training.metrics import flexion


def _at(points, *names):
    return points[[POINTS.index(name) for name in names]]


@pytest.mark.parametrize("degrees", FLEXIONS)
def test_joints_are_flexed_as_asked(degrees):
    legs = _at(posed(knees=degrees), "left_hip", "left_knee", "left_foot")
    arms = _at(posed(elbows=degrees), "right_shoulder", "right_elbow", "right_wrist")
    np.testing.assert_allclose([flexion(legs), flexion(arms)], degrees, atol=1e-4)


@pytest.mark.parametrize("degrees", FLEXIONS)
def test_a_squat_keeps_its_bones_and_its_balance(degrees):
    standing, squat = posed(), posed(knees=degrees)
    for bone in (("left_hip", "left_knee"), ("hip", "thorax"), ("right_knee", "right_foot")):
        lengths = [np.linalg.norm(np.diff(_at(each, *bone), axis=0)) for each in (standing, squat)]
        assert lengths[0] == pytest.approx(lengths[1])
    hip, thorax, foot = _at(squat, "hip", "thorax", "left_foot")
    assert hip[2] <= 1e-9 <= thorax[2] + 1e-8
    assert foot[1] == pytest.approx(0.039 * STATURE_M)


def test_a_t_pose_has_level_arms():
    arm = _at(posed(arms="level"), "left_shoulder", "left_elbow", "left_wrist")
    np.testing.assert_allclose(np.ptp(arm[:, 1:], axis=0), 0, atol=1e-9)


def test_each_side_is_seen_from_four_metres_and_fits_the_image():
    for side in range(len(SIDES)):
        np.testing.assert_allclose(in_camera(posed(), side)[0, 2], 4, atol=1e-5)
        pixels = seen_from(posed(arms="level"), side)
        assert ((pixels > 0) & (pixels < (1080, 1920))).all()
    front, back = (seen_from(posed(), SIDES.index(name)) for name in ("front", "back"))
    assert front[5, 0] > front[6, 0]  # the left shoulder is on the image's right
    assert back[5, 0] < back[6, 0]


def test_slopes_and_offsets_are_over_all_sides():
    true = np.array([0, 20, 60, 90])
    found = Found(true, 0.5 * true[:, None] + np.array([10.0, 20.0]))
    rows = as_rows({"knees": found})
    assert rows["knees: slope of found over true (%)"] == pytest.approx(50)
    assert rows["knees at 0°: found - true, mean of sides"] == pytest.approx(15)
    assert rows["knees at 90°: found - true, worst side"] == pytest.approx(-35)


def test_a_model_is_measured_and_drawn(tmp_path):
    model_folder(tmp_path / "random", causal=True, normalisation="person")
    found = measure_figure(ClipModel.load(tmp_path / "random", provider="cpu"))
    assert found["knees"].found_AS.shape == (len(FLEXIONS), len(SIDES))
    assert all(np.isfinite(each.found_AS).all() for each in found.values())
    draw_flexion({"random": found}, tmp_path / "flexion.png")
    assert (tmp_path / "flexion.png").read_bytes().startswith(b"\x89PNG")
