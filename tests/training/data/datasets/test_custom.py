from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.data.datasets import videopose3d_data
from training.data.datasets.prepared import RecordingSet

SIZES = {"walk.mp4": {"w": 1920, "h": 1080}, "dance.mp4": {"w": 640, "h": 480}}


@pytest.fixture
def content() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "videos": {
            "walk.mp4": {"custom": [random.uniform(0, 1000, (5, 17, 2)).astype(np.float32)]},
            "dance.mp4": {"custom": [random.uniform(0, 400, (3, 17, 2)).astype(np.float32)]},
        },
        "about": videopose3d_data.metadata(
            "coco",
            17,
            videopose3d_data.COCO_SYMMETRY,
            video_metadata={k: {**v} for k, v in SIZES.items()},
        ),
    }


def arguments(folder: Path, content: dict[str, Any]) -> list[object]:
    path = folder / "data_2d_custom_mine.npz"
    videopose3d_data.write_keypoints(path, content["videos"], content["about"])
    return ["custom", "--keypoints", path]


def test_only_keypoints_are_known(content, prepared, tmp_path: Path) -> None:
    output, said = prepared(*arguments(tmp_path, content))
    found = RecordingSet.load(output)
    assert found.names == ("walk.mp4/custom/1", "dance.mp4/custom/1")
    assert found.subjects == ("walk.mp4", "dance.mp4")
    assert found.lengths.tolist() == [5, 3]
    np.testing.assert_array_equal(
        found.keypoints[:5, :, :2], content["videos"]["walk.mp4"]["custom"][0]
    )
    assert (found.keypoints[..., 2] == 1).all()
    assert np.isnan(found.positions).all()
    assert np.isnan(found.cameras).all()
    assert not found.labelled.any()
    assert not found.held_out.any()
    assert found.image_sizes.tolist() == [[1920, 1080], [640, 480]]
    assert (found.fps, found.skeleton, found.keypoint_format) == (50.0, "h36m17", "coco17")
    assert "8 of unknown poses" in said


def test_a_focal_length_makes_cameras(content, prepared, tmp_path: Path) -> None:
    more = ("--focal-length", "1100", "--fps", "25")
    found = RecordingSet.load(prepared(*arguments(tmp_path, content), *more)[0])
    assert found.fps == 25.0
    assert found.cameras.tolist() == [
        [1100, 1100, 960, 540, 0, 0, 0, 0, 0],
        [1100, 1100, 320, 240, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("length", ["0", "-3", "nan", "inf", "wide"])
def test_no_such_length(content, prepared, tmp_path: Path, length: str) -> None:
    prepared(*arguments(tmp_path, content), "--focal-length", length, status=2)


BROKEN: dict[str, tuple[Any, str]] = {
    "joints": (
        lambda c: c["videos"]["walk.mp4"].update(custom=[np.zeros((5, 15, 2))]),
        "positions_2d['walk.mp4']['custom'][0]: expected shape (frames, 17, 2)",
    ),
    "frames": (
        lambda c: c["videos"]["walk.mp4"].update(custom=[np.zeros((0, 17, 2))]),
        "positions_2d['walk.mp4']['custom'][0]: expected at least one frame",
    ),
    "size": (
        lambda c: c["about"]["video_metadata"].pop("walk.mp4"),
        "metadata['video_metadata']: expected a key 'walk.mp4', found 'dance.mp4'",
    ),
    "no size": (
        lambda c: c["about"]["video_metadata"].update({"walk.mp4": {"w": 0, "h": 2}}),
        "metadata['video_metadata']['walk.mp4']: expected a width and a height",
    ),
    "videos": (lambda c: c["videos"].clear(), "positions_2d: expected at least one video"),
}


@pytest.mark.parametrize(("change", "expected"), BROKEN.values(), ids=BROKEN)
def test_errors_name_the_place(content, prepared, tmp_path: Path, change, expected) -> None:
    change(content)
    _, said = prepared(*arguments(tmp_path, content), status=2)
    assert expected in said


def test_another_kind_of_file(prepared, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", positions_2d={"a": {"custom": []}})
    _, said = prepared("custom", "--keypoints", tmp_path / "other.npz", status=2)
    assert "other.npz, metadata: expected an array of that name" in said
