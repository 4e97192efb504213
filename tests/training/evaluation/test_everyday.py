"""Everyday motion, joint angles and joint definitions in the suite."""

from dataclasses import replace

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.runtime.clip import ClipModel
from poselift.skeletons import H36M17
from tests.models import model_folder
from tests.training.motions import motion_set
from training.evaluation.wild import everyday
from training.evaluation.wild.calibration import joint_groups, measure_calibration
from training.evaluation.wild.held_out import DEFINITIONS, LEGS_NEVER_SEEN, MissingLegs
from training.evaluation.wild.held_out_rows import definition_rows
from training.evaluation.wild.posture_pictures import draw_postures, postures
from training.evaluation.wild.suite import Results, as_json, as_markdown
from training.metrics import flexed_joints, flexion, flexion_error

MOTIONS = replace(
    motion_set(clips=4, frames=30),
    actions=("walk", "walk", "lie down", "sit to stand"),
    origin="Invented (of no one), without a licence.",
)
HELD_OUT = MOTIONS.split(held_out=True)


@pytest.fixture(scope="module")
def lifter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "random"
    outputs = {"trajectory": True, "expected_errors": True}
    model_folder(folder, causal=False, normalisation="person", **outputs)
    return ClipModel.load(folder, provider="cpu")


def test_flexion_is_the_angle_from_straight():
    straight, right_angle = ([0, 1, 0], [0, 0, 0], [0, -1, 0]), ([0, 2, 0], [0, 0, 0], [3, 0, 0])
    joints = np.array([straight, right_angle], float)
    np.testing.assert_allclose(flexion(joints), [0, 90], atol=1e-6)
    assert flexion_error(joints, joints[::-1]) == pytest.approx(90)


def test_knees_and_elbows_are_found_by_name():
    chains = flexed_joints(H36M17.joints)
    assert [H36M17.joints[joint] for joint in chains["knee"][0]] == [
        "left_hip",
        "left_knee",
        "left_foot",
    ]
    assert set(chains) == {"knee", "elbow"}
    assert flexed_joints(("hip", "head")) == {}


def test_a_file_is_called_by_its_origin(tmp_path):
    path = tmp_path / "motions.npz"
    MOTIONS.save(path)
    assert list(everyday.load_everyday([path])) == ["Invented"]
    with pytest.raises(InvalidInput, match="one file of each origin, a second of Invented"):
        everyday.load_everyday([path, path])
    replace(MOTIONS, held_out=np.zeros(len(MOTIONS), bool)).save(path)
    with pytest.raises(InvalidInput, match=r"motions\.npz: expected a held-out clip"):
        everyday.load_everyday([path])


def test_everyday_motion_is_measured_by_action(lifter):
    rows = everyday.by_actions(lifter, {"Invented": HELD_OUT})
    assert set(rows) == {
        "Invented: lie down",
        "Invented: sit to stand",
        "Invented: mean of these",
        "Invented: mean without lying down",
    }
    assert all(np.isfinite(list(row.values())).all() for row in rows.values())
    assert rows["Invented: mean without lying down"] == rows["Invented: sit to stand"]
    noisy = rows["Invented: lie down"]
    assert noisy["noisy: true error"] == pytest.approx(noisy["noisy: MPJPE"] * 17 / 16)


def test_each_family_of_detectors_is_measured(lifter):
    files = {"Invented": HELD_OUT}
    values = everyday.by_definitions(lifter, files, everyday.by_actions(lifter, files))
    values |= definition_rows(lifter, HELD_OUT)
    for what in DEFINITIONS:
        for data in ("Invented", "CMU"):
            assert values[f"{data}, {what}: P-MPJPE"] != values[f"{data}, noisy: P-MPJPE"]


def test_legs_are_missing_throughout_and_the_rest_is_not():
    detected = np.ones((5, 17, 3), np.float32)
    missing = MissingLegs("coco17")(detected, np.random.default_rng(0))
    assert (missing[..., 2] == 0).sum(axis=1).tolist() == [4] * 5


def test_expected_errors_are_compared_by_groups_of_joints(lifter):
    (condition,) = LEGS_NEVER_SEEN.values()
    found = measure_calibration(lifter, HELD_OUT, condition)
    assert set(found.groups) == {"arms", "legs", "trunk"}
    assert all(each.true_mm > 0 for each in found.groups.values())
    groups = joint_groups(H36M17.joints).values()
    assert sorted(joint for group in groups for joint in group) == list(range(1, 17))


def test_postures_are_drawn_as_far_as_there_is_motion(lifter, tmp_path):
    lifters = {"random": lifter}
    names = [each.name.split("\n")[0] for each in postures(lifters, {"Invented": HELD_OUT})]
    assert names == ["standing straight", "sitting down", "lying"]
    draw_postures(lifters, {}, tmp_path / "poses.png")
    assert (tmp_path / "poses.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_says_whether_everyday_motion_was_measured(lifter):
    results = Results({"random": "123"})
    assert "Everyday motion was not measured" in as_markdown(results)
    results.everyday["random"] = everyday.by_actions(lifter, {"Invented": HELD_OUT})
    text = as_markdown(results)
    assert "Everyday motion was not measured" not in text
    assert "| Invented: sit to stand |" in text
    assert "| hip | 9.0 | 4.0 | 2.0 |" in text
    assert '"Invented: lie down"' in as_json(results)
