"""``poselift video``: videos to files of poses, by a detector."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from poselift.command.detectors import DetectorsFolder
from poselift.command.jobs import Job, do
from poselift.command.keypoint_files import write_request
from poselift.command.lifters import chosen_lifter
from poselift.command.options import Lifting, Server
from poselift.command.outputs import targets, write_whole
from poselift.command.report import Report, counting
from poselift.command.usage import UsageError
from poselift.command.writing import Writing
from poselift.errors import InvalidInput
from poselift.readers.clips import Clips
from poselift.video.detection import MOST_LOOKED_FOR, detect
from poselift.video.detectors import USUAL_DETECTOR, installed_detector

_KEYPOINTS: Final = (
    "a file for the keypoints, from which poselift lift lifts without detecting again: .json, a "
    "lift request; of several inputs NAME-INPUT"
)


@Parameter(name="*", group="Detection")
@dataclass(frozen=True)
class Detecting:
    """How people are found."""

    detector: str = USUAL_DETECTOR
    """one that poselift detectors lists as installed"""
    people: Annotated[int | None, Parameter(validator=Number(gte=1, lte=MOST_LOOKED_FOR))] = None
    """how many to look for in a picture; as many as the detector usually does if left out"""
    min_frames: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    """people detected in fewer frames are left out; half a second of them if left out itself"""
    detectors: DetectorsFolder | None = None

    def check(self) -> None:
        """Refuse a detector that is not installed; raises ``UsageError``."""
        try:
            installed_detector(self.detector, self._folder)
        except InvalidInput as error:
            raise UsageError(f"--{error.detail}") from None

    @property
    def _folder(self) -> Path:
        return (self.detectors or DetectorsFolder()).path

    def read(self, path: Path) -> Clips:
        """The people in a video; raises what ``poselift.detect`` does."""
        with counting(str(path)) as progress:
            return detect(
                path,
                detector=self.detector,
                people=self.people,
                min_frames=self.min_frames,
                progress=progress,
                detectors_folder=self._folder,
            )


@dataclass(frozen=True)
class _Keeping:
    """Finds people and keeps what was found."""

    detecting: Detecting
    keypoints: Path

    def read(self, path: Path) -> Clips:
        """The people in a video."""
        clips = self.detecting.read(path)
        write_whole(self.keypoints, path, lambda unfinished: write_request(unfinished, clips))
        return clips


def video(
    *inputs: Path,
    writing: Writing,
    keypoints: Annotated[Path | None, Parameter(help=_KEYPOINTS, group="Output")] = None,
    detecting: Detecting | None = None,
    lifting: Lifting | None = None,
    server: Server | None = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> int:
    """Find the people in videos, lift them and write the poses, one video after another.

    Args:
        inputs: videos.
        writing: what is written.
        keypoints: see ``_KEYPOINTS``.
        detecting: how people are found.
        lifting: how they are lifted.
        server: where they are lifted, if not here; they are found here in any case.
        json: write a JSON object a line for each file and each input that failed.
    """
    how, what = detecting or Detecting(), lifting or Lifting()
    if not inputs:
        raise UsageError.at("INPUT", "a video")
    how.check()
    places = writing.targets(inputs)
    overlays = writing.overlays(inputs, inputs)
    kept = _kept(inputs, keypoints)
    lifter = chosen_lifter(server or Server(), what.model, 1)
    report = Report(as_json=json, is_one=len(inputs) == 1)
    for path, place, overlay, file in zip(inputs, places, overlays, kept, strict=True):
        reading = how if file is None else _Keeping(how, file)
        report.tell(do(lifter, Job(path, place, reading, what, writing.rig, overlay=overlay)))
    return report.status


def _kept(inputs: Sequence[Path], keypoints: Path | None) -> list[Path | None]:
    if keypoints is None:
        return [None] * len(inputs)
    return [each.paths([""])[0] for each in targets(inputs, keypoints, None, [".json"])]
