"""A process of its own for each video: the video on its standard input, lines on its output.

A line is a JSON object: ``progress`` while pictures are worked on, and in the end ``request``, a
lift request with ``warnings`` of how the video was read, or ``error``, a problem.
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from poselift.errors import MissingPackage, PoseliftError
from poselift.readers.clips import Clips
from poselift.video.decoding import open_video
from poselift.video.detection import detect_people
from poselift.video.detector_process import DetectorFailed
from poselift.video.detectors import installed_detector
from service.error_table import problem, told
from service.request_errors import Unavailable
from service.requests import DetectOptions
from service.validation import Limits, check_limit

_PROGRESS_S: Final = 0.2
_NICE: Final = 5
"""Live sessions on the same machine come first."""


@dataclass(frozen=True)
class VideoTask:
    """What is to be done with a video; can be sent to another process."""

    options: DetectOptions
    detectors_dir: Path
    most_seconds: float
    limits: Limits

    def line(self) -> str:
        """As an argument of the process."""
        fields = {
            "options": self.options.model_dump(),
            "detectors_dir": str(self.detectors_dir),
            "most_seconds": self.most_seconds,
            "limits": vars(self.limits),
        }
        return orjson.dumps(fields).decode()

    @classmethod
    def of(cls, line: str) -> "VideoTask":
        """Read ``line``."""
        fields = orjson.loads(line)
        return cls(
            DetectOptions(**fields["options"]),
            Path(fields["detectors_dir"]),
            fields["most_seconds"],
            Limits(**fields["limits"]),
        )


class _Lines:
    """Writes lines; progress not more often than can be seen."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._told_at = -_PROGRESS_S

    def progress(self, frame: int, frames: int | None) -> None:
        now = time.monotonic()
        if now - self._told_at >= _PROGRESS_S:
            self._told_at = now
            self.write({"progress": {"frame": frame, "frames": frames}})

    def write(self, fields: Mapping[str, Any]) -> None:
        self._output.write(orjson.dumps(fields) + b"\n")
        self._output.flush()


def error_line(error: BaseException) -> bytes:
    """The last line where something went wrong."""
    return orjson.dumps({"error": problem(told(error), with_status=True)}) + b"\n"


def main() -> None:
    """The process."""
    with suppress(AttributeError, OSError):
        os.nice(_NICE)
    task = VideoTask.of(sys.argv[1])
    lines = _Lines(sys.stdout.buffer)
    try:
        clips = _found(task, sys.stdin.buffer, lines)
    except (DetectorFailed, MissingPackage) as error:
        sys.stdout.buffer.write(error_line(Unavailable(error.detail)))
    except PoseliftError as error:
        sys.stdout.buffer.write(error_line(error))
    else:
        lines.write({"request": clips.lift_request(), "warnings": clips.notes})


def _found(task: VideoTask, video: BinaryIO, lines: _Lines) -> Clips:
    options = task.options
    detector = installed_detector(options.detector, task.detectors_dir)
    with open_video(video, "video", task.most_seconds) as opened:
        clips = detect_people(opened, detector, options.people, options.min_frames, lines.progress)
    check_limit("clips", len(clips), task.limits.max_clips_per_request)
    check_limit("frames", sum(map(len, clips)), task.limits.max_frames_per_request)
    return clips


if __name__ == "__main__":
    main()
