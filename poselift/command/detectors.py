"""``poselift detectors``: what finds people in videos."""

import json as json_format
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from poselift.command.report import say
from poselift.command.usage import UsageError
from poselift.errors import InvalidInput
from poselift.video.detectors import (
    INSTALLABLE,
    Detector,
    check_name,
    known_detectors,
    usual_folder,
)
from poselift.video.installation import add as add_detector
from poselift.video.installation import install_mediapipe

_JSON = Parameter(negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True)
class DetectorsFolder:
    """Where detectors are installed."""

    detectors_dir: Annotated[
        Path | None, Parameter(env_var="POSELIFT_DETECTORS_DIR", show_default=False)
    ] = None
    """the folder in which detectors are installed; in the user's data folder if left out"""

    @property
    def path(self) -> Path:
        """The folder."""
        return self.detectors_dir or usual_folder()


def list_detectors(
    *, folder: DetectorsFolder | None = None, json: Annotated[bool, _JSON] = False
) -> int:
    """List the detectors, installed or not.

    Args:
        folder: where they are.
        json: write a JSON object a line.
    """
    for each in known_detectors((folder or DetectorsFolder()).path):
        print(_json(each) if json else _line(each))  # noqa: T201
    return 0


def install(
    name: str, /, *, folder: DetectorsFolder | None = None, python: str | None = None
) -> int:
    """Install a detector in an environment of its own, and try it.

    Args:
        name: mediapipe, which takes some 400 MB.
        folder: where to.
        python: a Python to run it with; one of a version that fits is looked for if left out.
    """
    if name not in INSTALLABLE:
        raise UsageError.at("NAME", f"{' or '.join(INSTALLABLE)}, found {name!r}")
    say("installing, which takes a minute or two")
    print(_line(install_mediapipe((folder or DetectorsFolder()).path, python)))  # noqa: T201
    return 0


def add(
    name: str,
    /,
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    folder: DetectorsFolder | None = None,
) -> int:
    """Try a detector of your own, and make it known under a name.

    Args:
        name: what --detector takes.
        command: the program and its arguments, with whole paths; after -- if some begin with -.
        folder: where to.
    """
    try:
        check_name(name)
    except InvalidInput as error:
        raise UsageError(error.detail) from None
    if not command:
        raise UsageError.at("COMMAND", "a program and its arguments")
    print(_line(add_detector(name, command, (folder or DetectorsFolder()).path)))  # noqa: T201
    return 0


def path(*, folder: DetectorsFolder | None = None) -> int:
    """Tell the folder in which detectors are installed; removing one's folder there removes it.

    Args:
        folder: another one.
    """
    print((folder or DetectorsFolder()).path)  # noqa: T201
    return 0


def detectors_app() -> App:
    """The subcommand and its own."""
    app = App(name="detectors", help="What finds people in videos: list it, install it, add to it.")
    app.default(list_detectors)
    app.command(list_detectors, name="list")
    for subcommand in (install, add, path):
        app.command(subcommand)
    return app


def _line(detector: Detector) -> str:
    state = "installed" if detector.is_installed else f"poselift detectors install {detector.name}"
    return f"{detector.name}: {detector.keypoint_format}, {state}"


def _json(detector: Detector) -> str:
    return json_format.dumps(
        {
            "name": detector.name,
            "installed": detector.is_installed,
            "keypoint_format": detector.keypoint_format,
            "command": list(detector.command),
        }
    )
