"""The poses of a clip as a file of a tool, which HTTP answers instead of a message."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from poselift.errors import InvalidInput, MissingPackage
from poselift.poses import Poses
from poselift.writers.formats import WRITERS
from poselift.writers.rigs import RIGS
from service.request_errors import NotAcceptable, TooLarge
from service.requests import LiftedClip, LiftRequest
from service.validation import Limits
from service.wire.json_writing import warning_fields

_LONGEST_STEM = 80
_UNNAMED = "poses"
_LONGEST_WARNINGS = 2_000
"""Characters: proxies hold all headers of an answer in 4 to 8 kB."""


class WrittenFile(NamedTuple):
    """A file, its name, and the warnings about its clip, a list in JSON."""

    content: bytes
    name: str
    warnings: str


@dataclass(frozen=True)
class PoseFile:
    """One output format, by the ending of its files; with ``rig``, the skeleton in it."""

    ending: str
    rig: str | None = None

    @classmethod
    def named(cls, media_type: str, parameters: Mapping[str, str]) -> "PoseFile | None":
        """The output format of this media type, if it is one; ``rig`` is its only parameter.

        Raises:
            InvalidInput: it has no such rig.
        """
        for ending, output in WRITERS.items():
            if output.media_type == media_type:
                output.check_rig("accept: rig", parameters.get("rig"))
                return cls(ending, parameters.get("rig"))
        return None

    @property
    def media_type(self) -> str:
        """The content type of answers."""
        return WRITERS[self.ending].media_type or ""

    def check(self, request: LiftRequest) -> None:
        """Refuse a request with several clips; raises ``InvalidInput``."""
        if len(request.clips) > 1:
            raise InvalidInput.at(
                "clips",
                f"one for an answer in {self.media_type}, found {len(request.clips)}: "
                "send one clip at a time",
            )

    def written(self, clip: LiftedClip, limits: Limits) -> WrittenFile:
        """Write the file; it is named by the clip's id. Blocks.

        Raises:
            InvalidInput: the poses lack what the format needs.
            TooLarge: the file would have more frames than are lifted.
            NotAcceptable: the format is not installed here.
        """
        _check_length(clip.poses, limits)
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", clip.id)[:_LONGEST_STEM].strip("_") or _UNNAMED
        with TemporaryDirectory(prefix="poselift-") as folder:
            path = Path(folder) / f"{name}{self.ending}"
            try:
                WRITERS[self.ending].write(path, clip.poses, self.rig)
            except MissingPackage as error:
                raise NotAcceptable(error.detail) from error
            return WrittenFile(path.read_bytes(), path.name, _warnings(clip.poses))


def described_files() -> dict[str, str]:
    """What the body of an answer is, by its media type."""
    rigs = f" `rig=NAME` after it chooses the skeleton: {', '.join(f'`{name}`' for name in RIGS)}."
    return {
        each.media_type: f"A `{ending}` file.{rigs if each.has_rigs else ''}"
        for ending, each in WRITERS.items()
        if each.media_type is not None
    }


def _check_length(poses: Poses, limits: Limits) -> None:
    """Frames without a detection cost a caller a few bytes, and time without any nothing."""
    times, limit = poses.times_s, limits.max_frames_per_request
    frames = max(len(poses), round((times[-1] - times[0]) * poses.known_fps) + 1)
    if frames > limit:
        raise TooLarge(
            f"clips[0]: {frames} frames, with empty ones, are over the limit of {limit} of a file: "
            "leave out those before and after the person (first_frame), cut the clip, or ask for "
            "application/json"
        )


def _warnings(poses: Poses) -> str:
    """A list as in an answer in JSON; without details where it would be too long."""
    warnings = [warning_fields(each) for each in poses.warnings]
    text = json.dumps(warnings)
    if len(text) <= _LONGEST_WARNINGS:
        return text
    return json.dumps([{**each, "detail": ""} for each in warnings])
