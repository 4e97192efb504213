"""``poselift video`` and ``poselift detectors``, with the example's detector."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import poselift
from tests.poselift.test_command import command
from tests.poselift.video.made_videos import COLOURS, made_video, pictures

FRAMES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``poselift detectors add`` has added the example's detector."""
    made = tmp_path_factory.mktemp("detectors")
    done = command(
        "detectors", "add", "colours", "--detectors-dir", made, "--", sys.executable, COLOURS
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "colours: coco17, installed\n"
    return made


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_video(tmp_path_factory.mktemp("videos") / "two.mp4", pictures(FRAMES, people=2))


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    detecting = ("--detectors-dir", folder, "--detector", "colours")
    return command("video", *arguments, *detecting)


def test_a_video_becomes_a_file_for_each_person(
    models: Path, folder: Path, video: Path, tmp_path: Path
) -> None:
    options = ("--model", models / "symmetric", "--overlay", tmp_path / "over.mp4")
    kept = tmp_path / "kept.json"
    done = run(folder, video, "-o", tmp_path / "out.npz", *options, "--keypoints", kept, "--json")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    names = [Path(each["output"]).name for each in told]
    assert names == ["out-person-0.npz", "out-person-1.npz", "over.mp4"]
    assert [each["frames"] for each in told] == [FRAMES] * 3
    found = poselift.detect(video, detector="colours", detectors_folder=folder)
    for clip in found:
        expected = poselift.lift(clip.keypoints, model=models / "symmetric", **clip.options)
        with np.load(tmp_path / f"out-{clip.id}.npz") as written:
            np.testing.assert_array_equal(written["poses"], expected.poses)
    again = poselift.read(kept)
    assert [clip.id for clip in again] == [clip.id for clip in found]
    np.testing.assert_allclose(again[1].keypoints, found[1].keypoints, atol=0.01)


def test_several_videos_and_one_that_is_none(
    models: Path, folder: Path, video: Path, tmp_path: Path
) -> None:
    (tmp_path / "none.mp4").write_text("no video")
    output = ("-o", tmp_path / "out", "--to", "csv", "--model", models / "symmetric")
    done = run(folder, tmp_path / "none.mp4", video, *output)
    assert done.returncode == 1
    assert "none.mp4: expected a video in one file" in done.stderr
    assert len(list((tmp_path / "out").glob("two-person-*.csv"))) == 2


def test_keypoints_of_a_file_are_drawn_over_a_video(
    models: Path, folder: Path, video: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text(
        json.dumps(
            poselift.detect(video, detector="colours", detectors_folder=folder).lift_request()
        )
    )
    options = ("-o", tmp_path / "out.npz", "--model", models / "symmetric")
    overlay = ("--overlay", tmp_path / "over.webp", "--video", video)
    done = command("lift", kept, *options, *overlay)
    assert done.returncode == 0, done.stderr
    assert f"over.webp: {FRAMES // 2} frames" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--detector", "rtm"],
            "--detector: expected one that is installed (colours), found 'rtm'",
        ),
        (["--detector", "mediapipe"], "poselift detectors install mediapipe"),
        (["--overlay", "out.gif"], "out.gif: expected a name that ends with .mp4, .webp"),
        (["--people", 0], "--people"),
        (["--keypoints", "kept.csv"], "kept.csv: expected a name that ends with .json"),
    ],
)
def test_a_wrong_command_line_begins_nothing(
    arguments: list[object], said: str, folder: Path, video: Path, tmp_path: Path
) -> None:
    if "--detector" not in arguments:
        arguments = [*arguments, "--detector", "colours"]
    done = command("video", video, "-o", tmp_path / "o.npz", "--detectors-dir", folder, *arguments)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--video", "a.mp4"], "--video: expected none without --overlay"),
        (["--overlay", "a.mp4", "--resume"], "--resume: expected none with --overlay"),
        (["--overlay", "a.mp4", "--video", "gone.mp4"], "--video: expected a file"),
    ],
)
def test_overlays_that_cannot_be(arguments: list[object], said: str, video: Path) -> None:
    done = command("lift", video, "-o", video.with_suffix(".npz"), *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_detectors_are_listed(folder: Path) -> None:
    where = ("--detectors-dir", folder)
    assert command("detectors", *where).stdout.splitlines() == [
        "mediapipe: mediapipe33, poselift detectors install mediapipe",
        "colours: coco17, installed",
    ]
    listed = command("detectors", "list", "--json", *where).stdout.splitlines()
    assert [json.loads(line)["installed"] for line in listed] == [False, True]
    assert command("detectors", "path", *where).stdout == f"{folder}\n"
    wrong = command("detectors", "install", "openpose", *where)
    assert wrong.returncode == 2
    assert "NAME: expected mediapipe, found 'openpose'" in wrong.stderr
    nameless = command("detectors", "add", "../evil", "python", *where)
    assert nameless.returncode == 2
    assert "a name of letters" in nameless.stderr
