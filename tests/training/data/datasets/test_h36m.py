from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poselift.skeletons import H36M17
from tests.training.data.datasets import videopose3d_data
from training.data.datasets.prepared import RecordingSet
from training.data.datasets.videopose3d_files import KEPT

NAMES = ("54138969", "55011271", "58860488", "60457274")
SIZES = ((1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002))
SEQUENCES = {"S1": ("Walking", "Walking 1"), "S9": ("SittingDown 2",), "S11": ("Photo",)}

RAW = (
    *("hip", "right_hip", "right_knee", "right_foot", "", ""),
    *("left_hip", "left_knee", "left_foot", "", "", ""),
    *("spine", "thorax", "neck", "head", ""),
    *("left_shoulder", "left_elbow", "left_wrist", "", "", "", "", ""),
    *("right_shoulder", "right_elbow", "right_wrist", "", "", "", ""),
)
"""The project's joints in the order of the motion capture."""


def number_of(subject: str) -> int:
    return int(subject[1:])


@dataclass
class Files:
    folder: Path
    world: dict[str, dict[str, Any]] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    about: dict[str, Any] = field(
        default_factory=lambda: videopose3d_data.metadata(
            "h36m", 17, videopose3d_data.H36M_SYMMETRY
        )
    )

    def __post_init__(self) -> None:
        for subject, names in SEQUENCES.items():
            for seed, name in enumerate(names):
                self.record(subject, name, videopose3d_data.person(4 + seed, 32, seed))

    def record(self, subject: str, name: str, world: np.ndarray) -> None:
        self.world.setdefault(subject, {})[name] = world.astype(np.float32)
        self.videos.setdefault(subject, {})[name] = [
            videopose3d_data.keypoints_of(world[:, KEPT], number_of(subject), camera).astype(
                np.float32
            )
            for camera in range(4)
        ]

    def rigs(self) -> dict[str, Any]:
        return {
            subject: [
                videopose3d_data.json_camera(number_of(subject), i, SIZES[i], NAMES[i])
                for i in range(4)
            ]
            for subject in self.videos
        }

    def arguments(self, cameras: Path | None = None) -> list[object]:
        positions = videopose3d_data.write_positions(self.folder / "data_3d_h36m.npz", self.world)
        keypoints = self.folder / "data_2d_h36m_gt.npz"
        videopose3d_data.write_keypoints(keypoints, self.videos, self.about)
        cameras = cameras or videopose3d_data.write_metadata(self.folder / "metadata.xml")
        given = ("--positions", positions, "--keypoints", keypoints, "--cameras", cameras)
        return ["h36m", *given]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_all_arrays_are_present(files: Files, prepared) -> None:
    output, said = prepared(*files.arguments())
    found = RecordingSet.load(output)
    assert found.names[:2] == ("S1/Walking/54138969", "S1/Walking/55011271")
    assert found.names[-1] == "S11/Photo/60457274"
    assert dict.fromkeys(found.actions) == dict.fromkeys(("Walking", "SittingDown", "Photo"))
    assert found.held_out.tolist() == [False] * 8 + [True] * 8
    assert found.lengths.tolist() == [4] * 4 + [5] * 4 + [4] * 8
    assert found.camera_names == NAMES * 4
    np.testing.assert_array_equal(found.image_sizes, SIZES * 4)
    assert (found.fps, found.skeleton, found.keypoint_format) == (50.0, "h36m17", "h36m17")
    assert found.origin.startswith("Human3.6M")
    assert "data_2d_h36m_gt.npz" in found.origin
    assert found.labelled.all()
    assert "16 videos of 3 subjects" in said
    assert "36 for training, 0 of unknown poses, 32 held out" in said


def test_kept_joints_are_the_projects_joints() -> None:
    assert tuple(RAW[joint] for joint in KEPT) == H36M17.joints


def test_positions_project_to_the_keypoints(files: Files, prepared) -> None:
    found = RecordingSet.load(prepared(*files.arguments())[0])
    for video in range(len(found)):
        part = found.frames(video)
        cameras = np.tile(found.cameras[video], (part.stop - part.start, 1))
        pixels = videopose3d_data.projected(found.positions[part], cameras)
        np.testing.assert_allclose(pixels, found.keypoints[part, :, :2], atol=0.01)
        assert (found.positions[part, :, 2] > 3).all()
    assert (found.keypoints[..., 2] == 1).all()


def test_json_and_metadata_agree(files: Files, prepared, tmp_path: Path) -> None:
    one = RecordingSet.load(prepared(*files.arguments())[0])
    cameras = videopose3d_data.write_json(tmp_path / "cameras.json", files.rigs())
    other = RecordingSet.load(prepared(*files.arguments(cameras))[0])
    np.testing.assert_allclose(one.positions, other.positions, atol=1e-5)
    np.testing.assert_array_equal(one.cameras, other.cameras)
    assert one.names == other.names


