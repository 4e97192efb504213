from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poselift.skeletons import H36M17
from training.data.datasets.body import FACE, POINTS
from training.data.datasets.prepared import MotionSet


@pytest.fixture
def source(write_person, prepared) -> MotionSet:
    """Three clips of two people, from motion capture."""
    write_person("01", clips=2)
    folder = write_person("03", scale=1.1)
    return MotionSet.load(prepared("cmu", "--source", folder)[0])


@pytest.fixture
def arrays(source: MotionSet) -> dict[str, Any]:
    """The same as anyone might write it: joints in another order, one more than is needed."""
    names = ("tail", *reversed(POINTS))
    tail = np.zeros((len(source.positions), 1, 3), np.float32)
    return {
        "positions": np.concatenate([tail, source.positions[:, ::-1]], axis=1),
        "joint_names": names,
        "clip_ends": source.clip_ends,
        "names": source.names,
        "fps": 50,
    }


@pytest.fixture
def run(prepared, arrays, tmp_path: Path):
    def run(*more: object, **how: Any):
        kept = {name: values for name, values in arrays.items() if values is not None}
        np.savez(tmp_path / "mine.npz", **kept)
        return prepared("positions", "--source", tmp_path / "mine.npz", *more, **how)

    return run


def test_all_points(run, source: MotionSet) -> None:
    output, said = run("--held-out", "03_01")
    found = MotionSet.load(output)
    np.testing.assert_array_equal(found.positions, source.positions)
    assert found.joint_names == POINTS
    assert found.names == found.subjects == found.actions == ("01_01", "01_02", "03_01")
    assert found.sources == ("positions",) * 3
    assert found.held_out.tolist() == [False, False, True]
    assert "positions: 3 clips" in said


def test_subjects_and_actions(run, arrays) -> None:
    arrays |= {"subjects": ["a", "a", "b"], "actions": ["walk", "run", "walk"]}
    found = MotionSet.load(run("--held-out", "b")[0])
    assert found.subjects == ("a", "a", "b")
    assert found.actions == ("walk", "run", "walk")
    assert found.held_out.tolist() == [False, False, True]


def test_no_subject_is_held_out_by_default(run) -> None:
    assert not MotionSet.load(run()[0]).held_out.any()


def test_another_rate(run, source: MotionSet) -> None:
    found = MotionSet.load(run("--fps", "25")[0])
    np.testing.assert_allclose(found.clip(0), source.clip(0)[::2], atol=1e-6)
    assert found.original_fps.tolist() == [50.0] * 3


def test_face_joints_are_added(run, arrays, source: MotionSet) -> None:
    arrays["positions"] = source.positions[:, :17]
    arrays["joint_names"] = H36M17.joints
    found = MotionSet.load(run()[0])
    np.testing.assert_array_equal(found.positions[:, :17], source.positions[:, :17])
    face = [POINTS.index(name) for name in FACE]
    # The true head nods and turns a little; the added face has the chest's direction.
    errors = np.linalg.norm(found.positions[:, face] - source.positions[:, face], axis=-1)
    assert np.median(errors) < 0.05
    at = {name: found.positions[:, joint] for joint, name in enumerate(POINTS)}
    eyes = at["left_eye"] - at["right_eye"]
    shoulders = at["left_shoulder"] - at["right_shoulder"]
    assert (np.sum(eyes * shoulders, axis=1) > 0).all()


def test_a_bad_clip_is_left_out(run, arrays) -> None:
    arrays["positions"] = arrays["positions"].copy()
    arrays["positions"][3, 5] = np.nan
    output, said = run()
    assert MotionSet.load(output).names == ("01_02", "03_01")
    assert "left out: 01_01 (positions): frame 3" in said
    arrays["positions"][:] = np.nan
    assert "mine.npz: expected at least one usable clip; 01_01: frame 0" in run(status=2)[1]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"joint_names": None}, "joint_names: expected an array of that name"),
        ({"joint_names": ("tail", "tail", *POINTS[1:])}, "joint_names: expected hip too"),
        ({"joint_names": POINTS}, "positions: expected shape (frames, 22, 3), found"),
        ({"names": ("one", "two")}, "names: expected one value of kind 'U' for each"),
        ({"subjects": (1, 2, 3)}, "subjects: expected one value of kind 'U' for each"),
        ({"clip_ends": (1, 2, 3)}, "clip_ends: expected rising numbers, the last"),
        ({"fps": 0}, "fps: expected one positive number"),
    ],
)
def test_errors_name_the_array(run, arrays, changed, expected: str) -> None:
    arrays |= changed
    assert f"mine.npz, {expected}" in run(status=2)[1]
