"""``poselift lift``: files of keypoints to files of poses."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from poselift.command.jobs import Job, outcomes
from poselift.command.lifters import AtServer, InProcess, Lifter
from poselift.command.options import Lifting, Reading, Server
from poselift.command.outputs import targets
from poselift.command.report import Report, progress
from poselift.command.usage import UsageError
from poselift.errors import InvalidInput, ModelError
from poselift.shipped_models import DEFAULT, model_folder
from poselift.writers.formats import WRITERS, rigged_endings
from poselift.writers.rigs import RIGS

_OUTPUT = f"""the file to write: {" or ".join(WRITERS)}; of several people NAME-ID each, of several
inputs NAME-INPUT. With --to a folder, in which files are named as the inputs."""
_TO = f"""the format of the files in a folder: {", ".join(each[1:] for each in WRITERS)}"""
_RIG = f"names and rest pose of the joints in {rigged_endings()}: {', '.join(RIGS)}"
_OUT = "Output"
_RUN = "Running"
_FLAG = Parameter(negative="", show_default=False, group=_RUN)


def lift_files(
    *inputs: Path,
    output: Annotated[Path, Parameter(alias="-o", help=_OUTPUT, group=_OUT)],
    to: Annotated[str | None, Parameter(help=_TO, group=_OUT)] = None,
    rig: Annotated[str | None, Parameter(help=_RIG, group=_OUT)] = None,
    reading: Reading | None = None,
    lifting: Lifting | None = None,
    server: Server | None = None,
    jobs: Annotated[int, Parameter(validator=Number(gte=1), group=_RUN)] = 1,
    resume: Annotated[bool, _FLAG] = False,
    json: Annotated[bool, _FLAG] = False,
) -> int:
    """Lift the keypoints in files that detectors and tools write, and write the poses.

    Args:
        inputs: files or folders, each of one video.
        output: see ``_OUTPUT``.
        to: see ``_TO``.
        rig: see ``_RIG``.
        reading: how the inputs are read.
        lifting: how clips are lifted.
        server: where, if not here.
        jobs: how many inputs are lifted at a time.
        resume: keep files that are newer than their inputs.
        json: write a JSON object a line for each file and each input that failed.
    """
    how, what = reading or Reading(), lifting or Lifting()
    if not inputs:
        raise UsageError.at("INPUT", "a file or folder of keypoints")
    how.check()
    places = targets(inputs, output, to, WRITERS)
    _check_rig(rig, places[0].ending)
    lifter = _lifter(server or Server(), what.model, jobs)
    todo = [
        Job(path, place, how, what, rig, resume) for path, place in zip(inputs, places, strict=True)
    ]
    report = Report(as_json=json, is_one=len(todo) == 1)
    with progress(outcomes(todo, lifter, jobs), len(todo)) as done:
        for outcome in done:
            report.tell(outcome)
    return report.status


def _check_rig(rig: str | None, ending: str) -> None:
    try:
        WRITERS[ending].check_rig("--rig", rig)
    except InvalidInput as error:
        raise UsageError(error.detail) from None


def _check_model(model: str | None) -> None:
    try:
        model_folder(model or DEFAULT)
    except ModelError as error:
        raise UsageError(f"--model: {error.detail}") from None


def _lifter(server: Server, model: str | None, jobs: int) -> Lifter:
    if server.server is None:
        _check_model(model)
        return InProcess(jobs)
    lifter = AtServer(server.client())
    lifter.check(model)
    return lifter
