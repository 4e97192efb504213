"""Files of motion that is 3D already, which are refused with the reason."""

from typing import Final, NoReturn

from poselift.errors import InvalidInput
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_KINDS: Final = {
    ".trc": "a TRC file has markers in 3D; Pose2Sim keeps the 2D of each camera in its folder pose",
    ".c3d": "a C3D file has markers in 3D",
    ".bvh": "a BVH file has a skeleton's motion in 3D",
}


def _sniff(source: Source) -> bool:
    return source.suffix in _KINDS


def _read(source: Source) -> NoReturn:
    what = _KINDS.get(source.suffix, "this reader only refuses what is 3D")
    raise InvalidInput.at(source.name, f"2D keypoints, which are lifted; {what}")


THREE_D = Reader(
    "3d",
    "motion that is 3D already, in TRC, C3D or BVH: refused with the reason",
    "a name ending in .trc, .c3d or .bvh",
    _sniff,
    _read,
)
