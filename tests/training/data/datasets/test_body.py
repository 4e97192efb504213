from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.skeletons import H36M17
from training.data.datasets.asfamc import read_amc, read_asf
from training.data.datasets.body import FACE, POINTS, points_of
from training.data.datasets.cmu import find_clips, read_positions
from training.data.datasets.kinematics import Motion
from training.data.datasets.preparation import BONES, bone_lengths


@pytest.fixture
def points(tmp_path: Path, person_texts) -> np.ndarray:
    asf, amc, _ = person_texts
    (tmp_path / "01.asf").write_text(asf)
    (tmp_path / "01_01.amc").write_text(amc)
    return points_of(read_amc(tmp_path / "01_01.amc", read_asf(tmp_path / "01.asf")))[0]


def at(points_TJ3: np.ndarray, name: str) -> np.ndarray:
    return points_TJ3[:, POINTS.index(name)]


def frame(points_TJ3: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The trunk's left, up and forward."""
    left = at(points_TJ3, "left_shoulder") - at(points_TJ3, "right_shoulder")
    up = at(points_TJ3, "thorax") - at(points_TJ3, "hip")
    return left, up, np.cross(left, up)


def along(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    return np.sum(vectors * axis, axis=-1) / np.linalg.norm(axis, axis=-1)


def stands_like_a_person(points_TJ3: np.ndarray) -> None:
    left, up, forward = frame(points_TJ3)
    for joint in ("hip", "shoulder", "ear", "eye"):
        across = at(points_TJ3, f"left_{joint}") - at(points_TJ3, f"right_{joint}")
        assert along(across, left).min() > 0.02, joint
    ears = (at(points_TJ3, "left_ear") + at(points_TJ3, "right_ear")) / 2
    eyes = (at(points_TJ3, "left_eye") + at(points_TJ3, "right_eye")) / 2
    assert along(at(points_TJ3, "nose") - ears, forward).min() > 0.03
    assert np.linalg.norm(eyes - at(points_TJ3, "nose"), axis=-1).max() < 0.06
    # The head nods, so its points are compared along its own axis.
    crown = at(points_TJ3, "head") - at(points_TJ3, "neck")
    assert along(at(points_TJ3, "head") - eyes, crown).min() > 0
    # Human3.6M's thorax is level with the shoulders.
    shoulders = (at(points_TJ3, "left_shoulder") + at(points_TJ3, "right_shoulder")) / 2
    assert np.abs(along(shoulders - at(points_TJ3, "thorax"), up)).max() < 0.03
    for side in ("left", "right"):
        foot, knee, hip = (at(points_TJ3, f"{side}_{j}") for j in ("foot", "knee", "hip"))
        assert (along(knee - (foot + hip) / 2, forward) > 0).mean() > 0.9


def test_points_are_those_of_h36m_and_the_face() -> None:
    assert (*H36M17.joints, *FACE) == POINTS


def test_left_up_and_forward(points: np.ndarray) -> None:
    stands_like_a_person(points)
    travel = at(points, "hip")[-1] - at(points, "hip")[0]
    assert travel @ frame(points)[2].mean(axis=0) > 0


def test_sizes_are_in_metres(points: np.ndarray) -> None:
    thigh = np.linalg.norm(at(points, "left_hip") - at(points, "left_knee"), axis=-1)
    np.testing.assert_allclose(thigh, 7.3 * 0.0254 / 0.45)
    forearm = np.linalg.norm(at(points, "right_elbow") - at(points, "right_wrist"), axis=-1)
    np.testing.assert_allclose(forearm, (3.4 + 1.7) * 0.0254 / 0.45)


def scaled(motion: Motion, by: float) -> Motion:
    return Motion(motion.joints, motion.positions_TJ3 * by, motion.rotations_TJ33, motion.fps)


@pytest.mark.parametrize("unit", ["metre", "inch", "centimetre", "millimetre"])
def test_units_follow_from_the_leg_length(tmp_path: Path, person_texts, unit: str) -> None:
    asf, amc, _ = person_texts
    (tmp_path / "01.asf").write_text(asf)
    (tmp_path / "01_01.amc").write_text(amc)
    motion = read_amc(tmp_path / "01_01.amc", read_asf(tmp_path / "01.asf"))
    metres = {"metre": 1.0, "inch": 0.0254, "centimetre": 0.01, "millimetre": 0.001}[unit]
    found, name = points_of(scaled(motion, 0.0254 / 0.45 / metres))
    assert name == unit
    np.testing.assert_allclose(found, points_of(motion)[0])


def test_no_known_unit(points: np.ndarray, tmp_path: Path) -> None:
    motion = read_amc(tmp_path / "01_01.amc", read_asf(tmp_path / "01.asf"))
    with pytest.raises(InvalidInput, match="leg length"):
        points_of(scaled(motion, 1e6))


def test_an_unknown_skeleton_is_named() -> None:
    motion = Motion(("tail", "wing"), np.zeros((2, 2, 3)), None, 30.0)
    with pytest.raises(InvalidInput, match="tail, wing"):
        points_of(motion)


def test_an_older_naming_of_the_bvh_conversion(real_cmu: Path) -> None:
    path = next(real_cmu.rglob("131_01.bvh"))
    (clip,) = find_clips(path)
    points, unit = points_of(clip.read())
    assert unit.startswith("CMU")
    left, up, _ = frame(points)
    ears = at(points, "left_ear") - at(points, "right_ear")
    assert (along(ears, left) > 0).all()
    assert (up[:, 1] > 0).all()
    for bone in BONES[:8]:
        assert bone_lengths(points, bone).std() < 1e-4, bone.name


def test_positions_agree_with_the_recording_they_come_from(
    real_cmu: Path, real_positions: Path
) -> None:
    amc = next(real_cmu.rglob("02_01.amc"))
    truth = points_of(read_amc(amc, read_asf(amc.with_name("02.asf"))))[0][1::2]
    motion = dict(read_positions(real_positions))["train/walking/walking_1"]
    points = points_of(motion)[0]
    body = slice(0, 17)
    error = np.linalg.norm(
        (points - points[:, :1] - truth[: len(points)] + truth[: len(points), :1])[:, body], axis=-1
    )
    assert error.max() < 0.02
