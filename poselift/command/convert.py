"""``poselift convert``: a file that a reader knows to another file of 2D keypoints."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poselift.command.keypoint_files import KEYPOINT_FILES, lost
from poselift.command.options import Reading
from poselift.command.outputs import targets, write_whole
from poselift.command.report import say

_OUTPUT = """the file to write: .json (a lift request), .coco.json (COCO results) or .csv (a table
with columns by joint)"""


def convert(
    source: Path,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o", help=_OUTPUT)],
    reading: Reading | None = None,
) -> int:
    """Write the 2D keypoints of a file in another format, all people in one file.

    Args:
        source: a file or folder of one video.
        output: see ``_OUTPUT``.
        reading: how it is read.
    """
    how = reading or Reading()
    how.check()
    (target,) = targets([source], output, None, KEYPOINT_FILES)
    clips = how.read(source)
    writer = KEYPOINT_FILES[target.ending]
    write_whole(output, source, lambda path: writer(path, clips))
    for note in (*clips.notes, *lost(target.ending, clips)):
        say(f"note: {note}")
    print(f"{output}: {len(clips)} people, {clips.keypoint_format}")  # noqa: T201
    return 0
