"""Detectors: programs of their own, each known by a file in a folder of its name."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from poselift.errors import InvalidInput
from poselift.formats import FORMATS

USUAL_DETECTOR: Final = "mediapipe"
INSTALLABLE: Final = {USUAL_DETECTOR: "mediapipe33"}
"""The detectors that poselift knows how to install, with the keypoint formats that they give."""
_FILE: Final = "detector.json"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Detector:
    """A program that finds people in pictures; ``docs/video.md`` says how it is spoken to.

    Attributes:
        keypoint_format: a name in ``poselift.formats.FORMATS``.
        command: the program and its arguments; empty if it is not installed.
    """

    name: str
    keypoint_format: str
    command: tuple[str, ...] = ()

    @property
    def is_installed(self) -> bool:
        """Whether it can be run."""
        return bool(self.command)


def usual_folder() -> Path:
    """Where detectors are, unless told otherwise: in the user's data folder."""
    from platformdirs import user_data_path  # noqa: PLC0415 - slow, and seldom needed

    return user_data_path("poselift", appauthor=False) / "detectors"


def known_detectors(folder: Path) -> list[Detector]:
    """Those in a folder, and those that can be installed there."""
    found = {each.name: each for each in _installed(folder)}
    missing = [Detector(*each) for each in INSTALLABLE.items() if each[0] not in found]
    return [*missing, *found.values()]


def installed_detector(name: str, folder: Path) -> Detector:
    """The detector of this name.

    Raises:
        InvalidInput: it is not installed.
    """
    known = {each.name: each for each in known_detectors(folder)}
    if name in known and known[name].is_installed:
        return known[name]
    if name in INSTALLABLE:
        expected = f"one that is installed: poselift detectors install {name}"
    else:
        names = ", ".join(each for each in known if known[each].is_installed) or "none"
        expected = f"one that is installed ({names}), found {name[:64]!r}"
    raise InvalidInput.at("detector", expected)


def check_name(name: str) -> str:
    """A name that a folder can have.

    Raises:
        InvalidInput: this is none.
    """
    if not _NAME.fullmatch(name):
        expected = f"a name of letters, digits, '-', '_' and '.', found {name[:64]!r}"
        raise InvalidInput.at("detector", expected)
    return name


def save(detector: Detector, folder: Path) -> None:
    """Make a detector known, which is what makes it installed."""
    fields = {"keypoint_format": detector.keypoint_format, "command": list(detector.command)}
    path = folder / check_name(detector.name) / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".partial")
    unfinished.write_text(json.dumps(fields), encoding="utf-8")
    unfinished.replace(path)


def forget(name: str, folder: Path) -> None:
    """Make a detector unknown, as one that is about to be installed again."""
    (folder / check_name(name) / _FILE).unlink(missing_ok=True)


def _installed(folder: Path) -> Iterator[Detector]:
    for path in sorted(folder.glob(f"*/{_FILE}")):
        yield _read(path)


def _read(path: Path) -> Detector:
    try:
        fields: Any = json.loads(path.read_text(encoding="utf-8"))
        command = tuple(map(str, fields["command"]))
        detector = Detector(path.parent.name, fields["keypoint_format"], command)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput.at(str(path), f"command and keypoint_format: {error}") from None
    if detector.keypoint_format not in FORMATS:
        raise InvalidInput.at(str(path), f"a keypoint format, found {detector.keypoint_format!r}")
    return detector
