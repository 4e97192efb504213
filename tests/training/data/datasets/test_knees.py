"""Knees that fitted skeletons bend, straightened."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.data.datasets.marked_person import person
from training.data.datasets.body import POINTS, stacked, with_face
from training.data.datasets.knees import shortened_leg, straighten
from training.data.datasets.prepared import MotionSet
from training.prepare import main

HIP = np.array([0.1, 0.9, 0.0])


def leg(degrees: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hip, knee and foot (T, 3) of a leg bent so far, half forward and half back."""
    half = np.radians(degrees) / 2
    down = np.stack([0 * half, -np.cos(half), np.sin(half)], axis=1)
    knee = HIP + 0.42 * down
    return np.tile(HIP, (len(half), 1)), knee, knee + 0.40 * down * [1, 1, -1]


def flexion(hip: np.ndarray, knee: np.ndarray, foot: np.ndarray) -> np.ndarray:
    a, b = knee - hip, foot - knee
    cosine = np.sum(a * b, axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_a_leg_that_stands_becomes_straight_and_a_bent_one_hardly_less_bent() -> None:
    hip, knee, foot = leg(np.array([0.0, 20.0, 40.0, 90.0, 130.0]))
    new_knee, new_foot = shortened_leg(hip, knee, foot, np.radians(20))
    found = flexion(hip, new_knee, new_foot)
    assert found[0] < 2
    assert 4 < found[1] < 6.5
    assert 34 < found[2] < 36
    assert 87 < found[3] < 89
    assert 128 < found[4] < 130
    assert np.linalg.norm(new_foot - foot, axis=-1)[1:].max() < 0.003
    for a, b in ((hip, new_knee), (new_knee, new_foot)):
        assert np.ptp(np.linalg.norm(a - b, axis=-1)) < 1e-4


def test_knees_straighten_smoothly() -> None:
    hip, knee, foot = leg(np.linspace(1, 60, 591))
    found = flexion(hip, *shortened_leg(hip, knee, foot, np.radians(20)))
    assert (np.diff(found) > -0.02).all()
    assert np.diff(found).max() < 0.4  # 0.1 before


def standing_set(extra_degrees: float, source: str = "amc") -> MotionSet:
    """Someone who stands, with bent knees, and then squats."""
    at, _ = person(600)
    phase = np.clip(np.linspace(-0.5, 1.0, 600), 0, None)
    bend = extra_degrees + (100 - extra_degrees) * np.sin(np.pi * phase) ** 2
    at = {name: points.copy() for name, points in at.items()}
    for side, sign in (("left", 1), ("right", -1)):
        hip, knee, foot = (points * [sign, 1, 1] for points in leg(bend))
        lift = np.array([0.0, 0.08, 0.0]) - foot * [0, 1, 1]
        at |= {f"{side}_hip": hip + lift, f"{side}_knee": knee + lift, f"{side}_foot": foot + lift}
    hips = (at["left_hip"] + at["right_hip"]) / 2
    heights = {"hip": 0.0, "spine": 0.2, "thorax": 0.45, "neck": 0.57, "head": 0.68}
    at |= {name: hips + [0, height, 0] for name, height in heights.items()}
    points = stacked(with_face(at)).astype(np.float32)
    return MotionSet(
        positions=points,
        clip_ends=np.array([len(points)]),
        names=("stand and squat",),
        subjects=("1",),
        actions=("squat",),
        sources=(source,),
        original_fps=np.array([50.0]),
        held_out=np.array([False]),
        fps=50.0,
        origin="made up",
        joint_names=POINTS,
    )


def knees(motions: MotionSet) -> np.ndarray:
    joints = ("left_hip", "left_knee", "left_foot")
    return flexion(*(motions.positions[:, POINTS.index(joint)] for joint in joints))


def test_people_who_stand_are_straightened() -> None:
    motions = standing_set(20)
    found = straighten(motions)
    assert np.degrees(found.standing["1"]) == pytest.approx(20, abs=0.5)
    assert knees(motions)[:150].min() > 19
    assert knees(found.motions)[:150].max() < 7
    assert knees(found.motions).max() > 97
    untouched = POINTS.index("left_wrist")
    np.testing.assert_array_equal(
        found.motions.positions[:, untouched], motions.positions[:, untouched]
    )


@pytest.mark.parametrize("motions", [standing_set(2), standing_set(20, "uiprmd"), standing_set(40)])
def test_who_stands_straight_crouches_or_wore_markers_is_left_alone(motions: MotionSet) -> None:
    np.testing.assert_array_equal(straighten(motions).motions.positions, motions.positions)


def test_who_walks_on_straighter_knees_than_when_standing_crouched() -> None:
    stands, walks = standing_set(20), standing_set(1)
    both = replace(
        stands,
        positions=np.concatenate([stands.positions, walks.positions]),
        clip_ends=np.cumsum([len(stands.positions), len(walks.positions)]),
        names=("stand", "walk"),
        subjects=("1", "1"),
        actions=("squat", "walk"),
        sources=("amc", "amc"),
        original_fps=np.array([50.0, 50.0]),
        held_out=np.array([False, False]),
        groups=("exercise", "walking"),
    )
    both.positions[len(stands.positions) :, :, 0] += np.arange(len(walks.positions))[:, None] * 0.02
    assert np.degrees(straighten(both).standing["1"]) < 3


def test_the_command(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    replace(standing_set(20), held_out=np.array([True])).save(tmp_path / "a.npz")
    command = ["straighten", str(tmp_path / "a.npz"), "--output", str(tmp_path / "b.npz")]
    main(command)
    assert knees(MotionSet.load(tmp_path / "b.npz"))[0] > 19
    assert "1: " not in capsys.readouterr().out
    main([*command, "--held-out"])
    assert knees(MotionSet.load(tmp_path / "b.npz"))[0] < 7
    assert "1: stands with knees bent by 20" in capsys.readouterr().out
