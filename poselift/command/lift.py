"""``poselift lift``: files of keypoints to files of poses."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from poselift.command.jobs import Job, outcomes
from poselift.command.lifters import chosen_lifter
from poselift.command.options import Lifting, Reading, Server
from poselift.command.report import Report, progress
from poselift.command.usage import UsageError
from poselift.command.writing import Writing

_VIDEO = "the video of the only input, to draw the overlay's keypoints over"
_RUN = "Running"
_FLAG = Parameter(negative="", show_default=False, group=_RUN)


def lift_files(
    *inputs: Path,
    writing: Writing,
    video: Annotated[Path | None, Parameter(help=_VIDEO, group="Output")] = None,
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
        writing: what is written.
        video: see ``_VIDEO``.
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
    places = writing.targets(inputs)
    overlays = writing.overlays(inputs, [video] * len(inputs))
    _check_overlay(writing.overlay, video, len(inputs), resume=resume)
    lifter = chosen_lifter(server or Server(), what.model, jobs)
    todo = [
        Job(path, place, how, what, writing.rig, resume, overlay)
        for path, place, overlay in zip(inputs, places, overlays, strict=True)
    ]
    report = Report(as_json=json, is_one=len(todo) == 1)
    with progress(outcomes(todo, lifter, jobs), len(todo)) as done:
        for outcome in done:
            report.tell(outcome)
    return report.status


def _check_overlay(overlay: Path | None, video: Path | None, inputs: int, *, resume: bool) -> None:
    if overlay is not None and resume:
        raise UsageError.at("--resume", "none with --overlay, which needs all poses")
    if video is not None and (overlay is None or inputs > 1):
        raise UsageError.at("--video", "none without --overlay, nor with several inputs")
    if video is not None and not video.is_file():
        raise UsageError.at("--video", f"a file, found {str(video)!r}")