def test_files_that_have_the_projects_joints(files: Files, prepared) -> None:
    expected = RecordingSet.load(prepared(*files.arguments())[0])
    for sequences in files.world.values():
        for name in sequences:
            sequences[name] = sequences[name][:, KEPT]
    found = RecordingSet.load(prepared(*files.arguments())[0])
    np.testing.assert_array_equal(found.positions, expected.positions)


def test_more_keypoints_than_positions_are_cut(files: Files, prepared) -> None:
    videos = files.videos["S1"]["Walking"]
    expected = videos[2].copy()
    videos[2] = np.concatenate([videos[2], np.zeros((3, 17, 2), np.float32)])
    found = RecordingSet.load(prepared(*files.arguments())[0])
    assert found.lengths[2] == 4
    np.testing.assert_array_equal(found.keypoints[found.frames(2), :, :2], expected)


def test_scores_and_missing_keypoints(files: Files, prepared) -> None:
    videos = files.videos["S1"]["Walking"]
    videos[0] = np.concatenate([videos[0], np.full((4, 17, 1), 0.5, np.float32)], axis=2)
    videos[0][1, 3, 0] = np.nan
    videos[1][2, 5] = np.nan
    found = RecordingSet.load(prepared(*files.arguments())[0])
    first, second = found.keypoints[found.frames(0)], found.keypoints[found.frames(1)]
    assert first[1, 3].tolist() == second[2, 5].tolist() == [0, 0, 0]
    assert first[0, 0, 2] == 0.5
    assert second[0, 0, 2] == 1.0


def test_a_subject_without_positions(files: Files, prepared) -> None:
    files.record("S2", "Eating 1", videopose3d_data.person(6, 32, 9))
    del files.world["S2"]
    output, said = prepared(*files.arguments())
    found = RecordingSet.load(output)
    assert found.subjects[-4:] == ("S2",) * 4
    assert found.labelled.tolist() == [True] * 16 + [False] * 4
    assert np.isnan(found.positions[found.frames(16)]).all()
    assert not found.held_out[-4:].any()
    assert np.isfinite(found.cameras).all()
    assert "24 of unknown poses" in said


def test_a_sequence_without_positions_is_left_out(files: Files, prepared) -> None:
    files.record("S11", "Directions", videopose3d_data.person(6, 32, 9))
    del files.world["S11"]["Directions"]
    output, said = prepared(*files.arguments())
    assert len(RecordingSet.load(output)) == 16
    assert "left out: S11/Directions: no positions" in said


def test_coco_keypoints(files: Files, prepared) -> None:
    files.about = videopose3d_data.metadata("coco", 17, videopose3d_data.COCO_SYMMETRY)
    found = RecordingSet.load(prepared(*files.arguments())[0])
    assert (found.keypoint_format, found.skeleton) == ("coco17", "h36m17")


def test_other_held_out_subjects(files: Files, prepared) -> None:
    found = RecordingSet.load(prepared(*files.arguments(), "--held-out", "S1")[0])
    assert found.held_out.tolist() == [True] * 8 + [False] * 8
    _, said = prepared(*files.arguments(), "--held-out", "S7", status=2)
    assert "held-out subjects: expected some of S1, S11, S9, found S7" in said


def test_cameras_without_intrinsics(files: Files, prepared, tmp_path: Path) -> None:
    rigs = files.rigs()
    for rig in rigs.values():
        for camera in rig:
            for key in ("focal_length", "principal_point", "radial", "tangential"):
                del camera[key]
    cameras = videopose3d_data.write_json(tmp_path / "cameras.json", rigs)
    found = RecordingSet.load(prepared(*files.arguments(cameras))[0])
    assert np.isnan(found.cameras).all()
    assert found.labelled.all()


def cut(files: Files, subject: str, name: str, frames: int) -> None:
    files.world[subject][name] = files.world[subject][name][:frames]


