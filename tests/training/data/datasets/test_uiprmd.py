"""UI-PRMD's file, C3D files, and the commands that read them."""

from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from tests.training.data.datasets.c3d_files import write_c3d
from tests.training.data.datasets.marked_person import person, uiprmd_arrays
from training.data.datasets import uiprmd
from training.data.datasets.c3d import read_c3d
from training.data.datasets.markers import NAMES, Markers
from training.data.datasets.prepared import MotionSet
from training.prepare import main

CLIPS = [
    f"{kind}_m0{n}_{s}_e0{e}"
    for s in ("s01", "s07")
    for kind in "ci"
    for n in (1, 5)
    for e in (1, 2)
]


@pytest.fixture(scope="module")
def there_and_back() -> Markers:
    """A repetition that ends as it began."""
    return person(150)[1]


def write(path: Path, names: list[str], markers: Markers, **changed: np.ndarray) -> Path:
    np.savez(path, **(uiprmd_arrays(names, markers) | changed))
    return path


def test_the_command(
    tmp_path: Path, there_and_back: Markers, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "ui.npz", [*CLIPS, "c_m01_s05_e01"], there_and_back)
    output = tmp_path / "out.npz"
    main(["uiprmd", "--source", str(source), "--output", str(output)])
    found = MotionSet.load(output)
    assert found.names[:2] == ("c_m01_s01_e01-e02", "i_m01_s01_e01-e02")
    assert set(found.lengths.tolist()) == {300}
    assert set(found.actions) == {"deep squat", "sit to stand"}
    assert set(found.groups) == {"exercise", "sitting"}
    assert [s == "s07" for s in found.subjects] == found.held_out.tolist()
    text = capsys.readouterr().out
    assert "knee: moved by" in text
    assert "left out: s05" in text
    assert "sitting: 0.2 min for training, 0.2 held out" in text


def test_repetitions_that_are_not_continuous_stay_apart(
    tmp_path: Path, there_and_back: Markers
) -> None:
    arrays = uiprmd_arrays(CLIPS[:2], there_and_back)
    arrays["markers_tenth_mm"][len(there_and_back) :] += 300
    path = tmp_path / "ui.npz"
    np.savez(path, **arrays)
    assert [exercise.name for exercise in uiprmd.read(path)] == CLIPS[:2]


def test_missing_markers_lie_at_the_origin(tmp_path: Path, there_and_back: Markers) -> None:
    positions = there_and_back.positions_TM3.copy()
    positions[20:24, NAMES.index("LKNE")] = np.nan
    path = write(tmp_path / "ui.npz", CLIPS[:1], Markers(NAMES, positions, 50.0))
    (exercise,) = uiprmd.read(path)
    assert np.flatnonzero(np.isnan(exercise.markers.at("LKNE")[:, 0])).tolist() == [20, 21, 22, 23]
    np.testing.assert_allclose(exercise.markers.at("C7"), there_and_back.at("C7"), atol=1e-4)


def test_a_subject_without_a_marker_is_left_out_and_others_are_not(
    tmp_path: Path, there_and_back: Markers
) -> None:
    arrays = uiprmd_arrays(["c_m01_s01_e01", "c_m01_s02_e01"], there_and_back)
    arrays["markers_tenth_mm"][: len(there_and_back), NAMES.index("LASI")] = 0
    np.savez(tmp_path / "ui.npz", **arrays)
    motions, rejections, _ = uiprmd.prepare(tmp_path / "ui.npz", 50.0, ["s02"])
    assert motions.subjects == ("s02",)
    assert [each.clip.name for each in rejections] == ["s01"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"clip_names": np.array(["squat"])}, "names like c_m05_s01_e03, found squat"),
        ({"clip_ends": np.array([7])}, "clip_ends"),
        ({"marker_names": np.array(["C7"])}, "shape"),
    ],
)
def test_wrong_files(
    tmp_path: Path, there_and_back: Markers, changed: dict[str, np.ndarray], said: str
) -> None:
    path = write(tmp_path / "ui.npz", CLIPS[:1], there_and_back, **changed)
    with pytest.raises(InvalidInput, match=said):
        uiprmd.read(path)


def test_the_file_is_found_in_a_folder(tmp_path: Path, there_and_back: Markers) -> None:
    with pytest.raises(
        InvalidInput, match=r"one \.npz file with an array markers_tenth_mm, found 0"
    ):
        uiprmd.file_of(tmp_path)
    np.savez(tmp_path / "other.npz", positions=np.zeros(3))
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    (tmp_path / "deep").mkdir()
    path = write(tmp_path / "deep" / "ui.npz", CLIPS[:1], there_and_back)
    assert uiprmd.file_of(tmp_path) == path
    assert uiprmd.file_of(path) == path
    write(tmp_path / "second.npz", CLIPS[:1], there_and_back)
    with pytest.raises(InvalidInput, match="found 2"):
        uiprmd.file_of(tmp_path)


def test_c3d_files_of_cmu(tmp_path: Path) -> None:
    markers = person(fps=120.0)[1]
    positions = markers.positions_TM3.copy()
    positions[50:60, 0] = np.nan
    folder = tmp_path / "cmu"
    folder.mkdir()
    write_c3d(folder / "85_12.c3d", Markers(NAMES, positions, 120.0))
    found = read_c3d(folder / "85_12.c3d")
    np.testing.assert_allclose(found.positions_TM3, positions, atol=1e-4)
    assert found.fps == 120
    (folder / "85_13.c3d").write_bytes(b"rubbish")
    positions[:, NAMES.index("LASI")] = np.nan
    write_c3d(folder / "86_01.c3d", Markers(NAMES, positions, 120.0))  # whose pelvis is never whole
    output = tmp_path / "out.npz"
    main(["cmu", "--source", str(folder), "--held-out", "85", "--output", str(output)])
    prepared = MotionSet.load(output)
    assert (prepared.names, prepared.groups) == (("85_12",), ("floor",))


def test_c3d_files_in_another_unit(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="one of mm, cm, m, found furlong"):
        read_c3d(write_c3d(tmp_path / "1.c3d", person(20)[1], "furlong"))
