"""The command on the files of detectors."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

import poselift
from poselift.cli import main
from poselift.command.outputs import targets
from poselift.command.usage import UsageError
from poselift.writers.formats import WRITERS
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


def test_a_folder_may_be_an_archive(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "walk.zip"
    with ZipFile(path, "w") as archive:
        for name, content in EXAMPLES["openpose two people"].files.items():
            archive.writestr(f"out/{name}", content)
    options = ("--image-size", 1920, 1080, "--fps", 30)
    done = command("convert", path, "-o", tmp_path / "walk.json", *options)
    assert done.returncode == 0, done.stderr
    assert len(poselift.read(tmp_path / "walk.json")) == 2
    done = command(
        "lift", path, "-o", tmp_path / "out.csv", *options, "--model", models / "symmetric"
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("out-*.csv"))) == 2


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
    ("arguments", "said", "status"),
    [
        ([], "error: image_size: expected width and height in pixels: --image-size W H\n", 1),
        (["--reader", "coco"], "a file, found a folder", 1),
        (["--min-frames", 5], "a person who is detected in 5 frames", 1),
        (["--image-size", 0, 9], "error: image_size: expected width and height", 2),
        (["--reader", "vitpose"], "error: reader: expected one of openpose, ", 2),
        (["--format", "coco"], "error: keypoint_format: expected one of coco17, ", 2),
        (["--to", "bvh"], "out.npz: expected a folder, for --to", 2),
        (["--rig", "vrm"], "error: --rig: expected none, which only .bvh and .glb have", 2),
        (["--axes", "x_up"], "--axes", 2),
        (["--person-height", 9], "--person-height", 2),
        (["--jobs", 0], "--jobs", 2),
        (["--model", "huge"], "error: --model: no model 'huge': expected a folder", 2),
        (["--server", "ftp://here"], "error: --server: url: expected http://", 2),
        (["--fourier"], "--fourier", 2),
    ],
)
@pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")
def test_what_is_missing_or_wrong_is_one_line(
    arguments: list[object],
    said: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = example("openpose openpose_body25", tmp_path / "in")
    (tmp_path / "out.npz").write_bytes(b"")
    words = ["poselift", "lift", path, "-o", tmp_path / "out.npz", *arguments]
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == status
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.splitlines()[-1].startswith("error: ")


def test_an_input_is_needed(tmp_path: Path) -> None:
    done = command("lift", "-o", tmp_path / "out.npz")
    assert done.returncode == 2
    assert "a file or folder of keypoints" in done.stderr


def test_a_failing_input_stops_no_other_and_is_told(models: Path, tmp_path: Path) -> None:
    good, empty = example("coco results", tmp_path / "a"), tmp_path / "empty.json"
    empty.write_text("")
    options = ("--image-size", 1920, 1080, "--model", models / "symmetric", "--json")
    done = command("lift", empty, good, "-o", tmp_path / "out", "--to", "bvh", *options)
    assert done.returncode == 1
    failed, *written = [json.loads(line) for line in done.stdout.splitlines()]
    assert failed["input"] == str(empty)
    assert "empty file" in failed["error"]
    assert {"input", "output", "frames", "person", "kept", "warnings"} == set(written[0])
    assert all(Path(each["output"]).is_file() for each in written)


def test_resume_keeps_what_is_newer_than_its_input(models: Path, tmp_path: Path) -> None:
    path = example("coco results", tmp_path / "in")
    options = ("--image-size", 1920, 1080, "--model", models / "symmetric", "--resume")
    lines = ("lift", path, "-o", tmp_path / "out.csv", *options)
    assert "kept" not in command(*lines).stdout
    assert "kept: newer than the input" in command(*lines).stdout
    later = max(each.stat().st_mtime for each in tmp_path.glob("*.csv")) + 10
    os.utime(path, (later, later))
    assert "kept" not in command(*lines).stdout


def test_an_input_is_never_overwritten(models: Path, tmp_path: Path) -> None:
    path = example("comfyui list", tmp_path / "in")
    before = path.read_bytes()
    options = ("--image-size", 1920, 1080, "--model", models / "symmetric")
    done = command("lift", path, "-o", path, *options)
    assert done.returncode == 1
    assert "another file than the input" in done.stderr
    assert path.read_bytes() == before


def test_inputs_of_one_name_get_those_of_their_folders(tmp_path: Path) -> None:
    inputs = [tmp_path / "a" / "pose.json", tmp_path / "b" / "pose.json"]
    found = targets(inputs, tmp_path / "x.videopose3d.npz", None, WRITERS)
    assert [target.stem for target in found] == ["x-a-pose", "x-b-pose"]
    assert {target.ending for target in found} == {".videopose3d.npz"}
    with pytest.raises(UsageError, match="names that differ"):
        targets([tmp_path / "a.json", tmp_path / "a.csv"], tmp_path / "x.bvh", None, WRITERS)


@pytest.mark.parametrize("ending", [".json", ".coco.json", ".csv"])
def test_converted_files_are_read_as_the_same_people(ending: str, tmp_path: Path) -> None:
    path = example("mmpose two people", tmp_path / "in")
    size = ("--image-size", 1920, 1080)
    done = command("convert", path, "-o", tmp_path / f"out{ending}", *size)
    assert done.returncode == 0, done.stderr
    original = poselift.read(path, image_size=(1920, 1080))
    converted = poselift.read(
        tmp_path / f"out{ending}",
        image_size=(1920, 1080),
        keypoint_format=original.keypoint_format,
    )
    assert len(converted) == len(original)
    for mine, theirs in zip(converted, original, strict=True):
        np.testing.assert_array_equal(mine.frames_N, theirs.frames_N)
        np.testing.assert_allclose(mine.detected_NJ3, theirs.detected_NJ3, atol=0.01)
