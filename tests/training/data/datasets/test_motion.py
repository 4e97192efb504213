from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from training.data.datasets.prepared import MotionSet


@pytest.fixture
def motions() -> MotionSet:
    positions = np.arange(10 * 2 * 3, dtype=np.float32).reshape(10, 2, 3)
    return MotionSet(
        positions=positions,
        clip_ends=np.array([4, 5, 10]),
        names=("a", "b", "c"),
        subjects=("01", "02", "01"),
        actions=("walk", "run", "walk"),
        sources=("amc", "bvh", "amc"),
        original_fps=np.array([120.0, 60.0, 120.0]),
        held_out=np.array([False, True, False]),
        fps=50.0,
        origin="made up",
        joint_names=("hip", "head"),
    )


def assert_same(one: MotionSet, other: MotionSet) -> None:
    for name in vars(one):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


def test_what_is_saved_is_loaded(motions: MotionSet, tmp_path: Path) -> None:
    path = tmp_path / "new" / "set.npz"
    motions.save(path)
    assert_same(MotionSet.load(path), motions)
    assert [p.name for p in path.parent.iterdir()] == ["set.npz"]


def test_split(motions: MotionSet) -> None:
    training, held_out = motions.split(held_out=False), motions.split(held_out=True)
    assert (training.names, held_out.names) == (("a", "c"), ("b",))
    assert training.clip_starts.tolist() == [0, 4]
    assert training.clip_ends.tolist() == [4, 9]
    np.testing.assert_array_equal(training.clip(1), motions.clip(2))
    np.testing.assert_array_equal(held_out.clip(0), motions.clip(1))
    assert not training.held_out.any()
    assert held_out.original_fps.tolist() == [60.0]


def test_a_side_may_be_empty(motions: MotionSet) -> None:
    nothing = motions.split(held_out=True).split(held_out=False)
    assert len(nothing) == 0
    assert nothing.positions.shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("positions", np.zeros((10, 2, 3))),
        ("positions", np.zeros((10, 3, 3), np.float32)),
        ("clip_ends", np.array([4, 4, 10])),
        ("clip_ends", np.array([4, 5, 9])),
        ("clip_ends", np.array([4.0, 5.0, 10.0])),
        ("subjects", np.array(["01"])),
        ("held_out", np.array([0, 1, 0])),
        ("fps", np.array(0.0)),
        ("fps", np.array([50.0])),
    ],
)
def test_a_wrong_array_is_named(
    motions: MotionSet, tmp_path: Path, key: str, value: np.ndarray
) -> None:
    motions.save(tmp_path / "set.npz")
    arrays = dict(np.load(tmp_path / "set.npz"))
    np.savez(tmp_path / "bad.npz", **{**arrays, key: value})
    with pytest.raises(InvalidInput, match=rf"bad.npz, {key}: "):
        MotionSet.load(tmp_path / "bad.npz")


@pytest.mark.parametrize("key", ["positions", "names", "held_out", "fps", "joint_names"])
def test_a_missing_array_is_named(motions: MotionSet, tmp_path: Path, key: str) -> None:
    motions.save(tmp_path / "set.npz")
    arrays = dict(np.load(tmp_path / "set.npz"))
    del arrays[key]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InvalidInput, match=rf"bad.npz, {key}: "):
        MotionSet.load(tmp_path / "bad.npz")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", positions=np.array([{}], dtype=object))
    with pytest.raises(InvalidInput, match=r"bad\.npz"):
        MotionSet.load(tmp_path / "bad.npz")


@pytest.mark.parametrize("content", [b"", b"not a file of arrays", b"PK\x03\x04 nor this"])
def test_another_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InvalidInput, match="a prepared motion file"):
        MotionSet.load(tmp_path / "bad.npz")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere\.npz"):
        MotionSet.load(tmp_path / "nowhere.npz")


def test_not_a_number_is_an_error(motions: MotionSet, tmp_path: Path) -> None:
    positions = motions.positions.copy()
    positions[7, 1, 2] = np.inf
    replace(motions, positions=positions).save(tmp_path / "set.npz")
    with pytest.raises(
        InvalidInput, match=r"set\.npz, positions, frame 7: expected finite numbers"
    ):
        MotionSet.load(tmp_path / "set.npz")


def test_damaged_files_and_files_of_other_kinds_are_errors(
    motions: MotionSet, tmp_path: Path
) -> None:
    path = tmp_path / "set.npz"
    np.savez_compressed(path, **motions.arrays())
    content = bytearray(path.read_bytes())
    place = content.index(b"positions.npy") + 60
    content[place : place + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"set\.npz: expected a prepared motion file"):
        MotionSet.load(path)
    np.save(tmp_path / "one.npy", motions.positions)
    with pytest.raises(InvalidInput, match=r"one\.npy: expected a prepared motion file"):
        MotionSet.load(tmp_path / "one.npy")
