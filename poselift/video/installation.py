"""Installing detectors: MediaPipe in an environment of its own, and programs of the user's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from poselift.errors import PoseliftError
from poselift.video.decoding import Frame
from poselift.video.detector_process import Detection, PictureStream
from poselift.video.detectors import Detector, forget, save

_OLDEST, _NEWEST = (3, 10), (3, 12)
"""The Pythons that MediaPipe 0.10.21 is to be had for, and the packages that it needs."""
_PROGRAM: Final = Path(__file__).with_name("detect_mediapipe.py")
_REQUIREMENTS: Final = Path(__file__).with_name("mediapipe_requirements.txt")
_WIDTH, _HEIGHT = 320, 240
_LAST_WORDS: Final = 1_000
_VERSION: Final = "import sys, venv, ensurepip; print(*sys.version_info[:2])"


class InstallationFailed(PoseliftError):
    """A detector cannot be installed; the message says what to do."""


def install_mediapipe(folder: Path, python: str | None = None) -> Detector:
    """Make an environment with MediaPipe in a folder of detectors, some 400 MB, and try it.

    One that is there already is made anew. Until it has been tried, it does not count as installed.

    Args:
        folder: of detectors.
        python: what to run the environment with; one that fits is looked for if left out.

    Raises:
        InstallationFailed: no Python fits, the packages cannot be fetched, or it does not run.
        OSError: the folder cannot be written.
    """
    name = "mediapipe"
    chosen = _fitting(python)
    forget(name, folder)
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    _run([chosen, "-m", "venv", "--clear", str(place)], "the environment cannot be made")
    own = str(place / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    install = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    missing = "the packages cannot be installed; is there a network, and room on the disk?"
    _run([*install, "--requirement", str(_REQUIREMENTS)], missing)
    program = shutil.copy(_PROGRAM, place)
    # Isolated, so that neither PYTHONPATH nor the user's packages get in its way.
    return add(name, [own, "-I", str(program)], folder)


def add(name: str, command: Sequence[str], folder: Path) -> Detector:
    """Try a detector on a picture without people, and make it known if it keeps to the protocol.

    Raises:
        InvalidInput: no folder can have this name.
        DetectorFailed: it cannot be started, or does not keep to the protocol.
    """
    detector = Detector(name, _tried(command), tuple(command))
    save(detector, folder)
    return detector


def _tried(command: Sequence[str]) -> str:
    """The keypoint format that a detector tells."""
    grey = Frame(0, 0.0, np.full((_HEIGHT, _WIDTH, 3), 127, np.uint8))
    stream = PictureStream(_WIDTH, _HEIGHT, 30.0, 1)
    with Detection(command, stream, [grey]) as detection:
        for _ in detection:
            pass
        return detection.keypoint_format


def _fitting(python: str | None) -> str:
    """A Python of a version that fits, with what makes environments."""
    asked = [python] if python is not None else list(_candidates())
    found = {each: _version(each) for each in asked}
    for each, version in found.items():
        if version is not None and _OLDEST <= version <= _NEWEST:
            return each
    oldest, newest = (".".join(map(str, each)) for each in (_OLDEST, _NEWEST))
    told = ", ".join(
        f"{each} ({'.'.join(map(str, version)) if version else 'no Python with venv and pip'})"
        for each, version in found.items()
    )
    raise InstallationFailed(
        f"MediaPipe needs Python {oldest} to {newest}, found {told}: install one, and name it with "
        "--python /path/to/python"
    )


def _candidates() -> Iterator[str]:
    """This Python, and others by the names that they usually have."""
    yield sys.executable
    for minor in range(_NEWEST[1], _OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found is not None:
            yield found


def _version(python: str) -> tuple[int, int] | None:
    try:
        done = _done([python, "-c", _VERSION])
    except OSError:
        return None
    numbers = done.stdout.split()
    return (int(numbers[0]), int(numbers[1])) if not done.returncode and len(numbers) == 2 else None


def _run(command: Sequence[str], what: str) -> None:
    done = _done(command)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip())[-_LAST_WORDS:]
        raise InstallationFailed(f"{what}: {words}")


def _done(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own words, and a Python that the user chose
        command, check=False, capture_output=True, text=True
    )