BROKEN: dict[str, tuple[Any, str]] = {
    "joints": (
        lambda f: f.world["S1"].update({"Walking 1": np.zeros((10, 31, 3))}),
        "data_3d_h36m.npz, positions_3d['S1']['Walking 1']: expected shape (frames, 32, 3) or "
        "(frames, 17, 3), found (10, 31, 3)",
    ),
    "no frames": (
        lambda f: cut(f, "S1", "Walking", 0),
        "positions_3d['S1']['Walking']: expected at least one frame",
    ),
    "nan": (
        lambda f: f.world["S9"]["SittingDown 2"].__setitem__((2, 5, 1), np.nan),
        "positions_3d['S9']['SittingDown 2']: expected finite numbers, found nan in frame 2",
    ),
    "not numbers": (
        lambda f: f.world["S1"].update({"Walking": "text"}),
        "positions_3d['S1']['Walking']: expected numbers, found <U4",
    ),
    "not a dictionary": (
        lambda f: f.world.update({"S1": [1, 2]}),
        "positions_3d['S1']: expected a dictionary, found list",
    ),
    "subject": (
        lambda f: f.videos.pop("S11"),
        "data_2d_h36m_gt.npz, positions_2d: expected a key 'S11', found 'S1', 'S9'",
    ),
    "action": (
        lambda f: f.videos["S1"].pop("Walking 1"),
        "data_2d_h36m_gt.npz, positions_2d['S1']: expected a key 'Walking 1', found 'Walking'",
    ),
    "fewer keypoints": (
        lambda f: f.videos["S1"]["Walking"].__setitem__(2, np.zeros((3, 17, 2))),
        "positions_2d['S1']['Walking'][2]: expected at least the 4 frames of the positions, "
        "found 3 (camera 58860488)",
    ),
    "channels": (
        lambda f: f.videos["S1"]["Walking"].__setitem__(1, np.zeros((4, 17, 4))),
        "positions_2d['S1']['Walking'][1]: expected shape (frames, 17, 2) or (frames, 17, 3), "
        "found (4, 17, 4)",
    ),
    "cameras": (
        lambda f: f.videos["S1"]["Walking"].pop(),
        "positions_2d['S1']['Walking']: expected keypoints from 4 cameras",
    ),
    "layout": (
        lambda f: f.about.update(layout_name="mpii"),
        "metadata['layout_name']: expected one of",
    ),
    "number of joints": (
        lambda f: f.about.update(num_joints=16),
        "metadata['num_joints']: expected 17 for h36m, found 16",
    ),
    "sides": (
        lambda f: f.about.update(keypoints_symmetry=videopose3d_data.H36M_SYMMETRY[::-1]),
        "metadata['keypoints_symmetry']: expected the left and right joints of h36m17",
    ),
    "no layout": (
        lambda f: f.about.pop("layout_name"),
        "metadata: expected a key 'layout_name', found",
    ),
}


@pytest.mark.parametrize(("change", "expected"), BROKEN.values(), ids=BROKEN)
def test_errors_name_the_place(files: Files, prepared, change, expected: str) -> None:
    change(files)
    _, said = prepared(*files.arguments(), status=2)
    assert expected in said


BROKEN_CAMERAS: dict[str, tuple[Any, str]] = {
    "subject": (lambda r: r.pop("S9"), "cameras.json: expected the cameras of S9, found S1, S11"),
    "camera": (lambda r: r["S1"].pop(), "expected keypoints from 3 cameras"),
    "key": (
        lambda r: r["S1"][1].pop("orientation"),
        "cameras.json['S1'][1]: expected a key 'orientation', found",
    ),
    "centre": (
        lambda r: r["S1"][1].pop("principal_point"),
        "cameras.json['S1'][1]: expected a key 'principal_point', found",
    ),
    "quaternion": (
        lambda r: r["S1"][1].update(orientation=[1, 1, 0, 0]),
        "cameras.json['S1'][1]['orientation']: expected a unit quaternion",
    ),
    "size": (
        lambda r: r["S1"][1].update(image_size=[1000, 0]),
        "cameras.json['S1'][1]['image_size']: expected a width and a height",
    ),
    "numbers": (
        lambda r: r["S1"][0].update(translation=[1, 2]),
        "cameras.json['S1'][0]['translation']: expected shape (3,), found (2,)",
    ),
    "list": (lambda r: r.update(S1={}), "cameras.json['S1']: expected a list, found dict"),
}


@pytest.mark.parametrize(("change", "expected"), BROKEN_CAMERAS.values(), ids=BROKEN_CAMERAS)
def test_errors_in_cameras(files: Files, prepared, tmp_path: Path, change, expected) -> None:
    rigs = files.rigs()
    change(rigs)
    cameras = videopose3d_data.write_json(tmp_path / "cameras.json", rigs)
    _, said = prepared(*files.arguments(cameras), status=2)
    assert expected in said


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("metadata.xml", "<w0>[1 2 3]</w0>", "w0: expected 300 numbers in brackets, found 3"),
        ("metadata.xml", "<metadata/>", "w0: expected 300 numbers in brackets, found 0"),
        ("metadata.xml", "<w0>[1 two]</w0>", "w0: expected numbers"),
        ("cameras.json", "{", "cameras.json: expected JSON"),
        ("cameras.json", "[]", "cameras.json: expected a dictionary, found list"),
    ],
)
def test_unreadable_cameras(files: Files, prepared, tmp_path: Path, name, text, expected) -> None:
    (tmp_path / "broken").mkdir()
    cameras = tmp_path / "broken" / name
    cameras.write_text(text)
    _, said = prepared(*files.arguments(cameras), status=2)
    assert expected in said


def test_no_cameras(files: Files, prepared, tmp_path: Path) -> None:
    _, said = prepared(*files.arguments(tmp_path / "nowhere.json"), status=2)
    assert "nowhere.json: expected a file of cameras" in said
