"""FreeMoCap's 2D data: MediaPipe landmarks of several cameras in one array."""

import re
from typing import Final

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections, Rows
from poselift.readers.numpy_files import NPY, read_npy
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_BODY: Final = 33
"""Of the tracked points the first are the body's; hands and face follow."""
_NAME: Final = re.compile(
    r"numCams_numFrames|mediapipe_?2dData|mediapipe_?skel|skeleton_3d|body_3d_xyz|_3d_body_hands",
    re.IGNORECASE,
)
_THREE_D: Final = (
    "2D data, (cameras, frames, tracked points, 2 or 3) as in "
    "mediapipe2dData_numCams_numFrames_numTrackedPoints_pixelXY.npy; {shape} are 3D positions, "
    "and what is lifted is 2D"
)


def is_freemocap(source: Source) -> bool:
    """Whether a file is an array under a name that FreeMoCap gives."""
    return source.suffix == ".npy" and bool(_NAME.search(source.stem))


def _sniff(source: Source) -> bool:
    return is_freemocap(source) and source.head.startswith(NPY)


def _read(source: Source) -> Detections:
    array = read_npy(source)
    if array.ndim == 3 and array.shape[-1] == 3:
        raise InvalidInput.at(source.name, _THREE_D.format(shape=array.shape))
    if array.ndim != 4 or array.shape[-1] not in {2, 3} or array.shape[2] < _BODY or not array.size:
        expected = f"(cameras, frames, {_BODY} tracked points or more, 2 or 3)"
        raise InvalidInput.at(source.name, f"{expected}, found {array.shape}")
    rows = Rows()
    for camera, frames in enumerate(array[:, :, :_BODY, :2]):
        for frame, keypoints_J2 in enumerate(frames):
            where = f"{source.name}[{camera}][{frame}]"
            rows.add(frame, keypoints_J2, where, f"camera-{camera}")
    return rows.detections("mediapipe33", name=source.name)


FREEMOCAP = Reader(
    "freemocap",
    "FreeMoCap's 2D data in .npy, one clip a camera",
    "the name that FreeMoCap gives, as in ..._numCams_numFrames_numTrackedPoints_pixelXY.npy",
    _sniff,
    _read,
)
