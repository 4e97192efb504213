"""Installing MediaPipe: what goes wrong is told; it is run where it is installed."""

import os
import sys
from pathlib import Path

import pytest

import poselift
from poselift.video.detector_process import DetectorFailed
from poselift.video.detectors import known_detectors, usual_folder
from poselift.video.installation import InstallationFailed, add, install_mediapipe
from tests.poselift.video.made_videos import COLOURS, made_video, pictures

INSTALLED = Path(os.environ.get("POSELIFT_DETECTORS_DIR") or usual_folder())


def script(path: Path, content: str) -> str:
    path.write_text(f"#!/bin/sh\n{content}\n")
    path.chmod(0o755)
    return str(path)


def is_installed(folder: Path) -> bool:
    return {each.name: each.is_installed for each in known_detectors(folder)}["mediapipe"]


@pytest.mark.parametrize(
    ("content", "said"),
    [("echo 3 13", r"python \(3\.13\)"), ("exit 1", r"python \(no Python with venv and pip\)")],
)
def test_a_python_that_does_not_fit_is_told(content: str, said: str, tmp_path: Path) -> None:
    python = script(tmp_path / "python", content)
    with pytest.raises(
        InstallationFailed, match=f"Python 3.10 to 3.12, found .*{said}: .*--python"
    ):
        install_mediapipe(tmp_path, python)
    with pytest.raises(InstallationFailed, match=r"/nowhere \(no Python"):
        install_mediapipe(tmp_path, "/nowhere")


def test_an_environment_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    python = script(
        tmp_path / "python", 'test "$1" = -c && echo 3 12 || { echo no room >&2; exit 1; }'
    )
    with pytest.raises(InstallationFailed, match="the environment cannot be made: no room"):
        install_mediapipe(tmp_path, python)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="MediaPipe needs Python 3.12 at the most")
def test_without_a_network_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    add("mediapipe", [sys.executable, str(COLOURS)], tmp_path)  # one from before
    assert is_installed(tmp_path)
    with pytest.raises(InstallationFailed, match="is there a network, and room on the disk"):
        install_mediapipe(tmp_path, sys.executable)
    assert not is_installed(tmp_path)


def test_detectors_are_tried_before_they_are_known(tmp_path: Path) -> None:
    with pytest.raises(DetectorFailed, match="it said: no model"):
        add("broken", [sys.executable, "-c", "raise SystemExit('no model')"], tmp_path)
    assert [each.name for each in known_detectors(tmp_path)] == ["mediapipe"]
    detector = add("colours", [sys.executable, str(COLOURS)], tmp_path)
    assert detector.keypoint_format == "coco17"
    assert known_detectors(tmp_path)[-1] == detector


@pytest.mark.skipif(not is_installed(INSTALLED), reason="poselift detectors install mediapipe")
@pytest.mark.parametrize("people", [1, 2])
def test_mediapipe_runs(people: int, tmp_path: Path) -> None:
    """It finds no person in coloured balls, which takes all its code but the last lines."""
    path = made_video(tmp_path / "balls.mp4", pictures(3))
    with pytest.raises(poselift.InvalidInput, match="people whom mediapipe finds, found none"):
        poselift.detect(path, people=people, detectors_folder=INSTALLED)
