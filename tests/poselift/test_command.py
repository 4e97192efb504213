"""The command on the files of detectors."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import poselift
from tests.poselift.readers.examples import EXAMPLES, write


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from poselift.cli import main; main()"]
    return subprocess.run(
        [*program, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def example(name: str, folder: Path) -> Path:
    folder.mkdir()
    return write(EXAMPLES[name], folder)


def test_a_detectors_folder_becomes_a_file_for_each_person(models: Path, tmp_path: Path) -> None:
    path = example("openpose two people", tmp_path / "in")
    options = ("--image-size", 1920, 1080, "--fps", 30, "--model", models / "symmetric")
    done = command("lift", path, "-o", tmp_path / "out.npz", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("4 frames") == 2
    for clip in poselift.read(path, image_size=(1920, 1080), fps=30):
        expected = poselift.lift(clip.keypoints, model=models / "symmetric", **clip.options)
        with np.load(tmp_path / f"out-{clip.id}.npz") as found:
            np.testing.assert_array_equal(found["poses"], expected.poses)


def test_several_inputs_are_written_each_under_its_name(models: Path, tmp_path: Path) -> None:
    paths = [example("comfyui list", tmp_path / "a"), example("coco results", tmp_path / "b")]
    options = ("--image-size", 1920, 1080, "--model", models / "symmetric")
    done = command("lift", *paths, "-o", tmp_path / "out.json", *options)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.glob("*.json")} == {
        "out-poses.json",
        "out-results.json",
    }
    assert "frames per second are taken as 50: --fps tells them" in done.stderr


def test_frame_numbers_of_the_source_are_written(models: Path, tmp_path: Path) -> None:
    path = example("openpose with empty files", tmp_path / "in")
    options = ("--image-size", 1920, 1080, "--model", models / "symmetric")
    done = command("lift", path, "-o", tmp_path / "out.json", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["first_frame"] == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "error: image_size: expected width and height in pixels: --image-size W H\n"),
        (["--image-size", 0, 9], "error: image_size: expected width and height"),
        (["--reader", "coco"], "a file, found a folder"),
        (["--reader", "vitpose"], "error: reader: expected one of openpose, "),
        (["--format", "coco"], "error: keypoint_format: expected one of coco17, "),
        (["--min-frames", 5], "a person who is detected in 5 frames"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(
    arguments: list[object], said: str, tmp_path: Path
) -> None:
    path = example("openpose openpose_body25", tmp_path / "in")
    done = command("lift", path, "-o", tmp_path / "out.npz", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")


def test_an_input_is_needed(tmp_path: Path) -> None:
    done = command("lift", "-o", tmp_path / "out.npz")
    assert done.returncode == 1
    assert "a file or folder of keypoints" in done.stderr
