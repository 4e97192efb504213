"""CSV, Parquet and NPZ files, read back by Python, pyarrow and NumPy."""

import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

import poselift
from poselift.errors import InvalidInput
from poselift.poses import Poses
from poselift.skeletons import H36M17
from tests.poselift.figures import FPS, walk


def some_poses() -> Poses:
    errors = np.full((6, 17), 0.03, np.float32)
    poses = replace(walk(6), first_frame=100, expected_errors=errors)
    poses.quality[:] = [0, 0, 1, 2, 2, 0]
    return poses


def test_a_csv_file_has_a_row_for_each_frame(tmp_path: Path) -> None:
    poses = some_poses()
    poselift.write(tmp_path / "out.csv", poses)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["frame", "time_s", "quality", "hip_x", "hip_y", "hip_z"]
    assert [row["frame"] for row in rows] == ["100", "101", "102", "103", "104", "105"]
    words = ["measured", "measured", "filled", "unknown", "unknown", "measured"]
    assert [row["quality"] for row in rows] == words
    assert float(rows[0]["time_s"]) == pytest.approx(100 / FPS, abs=1e-4)
    for axis, name in enumerate("xyz"):
        for number, joint in enumerate(H36M17.joints):
            expected = poses.poses[5, number, axis]
            assert float(rows[5][f"{joint}_{name}"]) == pytest.approx(expected, abs=1e-5)
        assert float(rows[5][f"trajectory_{name}"]) == pytest.approx(poses.trajectory[5, axis])
    assert rows[3]["head_x"] == rows[3]["trajectory_z"] == rows[3]["head_expected_error"] == ""
    assert float(rows[0]["head_expected_error"]) == pytest.approx(0.03)


def test_a_table_has_only_the_columns_that_are_known(tmp_path: Path) -> None:
    bare = replace(walk(2), trajectory=None, fps=None)
    poselift.write(tmp_path / "out.csv", bare)
    header = (tmp_path / "out.csv").read_text().partition("\n")[0].split(",")
    assert len(header) == 2 + 3 * 17


def test_parquet_has_the_columns_of_csv_and_says_what_they_are(tmp_path: Path) -> None:
    poses = some_poses()
    poselift.write(tmp_path / "out.csv", poses)
    poselift.write(tmp_path / "out.parquet", poses)
    table = parquet.read_table(tmp_path / "out.parquet")
    with (tmp_path / "out.csv").open() as file:
        assert table.column_names == next(csv.reader(file))
    assert table["head_y"].null_count == 2
    np.testing.assert_array_equal(
        table["left_wrist_x"].to_numpy()[[0, 1, 2, 5]],
        poses.poses[[0, 1, 2, 5], H36M17.joints.index("left_wrist"), 0],
    )
    about = {b"axes": b"y_up", b"units": b"metres", b"skeleton": b"h36m17"}
    assert about.items() <= table.schema.metadata.items()


def test_without_pyarrow_the_extra_is_named(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["pyarrow"] = None
import numpy as np, poselift
poses = poselift.Poses(np.zeros((2, 17, 3), np.float32), quality=np.zeros(2, np.uint8))
try:
    poselift.write({str(tmp_path / "out.parquet")!r}, poses)
except poselift.MissingPackage as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Parquet files need pyarrow: pip install 'poselift[parquet]'"


def test_times_are_timestamps_where_there_are_some(tmp_path: Path) -> None:
    times = np.array([0.0, 0.04, 0.1])
    poselift.write(tmp_path / "out.csv", replace(walk(3), timestamps_s=times))
    with (tmp_path / "out.csv").open() as file:
        assert [float(row["time_s"]) for row in csv.DictReader(file)] == pytest.approx(times)


def test_late_times_are_not_rounded(tmp_path: Path) -> None:
    times = 1_764_000_000 + np.arange(3) / 60
    for poses in (replace(walk(3), timestamps_s=times), replace(walk(3), first_frame=10**6)):
        poselift.write(tmp_path / "out.csv", poses)
        with (tmp_path / "out.csv").open() as file:
            found = [float(row["time_s"]) for row in csv.DictReader(file)]
        np.testing.assert_allclose(found, poses.times_s, rtol=0, atol=1e-6)


def test_arrays_say_what_they_are(tmp_path: Path) -> None:
    poses = replace(some_poses(), timestamps_s=np.arange(6) / 10)
    poselift.write(tmp_path / "out.npz", poses)
    with np.load(tmp_path / "out.npz") as found:
        assert (found["axes"], found["skeleton"], found["fps"]) == ("y_up", "h36m17", FPS)
        np.testing.assert_array_equal(found["timestamps_s"], poses.timestamps_s)
        np.testing.assert_array_equal(found["poses"], poses.poses)


def test_videopose3d_opens_its_npz_as_its_own(tmp_path: Path) -> None:
    poses = some_poses()
    poselift.write(tmp_path / "jumping.videopose3d.npz", poses)
    # As data.py of VideoPose3D does it.
    opened = np.load(tmp_path / "jumping.videopose3d.npz", allow_pickle=True)
    positions = opened["positions_3d"].item()["S1"]["jumping"]
    x, y, z = np.moveaxis(poses.poses[0] + poses.trajectory[0], -1, 0)
    np.testing.assert_allclose(positions[0], np.stack([x, -z, y], axis=-1), atol=1e-6)
    assert np.isnan(positions[3:5]).all()
    assert np.isfinite(positions[[0, 1, 2, 5]]).all()


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".trc", ".mot", ".bvh", ".glb"])
def test_poses_that_are_not_of_their_skeleton_are_refused(tmp_path: Path, ending: str) -> None:
    poses = Poses(np.zeros((2, 16, 3), np.float32), quality=np.zeros(2, np.uint8), fps=30)
    with pytest.raises(InvalidInput, match=r"skeleton: expected h36m17 \(17 joints\)"):
        poselift.write(tmp_path / f"out{ending}", poses)


@pytest.mark.parametrize("ending", [".trc", ".mot", ".bvh", ".glb"])
def test_formats_with_a_frame_rate_refuse_poses_without_one(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InvalidInput, match="fps: expected frames per second"):
        poselift.write(tmp_path / f"out{ending}", replace(walk(3), fps=None))
    assert not (tmp_path / f"out{ending}").exists()


def test_all_formats_write_a_single_frame_and_endings_in_capitals(tmp_path: Path) -> None:
    for ending in poselift.writers.formats.WRITERS:
        path = tmp_path / f"OUT{ending.upper()}"
        poselift.write(path, walk(1))
        assert path.stat().st_size > 0


def test_frames_picked_from_poses_keep_what_the_numbers_mean() -> None:
    poses = replace(walk(10), timestamps_s=np.arange(10) / 7)
    picked = poses[2:5]
    assert (picked.fps, picked.axes, picked.skeleton) == (FPS, "y_up", "h36m17")
    np.testing.assert_array_equal(picked.timestamps_s, np.arange(2, 5) / 7)


@pytest.mark.parametrize("start", ["camera", "y_up", "z_up"])
@pytest.mark.parametrize("end", ["camera", "y_up", "z_up"])
def test_poses_turn_from_any_axes_to_any(start: str, end: str) -> None:
    poses = walk(2).in_axes(start)
    again = poses.in_axes(end).in_axes("camera")
    np.testing.assert_allclose(again.poses, walk(2).in_axes("camera").poses, atol=1e-6)
    assert poses.in_axes(end).axes == end
