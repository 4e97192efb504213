from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.data.datasets import videopose3d_data
from training.data.datasets.prepared import RecordingSet

SEQUENCES = (
    ("Train/S1", "Walking 1 chunk0"),
    ("Train/S1", "Walking 1 chunk2"),
    ("Train/S2", "Jog 1 chunk0"),
    ("Validate/S1", "Walking 1 chunk1"),
    ("Validate/S2", "Box 1 chunk0"),
    ("Validate/S2", "ThrowCatch 1 chunk0"),
)


class Files:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world: dict[str, dict[str, Any]] = {}
        self.videos: dict[str, dict[str, Any]] = {}
        self.about = videopose3d_data.metadata("humaneva15", 15, videopose3d_data.HUMANEVA_SYMMETRY)
        self.rigs = {
            f"S{subject}": [
                videopose3d_data.json_camera(subject, camera, (640, 480), f"C{camera + 1}")
                for camera in range(3)
            ]
            for subject in (1, 2)
        }
        for seed, (subject, name) in enumerate(SEQUENCES):
            self.record(subject, name, videopose3d_data.person(3 + seed, 15, seed))

    def record(self, subject: str, name: str, world: np.ndarray) -> None:
        self.world.setdefault(subject, {})[name] = world.astype(np.float32)
        self.videos.setdefault(subject, {})[name] = [
            videopose3d_data.keypoints_of(world, int(subject[-1]), camera).astype(np.float32)
            for camera in range(3)
        ]

    def arguments(self) -> list[object]:
        positions = videopose3d_data.write_positions(
            self.folder / "data_3d_humaneva15.npz", self.world
        )
        keypoints = self.folder / "data_2d_humaneva15_gt.npz"
        videopose3d_data.write_keypoints(keypoints, self.videos, self.about)
        cameras = videopose3d_data.write_json(self.folder / "cameras.json", self.rigs)
        given = ("--positions", positions, "--keypoints", keypoints, "--cameras", cameras)
        return ["humaneva", *given]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_all_arrays_are_present(files: Files, prepared) -> None:
    found = RecordingSet.load(prepared(*files.arguments())[0])
    assert len(found) == 18
    assert found.names[0] == "Train/S1/Walking 1 chunk0/C1"
    assert found.subjects[::3] == tuple(subject for subject, _ in SEQUENCES)
    assert found.actions[::3] == ("Walking", "Walking", "Jog", "Walking", "Box", "ThrowCatch")
    assert found.held_out[::3].tolist() == [False, False, False, True, True, True]
    assert not set(found.split(held_out=True).subjects) & set(found.split(held_out=False).subjects)
    assert found.camera_names[:3] == ("C1", "C2", "C3")
    assert (found.fps, found.skeleton, found.keypoint_format) == (60.0, "humaneva15", "humaneva15")
    assert (found.image_sizes == [640, 480]).all()
    assert found.labelled.all()


def test_positions_project_to_the_keypoints(files: Files, prepared) -> None:
    found = RecordingSet.load(prepared(*files.arguments())[0])
    for video in range(len(found)):
        part = found.frames(video)
        cameras = np.tile(found.cameras[video], (part.stop - part.start, 1))
        pixels = videopose3d_data.projected(found.positions[part], cameras)
        np.testing.assert_allclose(pixels, found.keypoints[part, :, :2], atol=0.01)


def test_cameras_of_one_part(files: Files, prepared) -> None:
    """Those of the part itself come before those of the person."""
    expected = RecordingSet.load(prepared(*files.arguments())[0])
    files.rigs["Train/S1"] = files.rigs["S1"]
    files.rigs["S1"] = files.rigs["S2"]
    found = RecordingSet.load(prepared(*files.arguments())[0])
    train, validate = found.frames(0), found.frames(9)
    np.testing.assert_array_equal(found.positions[train], expected.positions[train])
    assert not np.allclose(found.positions[validate], expected.positions[validate])


def test_some_actions(files: Files, prepared) -> None:
    found = RecordingSet.load(prepared(*files.arguments(), "--actions", "Walk", "Jog")[0])
    assert dict.fromkeys(found.actions) == dict.fromkeys(("Walking", "Jog"))
    _, said = prepared(*files.arguments(), "--actions", "Dance", status=2)
    assert "positions_3d: expected subjects Train/… or Validate/… and actions Dance" in said


def test_chunks_without_positions_are_left_out(files: Files, prepared) -> None:
    files.record("Unlabeled/Train/S1", "Walking 1 chunk1", videopose3d_data.person(4, 15, 7))
    files.record("Unlabeled/Train/S1", "Walking 1 chunk3", videopose3d_data.person(4, 15, 7))
    del files.world["Unlabeled/Train/S1"]["Walking 1 chunk3"]
    output, said = prepared(*files.arguments())
    assert len(RecordingSet.load(output)) == 18
    assert "left out: Unlabeled/Train/S1/Walking 1 chunk1: neither Train nor Validate" in said
    assert "left out: Unlabeled/Train/S1/Walking 1 chunk3: no positions" in said


def test_coco_keypoints(files: Files, prepared) -> None:
    files.about = videopose3d_data.metadata("coco", 17, videopose3d_data.COCO_SYMMETRY)
    for sequences in files.videos.values():
        for videos in sequences.values():
            videos[:] = [
                np.concatenate([keypoints, keypoints[:, :2]], axis=1) for keypoints in videos
            ]
    found = RecordingSet.load(prepared(*files.arguments())[0])
    assert (found.keypoint_format, found.skeleton) == ("coco17", "humaneva15")


BROKEN: dict[str, tuple[Any, str]] = {
    "joints": (
        lambda f: f.world["Train/S1"].update({"Walking 1 chunk0": np.zeros((3, 20, 3))}),
        "positions_3d['Train/S1']['Walking 1 chunk0']: expected shape (frames, 15, 3), "
        "found (3, 20, 3)",
    ),
    "nan": (
        lambda f: f.world["Train/S2"]["Jog 1 chunk0"].__setitem__((1, 0, 0), np.nan),
        "positions_3d['Train/S2']['Jog 1 chunk0']: expected finite numbers, found nan in frame 1",
    ),
    "keypoints": (
        lambda f: f.videos["Validate/S2"].pop("Box 1 chunk0"),
        "positions_2d['Validate/S2']: expected a key 'Box 1 chunk0'",
    ),
    "cameras": (
        lambda f: f.rigs.pop("S2"),
        "cameras.json: expected the cameras of Train/S2 or S2, found S1",
    ),
    "camera": (
        lambda f: f.videos["Train/S1"]["Walking 1 chunk0"].pop(),
        "positions_2d['Train/S1']['Walking 1 chunk0']: expected keypoints from 3 cameras",
    ),
    "twenty joints": (
        lambda f: f.about.update(layout_name="humaneva20", num_joints=20),
        "metadata['num_joints']: expected 15 for humaneva20, found 20",
    ),
}


@pytest.mark.parametrize(("change", "expected"), BROKEN.values(), ids=BROKEN)
def test_errors_name_the_place(files: Files, prepared, change, expected: str) -> None:
    change(files)
    _, said = prepared(*files.arguments(), status=2)
    assert expected in said
