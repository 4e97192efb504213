import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from training.data.datasets.pickled import read_pickled

CONTENT = {
    "S1": {"Walking 1": np.arange(12, dtype=np.float32).reshape(2, 2, 3)},
    "arrays": [np.ones((3, 2)), np.zeros((0, 2)), np.asfortranarray(np.arange(6.0).reshape(2, 3))],
    "big-endian": np.arange(3, dtype=">i2"),
    "texts": np.array(["left", "right"]),
    "objects": np.array([np.arange(2), {"a": 1}, None], dtype=object),
    "scalars": (np.float64(2.5), np.int32(-7), np.bool_(True), np.str_("h36m"), 1, "x", b"y", 0.5),
}


def write(path: Path, pickled: bytes) -> Path:
    """A file as `numpy.savez` would write it, with any pickle in it."""
    member = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(member, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("positions_3d.npy", member.getvalue() + pickled)
    return path


def boxed(value: object, protocol: int) -> bytes:
    box = np.empty((), dtype=object)
    box[()] = value
    return pickle.dumps(box, protocol)


def check_same(found: object, expected: object) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            check_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            check_same(one, other)
    elif isinstance(expected, np.ndarray) and expected.dtype.kind == "O":
        assert found.shape == expected.shape
        check_same(found.tolist(), expected.tolist())
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, strict=True)
    else:
        assert found == expected


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol(tmp_path: Path, protocol: int) -> None:
    path = write(tmp_path / "data.npz", boxed(CONTENT, protocol))
    (tree,) = read_pickled(path, "positions_3d")
    check_same(tree.value, CONTENT)
    assert tree["S1"]["Walking 1"].where == f"{path}, positions_3d['S1']['Walking 1']"


def test_names_of_numpy_1(tmp_path: Path) -> None:
    pickled = boxed(CONTENT, 2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert b"numpy.core.multiarray" in pickled
    (tree,) = read_pickled(write(tmp_path / "data.npz", pickled), "positions_3d")
    check_same(tree.value, CONTENT)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_as_numpy_writes_it(tmp_path: Path, save) -> None:
    save(tmp_path / "data.npz", positions_2d=CONTENT, metadata={"num_joints": 17})
    tree, metadata = read_pickled(tmp_path / "data.npz", "positions_2d", "metadata")
    check_same(tree.value, CONTENT)
    assert metadata.value == {"num_joints": 17}


class Evil:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    path = write(tmp_path / "data.npz", boxed({"S1": Evil(tmp_path / "ran")}, protocol))
    with pytest.raises(InvalidInput, match=r"data\.npz, positions_3d: .* found (posix|nt)\.mkdir"):
        read_pickled(path, "positions_3d")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "called", ["builtins eval", "builtins getattr", "numpy load", "numpy.core.multiarray array"]
)
def test_other_names_are_refused(tmp_path: Path, called: str) -> None:
    module, name = called.split()
    pickled = f"c{module}\n{name}\n(V1\ntR.".encode()
    with pytest.raises(InvalidInput, match=rf"found {module}\.{name}"):
        read_pickled(write(tmp_path / "data.npz", pickled), "positions_3d")


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b"not a pickle",
        boxed(CONTENT, 4)[:200],
        pickle.dumps({"no": "array"}),
        # an array of objects made of bytes would be pointers
        b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(VO8\ntRVabcdefgh\ntR.",
        # a stand-in with another state: a dictionary of attributes
        b"cnumpy.core.multiarray\n_reconstruct\n(dVx\nVy\nsb.",
        b"cnumpy\ndtype\n(Vf4,f4\ntR.",
        pickle.dumps(np.zeros(2, [("a", "f4")]), 4),
    ],
)
def test_damaged_pickles(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"data\.npz, positions_3d: expected"):
        read_pickled(write(tmp_path / "data.npz", pickled), "positions_3d")


def test_an_array_in_itself(tmp_path: Path) -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="undamaged pickle"):
        read_pickled(write(tmp_path / "data.npz", boxed(endless, 4)), "positions_3d")


def test_missing_arrays_and_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, numbers=np.zeros(3), several=np.array([None, {}], dtype=object))
    with pytest.raises(
        InvalidInput, match=r"data\.npz, positions_3d: expected an array of that name"
    ):
        read_pickled(path, "positions_3d")
    with pytest.raises(InvalidInput, match=r"numbers: .* found float64 of shape \(3,\)"):
        read_pickled(path, "numbers")
    with pytest.raises(InvalidInput, match=r"several: .* found object of shape \(2,\)"):
        read_pickled(path, "several")
    path.write_text("text")
    with pytest.raises(InvalidInput, match=r"data\.npz: expected a file of arrays"):
        read_pickled(path, "numbers")
    with pytest.raises(InvalidInput, match="nowhere"):
        read_pickled(tmp_path / "nowhere.npz", "numbers")
