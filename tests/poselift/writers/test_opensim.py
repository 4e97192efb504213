"""TRC and MOT files, read by the letter of the formats."""

from pathlib import Path

import numpy as np
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.imputation import Quality
from poselift.poses import Poses
from poselift.skeletons import H36M17, HUMANEVA15
from tests.poselift.figures import FPS, SQUAT, figure, walk


def read_trc(path: Path) -> tuple[dict[str, str], list[str], list[list[str]]]:
    lines = path.read_text().split("\n")
    assert lines[0].startswith("PathFileType\t4\t(X/Y/Z)\t")
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    names = [name for name in lines[3].split("\t")[2:] if name]
    assert lines[4].split("\t")[2:5] == ["X1", "Y1", "Z1"]
    assert lines[5] == ""
    return header, names, [line.split("\t") for line in lines[6:] if line]


def test_markers_are_in_opensims_axes_and_millimetres(tmp_path: Path) -> None:
    poses = walk()
    poselift.write(tmp_path / "walk.trc", poses)
    header, names, rows = read_trc(tmp_path / "walk.trc")
    assert names == list(H36M17.joints)
    assert (header["Units"], header["NumFrames"], header["NumMarkers"]) == ("mm", "60", "17")
    assert float(header["DataRate"]) == FPS
    assert [row[0] for row in rows] == [str(number) for number in range(1, 61)]
    assert float(rows[30][1]) == pytest.approx(1)
    found = np.array([row[2:] for row in rows], float).reshape(60, 17, 3) / 1000
    x, y, z = np.moveaxis(poses.poses + poses.trajectory[:, None], -1, 0)
    np.testing.assert_allclose(found, np.stack([z, y, -x], axis=-1), atol=1e-5)


def test_a_person_who_faces_the_camera_faces_x_with_the_right_hand_at_z(tmp_path: Path) -> None:
    in_camera_axes = figure({"arm_flex_r": 90}, trajectory=None).in_axes("camera")
    poselift.write(tmp_path / "out.trc", in_camera_axes)
    _, names, (row,) = read_trc(tmp_path / "out.trc")
    places = dict(zip(names, np.array(row[2:], float).reshape(-1, 3), strict=True))
    assert places["right_hip"][2] > 100
    assert places["right_wrist"][0] > 400  # stretched forward
    assert places["right_foot"][1] < -700


def test_markers_of_unknown_frames_are_blank(tmp_path: Path) -> None:
    poses = walk(5)
    poses.quality[2] = Quality.UNKNOWN
    poselift.write(tmp_path / "out.trc", poses)
    _, _, rows = read_trc(tmp_path / "out.trc")
    assert set(rows[2][2:]) == {""}
    assert len(rows[2]) == len(rows[1]) == 2 + 3 * 17


def test_another_skeleton_has_its_own_markers(tmp_path: Path) -> None:
    quality = np.zeros(2, np.uint8)
    body = np.zeros((2, 15, 3), np.float32)
    poses = Poses(body, quality=quality, fps=30, skeleton="humaneva15")
    poselift.write(tmp_path / "out.trc", poses)
    assert read_trc(tmp_path / "out.trc")[1] == list(HUMANEVA15.joints)
    with pytest.raises(InvalidInput, match="skeleton: expected h36m17, found humaneva15"):
        poselift.write(tmp_path / "out.mot", poses)


def read_mot(path: Path) -> dict[str, np.ndarray]:
    head, _, body = path.read_text().partition("endheader\n")
    fields = dict(line.split("=") for line in head.split("\n")[1:] if line)
    assert fields["inDegrees"] == "yes"
    names, *rows = (line.split("\t") for line in body.strip().split("\n"))
    assert int(fields["nRows"]) == len(rows)
    assert int(fields["nColumns"]) == len(names)
    return dict(zip(names, np.array(rows, float).T, strict=True))


def test_angles_have_the_names_of_opensims_coordinates(tmp_path: Path) -> None:
    poselift.write(tmp_path / "out.mot", figure(SQUAT, 3))
    found = read_mot(tmp_path / "out.mot")
    for name, angle in SQUAT.items():
        assert found[name] == pytest.approx(angle, abs=0.1)
    assert found["time"] == pytest.approx(np.arange(3) / FPS, abs=1e-5)
    assert found["pelvis_tx"] == pytest.approx(-4)
    assert found["pelvis_ty"] == pytest.approx(0.9)
    assert found["pelvis_tz"] == pytest.approx(-0.3)


def test_without_a_trajectory_the_pelvis_keeps_its_height(tmp_path: Path) -> None:
    poselift.write(tmp_path / "out.mot", figure({}, 3, trajectory=None))
    found = read_mot(tmp_path / "out.mot")
    assert found["pelvis_ty"] == pytest.approx(0.85, abs=0.01)
    assert found["pelvis_tx"] == pytest.approx(0)
