"""Joint centres from markers, gaps, and skeletons of constant bones."""

from dataclasses import replace

import numpy as np
import pytest

from poselift.errors import InvalidInput
from tests.training.data.datasets.marked_person import person
from training.data.datasets.body import POINTS
from training.data.datasets.cmu import without_duplicates
from training.data.datasets.constant_bones import BONES, SHOULDERS, median_lengths, with_lengths
from training.data.datasets.joint_centres import PELVIS, centres, measured
from training.data.datasets.marked_people import fitted, whole_runs
from training.data.datasets.markers import NAMES, Markers, known_markers, runs, without_gaps
from training.data.datasets.preparation import Clip, given
from training.data.datasets.rigid import arrangement, placed

LIMBS = ("hip", "knee", "foot", "shoulder", "elbow", "wrist")
CLIP = Clip("c", "s", "squat", "made up", given(None))  # type: ignore[arg-type]


def without(markers: Markers, name: str, frames: slice) -> Markers:
    """The same with one marker missing for a while."""
    positions = markers.positions_TM3.copy()
    positions[frames, markers.names.index(name)] = np.nan
    return replace(markers, positions_TM3=positions)


def turned(points: np.ndarray, angle: float = 1.0) -> np.ndarray:
    """Elsewhere in the world, facing elsewhere."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + [2.0, 0.0, -1.0]


def furthest(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=-1).max())


def test_joint_centres_come_back() -> None:
    joints, markers = person()
    markers = replace(markers, positions_TM3=turned(markers.positions_TM3))
    found = centres(markers, measured(markers)).at
    for side in ("left", "right"):
        for joint in LIMBS:
            name = f"{side}_{joint}"
            assert furthest(found[name], turned(joints[name])) < 0.006, name
    assert furthest(found["head"], turned(joints["head"])) < 0.001


def test_the_fitted_person_has_all_points_and_constant_bones() -> None:
    joints, markers = person()
    (fit,) = fitted([markers])
    points = fit.motion.positions_TJ3
    assert fit.motion.joints == POINTS
    assert points.shape == (300, len(POINTS), 3)
    assert furthest(points[:, POINTS.index("left_knee")], joints["left_knee"]) < 0.008
    nose, ear = (points[:, POINTS.index(name)] for name in ("nose", "left_ear"))
    assert (nose - ear)[:, 2].min() > 0.08
    assert points[:, POINTS.index("left_eye"), 0].min() > 0
    thigh = np.linalg.norm(
        points[:, POINTS.index("left_hip")] - points[:, POINTS.index("left_knee")], axis=-1
    )
    assert np.ptp(thigh) < 1e-3
    assert max(residuals.max() for residuals in fit.residuals.values()) < 0.006


def test_a_marker_of_a_rigid_segment_may_be_missing_for_long() -> None:
    joints, markers = person()
    (fit,) = fitted([without(markers, "LASI", slice(100, 250))])
    hip = fit.motion.positions_TJ3[:, POINTS.index("left_hip")]
    assert furthest(hip, joints["left_hip"]) < 0.006


def test_short_gaps_are_interpolated_and_long_ones_cut_out() -> None:
    _, markers = person()
    short = without_gaps(without(markers, "LKNE", slice(100, 106)))
    assert furthest(short.at("LKNE"), markers.at("LKNE")) < 0.005
    gap = without(markers, "LKNE", slice(100, 140))
    (fit,) = fitted([gap])
    first, second, left_out = whole_runs(CLIP, fit.motion)
    assert [len(clip.read().positions_TJ3) for clip in (first, second)] == [100, 160]
    assert (first.name, second.name) == ("c", "c.2")
    with pytest.raises(InvalidInput, match="missing in frames 100 to 139"):
        left_out.read()


def test_notes_of_missing_markers_have_names_of_their_own() -> None:
    _, markers = person()
    (fit,) = fitted([without(markers, "LKNE", slice(100, 140))])
    names = [clip.name for clip in without_duplicates(whole_runs(CLIP, fit.motion))]
    assert names == ["c", "c.2", "c, frames 100 to 139"]


@pytest.mark.parametrize("name", ["LASI", "T10", "LFHD"])
def test_a_subject_whose_pelvis_chest_or_head_is_never_whole_is_an_error(name: str) -> None:
    _, markers = person()
    with pytest.raises(InvalidInput, match="a frame that has all markers"):
        fitted([without(markers, name, slice(None))])


def test_a_segment_does_not_jump_when_a_marker_goes_missing() -> None:
    _, markers = person()
    positions = markers.positions_TM3.copy()
    place = markers.names.index("LASI")
    positions[150:, place, 2] += 0.03  # knocked aside
    lost = without(replace(markers, positions_TM3=positions), "LASI", slice(200, 260))
    pose = placed(arrangement(markers.of(PELVIS)), lost.of(PELVIS))
    assert np.abs(np.diff(pose.place_T3[195:265], axis=0)).max() < 0.012


def test_markers_are_known_by_their_bare_names_and_cmus() -> None:
    names = ["Male:" + {"LASI": "LFWT", "RPSI": "RBWT"}.get(name, name) for name in NAMES]
    positions = np.random.default_rng(0).normal(size=(4, len(NAMES) + 1, 3))
    found = known_markers(["male:LMT5", *names], positions, 120.0, "here")
    np.testing.assert_array_equal(found.at("LASI"), positions[:, 1 + NAMES.index("LASI")])
    with pytest.raises(InvalidInput, match="lacking LFHD"):
        known_markers(names[1:], positions, 120.0, "here")


def test_a_straight_limb_of_wrong_length_stays_straight() -> None:
    joints, markers = person()
    at = centres(markers, measured(markers)).at
    lengths = median_lengths(at)
    stretched = {name: points.copy() for name, points in at.items()}
    stretched["left_foot"][0] -= [0, 0.02, 0]
    moved = with_lengths(stretched, lengths)
    for a, b in BONES:
        bone = np.linalg.norm(moved[a] - moved[b], axis=-1)
        np.testing.assert_allclose(bone, lengths.bones[a, b], atol=5e-4)
    down = moved["left_foot"][0] - moved["left_knee"][0]
    assert abs(down[2]) < 0.005
    assert furthest(moved["left_foot"], joints["left_foot"]) < 0.02


def test_shoulders_stay_wide_when_markers_slide_inwards() -> None:
    _, markers = person()
    at = {**centres(markers, measured(markers)).at}
    lengths = median_lengths(at)
    at |= {name: at[name] * [0.5, 1, 1] for name in SHOULDERS}
    moved = with_lengths(at, lengths)
    width = np.linalg.norm(moved[SHOULDERS[0]] - moved[SHOULDERS[1]], axis=-1)
    assert width.min() > lengths.narrowest_m - 0.005


def test_runs() -> None:
    chosen = np.array([True, False, True, True, False])
    assert runs(chosen) == [slice(0, 1), slice(2, 4)]
