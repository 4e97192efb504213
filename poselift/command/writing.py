"""What a command writes: files of poses, and an overlay of all people."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from poselift.command.outputs import Target, targets, write_whole
from poselift.command.usage import UsageError
from poselift.errors import InvalidInput, MissingPackage
from poselift.poses import Poses
from poselift.readers.clips import Clip
from poselift.video.encoding import ENCODINGS
from poselift.writers.formats import WRITERS, rigged_endings
from poselift.writers.rigs import RIGS

_OUTPUT: Final = (
    f"the file to write: {' or '.join(WRITERS)}; of several people NAME-ID each, of several inputs "
    "NAME-INPUT. With --to a folder, in which files are named as the inputs."
)
_TO: Final = f"""the format of the files in a folder: {", ".join(each[1:] for each in WRITERS)}"""
_RIG: Final = f"names and rest pose of the joints in {rigged_endings()}: {', '.join(RIGS)}"
_OVERLAY: Final = (
    f"a video of the keypoints beside the poses: {' or '.join(ENCODINGS)}, which is small; of "
    "several inputs NAME-INPUT"
)


@dataclass(frozen=True)
class Overlay:
    """The overlay of one input.

    Attributes:
        target: where it goes.
        video: what keypoints are drawn over, if anything.
    """

    target: Target
    video: Path | None

    def write(self, source: Path, people: Sequence[tuple[Clip, Poses]]) -> tuple[Path, int]:
        """Write it for the people of an input; its path, and how many pictures it has.

        Raises:
            InvalidInput: it would take the place of the input or the video, or that is none.
        """
        from poselift.video.overlay import LiftedPerson, write_overlay  # noqa: PLC0415 - an extra's

        (path,) = self.target.paths([""])
        if self.video is not None and path.exists() and path.samefile(self.video):
            raise InvalidInput.at(str(path), "another file than the video")
        lifted = [LiftedPerson(*each) for each in people]
        pictures = 0

        def write(unfinished: Path) -> None:
            nonlocal pictures
            pictures = write_overlay(unfinished, lifted, self.video)

        write_whole(path, source, write)
        return path, pictures


@Parameter(name="*", group="Output")
@dataclass(frozen=True)
class Writing:
    """What is written and where; see ``_OUTPUT`` and the others."""

    output: Annotated[Path, Parameter(alias="-o", help=_OUTPUT)]
    to: Annotated[str | None, Parameter(help=_TO)] = None
    rig: Annotated[str | None, Parameter(help=_RIG)] = None
    overlay: Annotated[Path | None, Parameter(help=_OVERLAY)] = None

    def targets(self, inputs: Sequence[Path]) -> list[Target]:
        """Where each input goes.

        Raises:
            UsageError: what ``targets`` raises, or these files have no such rig.
        """
        places = targets(inputs, self.output, self.to, WRITERS)
        self._check_rig(places[0].ending)
        return places

    def overlays(
        self, inputs: Sequence[Path], videos: Sequence[Path | None]
    ) -> list[Overlay | None]:
        """The overlay of each input over its video; none if none was asked for.

        Raises:
            UsageError: the name has another ending, or there is no such folder.
            MissingPackage: the extra ``poselift[video]`` is not installed.
        """
        if self.overlay is None:
            return [None] * len(inputs)
        for package, module in (("av", "av"), ("Pillow", "PIL")):
            if find_spec(module) is None:
                raise MissingPackage.needed(package, "Overlays", "video")
        places = targets(inputs, self.overlay, None, ENCODINGS)
        return [Overlay(place, video) for place, video in zip(places, videos, strict=True)]

    def _check_rig(self, ending: str) -> None:
        try:
            WRITERS[ending].check_rig("--rig", self.rig)
        except InvalidInput as error:
            raise UsageError(error.detail) from None
