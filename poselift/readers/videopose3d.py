"""VideoPose3D's archives of 2D keypoints, and its script's detections by Detectron2."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections, Rows
from poselift.readers.numpy_files import npz_names, opened_npz
from poselift.readers.object_arrays import read_objects
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_LAYOUTS: Final = {"coco": "coco17", "h36m": "h36m17", "humaneva15": "humaneva15"}
_BY_COUNT: Final = {17: "coco17", 15: "humaneva15"}
_OF_DETECTRON: Final = {"boxes", "keypoints", "metadata"}
_LEAST_SCORE: Final = 0.5
"""Of a box in which Detectron2 saw a person."""
_PERSON: Final = 1
"""The class of people in Detectron's lists of classes."""
_SIZES: Final = "videos of one size, since their keypoints are in pixels"


def _sniff(source: Source) -> bool:
    names = set(npz_names(source))
    return "positions_2d" in names or names >= _OF_DETECTRON


def _read(source: Source) -> Detections:
    with opened_npz(source) as archive:
        if "positions_2d.npy" in archive.namelist():
            return _positions(archive, source.name)
        return _detectron(archive, source.name)


def _positions(archive: ZipFile, where: str) -> Detections:
    """``positions_2d[subject][action]``, a list of an array (T, J, 2) for each camera."""
    metadata = _metadata(archive, where)
    rows = Rows()
    for name, keypoints in _videos(_object(archive, "positions_2d", where), where):
        at = f"{where}, {name}"
        if keypoints.ndim != 3 or keypoints.shape[-1] not in {2, 3}:
            raise InvalidInput.at(at, f"(frames, joints, 2), found {keypoints.shape}")
        for frame in np.flatnonzero(np.isfinite(keypoints[..., 0]).any(axis=1)).tolist():
            rows.add(frame, keypoints[frame], f"{at}[{frame}]", name)
    layout = str(metadata.get("layout_name", ""))
    return rows.detections(
        _LAYOUTS.get(layout), by_count=_BY_COUNT, name=where, image_size=_size(metadata, where)
    )


def _videos(positions: object, where: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each video's name and keypoints."""
    for subject, actions in _entries(positions, where):
        for action, cameras in _entries(actions, f"{where}, {subject}"):
            listed = list(cameras) if isinstance(cameras, list | np.ndarray) else None
            if listed is None:
                raise InvalidInput.at(f"{where}, {subject}, {action}", "a list of cameras")
            for number, camera in enumerate(listed):
                name = f"{subject} {action}"
                array = np.asarray(camera)
                if array.dtype.kind not in "fiu":
                    raise InvalidInput.at(f"{where}, {name}", f"numbers, found {array.dtype}")
                yield (name if len(listed) == 1 else f"{name} {number}"), array


def _entries(value: object, where: str) -> Iterator[tuple[str, object]]:
    if not isinstance(value, dict):
        raise InvalidInput.at(where, f"a dictionary, found {type(value).__name__}")
    return ((str(key), item) for key, item in value.items())


def _size(metadata: Mapping[str, Any], where: str) -> tuple[float, float] | None:
    """The videos' width and height."""
    videos = metadata.get("video_metadata")
    if not isinstance(videos, dict) or not videos:
        return None
    sizes = {(video.get("w"), video.get("h")) for video in videos.values() if video}
    if len(sizes) > 1:
        found = " and ".join(f"{width} x {height}" for width, height in sorted(sizes)[:3])
        raise InvalidInput.at(f"{where}, metadata", f"{_SIZES}; found {found}")
    return _width_and_height(next(iter(sizes)))


def _width_and_height(size: tuple[Any, Any]) -> tuple[float, float] | None:
    return (
        (float(size[0]), float(size[1])) if all(isinstance(v, int | float) for v in size) else None
    )


def _detectron(archive: ZipFile, where: str) -> Detections:
    """Boxes and keypoints by frame and class; of people arrays (N, 4, 17): x, y, a logit, score."""
    boxes = _objects(archive, "boxes", where)
    keypoints = _objects(archive, "keypoints", where)
    metadata = _metadata(archive, where)
    if len(boxes) != len(keypoints):
        expected = f"as many frames as of boxes, {len(boxes)}, found {len(keypoints)}"
        raise InvalidInput.at(f"{where}, keypoints", expected)
    rows = Rows()
    for frame, (of_boxes, of_keypoints) in enumerate(zip(boxes, keypoints, strict=True)):
        at = f"{where}, frame {frame}"
        for keypoints_J3 in _people(of_boxes, of_keypoints, at):
            rows.add(frame, keypoints_J3, at)
    size = _width_and_height((metadata.get("w"), metadata.get("h")))
    return rows.detections("coco17", name=where, image_size=size)


def _people(boxes: Any, keypoints: Any, where: str) -> Iterator[NDArray[Any]]:  # noqa: ANN401
    try:
        boxes_N5 = np.asarray(boxes[_PERSON], np.float64)
        keypoints_N4J = np.asarray(keypoints[_PERSON], np.float64)
    except (TypeError, ValueError, IndexError, OverflowError):
        raise InvalidInput.at(where, "boxes and keypoints of people as class 1") from None
    if not keypoints_N4J.size:
        return
    if keypoints_N4J.ndim != 3 or keypoints_N4J.shape[1:] != (4, 17):
        raise InvalidInput.at(where, f"keypoints (people, 4, 17), found {keypoints_N4J.shape}")
    if boxes_N5.shape != (len(keypoints_N4J), 5):
        raise InvalidInput.at(where, f"boxes ({len(keypoints_N4J)}, 5), found {boxes_N5.shape}")
    for box, person in zip(boxes_N5, keypoints_N4J, strict=True):
        if box[4] >= _LEAST_SCORE:
            yield person[[0, 1, 3]].T


def _metadata(archive: ZipFile, where: str) -> dict[str, Any]:
    if "metadata.npy" not in archive.namelist():
        return {}
    metadata = _object(archive, "metadata", where)
    return metadata if isinstance(metadata, dict) else {}


def _object(archive: ZipFile, key: str, where: str) -> object:
    objects = _objects(archive, key, where)
    if objects.shape != ():
        raise InvalidInput.at(f"{where}, {key}", f"one object, found {objects.shape}")
    held: object = objects.item()
    return held


def _objects(archive: ZipFile, key: str, where: str) -> NDArray[Any]:
    if f"{key}.npy" not in archive.namelist():
        raise InvalidInput.at(f"{where}, {key}", "an array of that name")
    with archive.open(f"{key}.npy") as file:
        return read_objects(file, f"{where}, {key}")


VIDEOPOSE3D = Reader(
    "videopose3d",
    "VideoPose3D's 2D archives (.npz), and the detections of its Detectron2 script",
    "an .npz with positions_2d, or with boxes, keypoints and metadata",
    _sniff,
    _read,
)
