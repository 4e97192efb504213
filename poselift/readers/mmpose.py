"""MMPose's predictions, which RTMPose and Sapiens write too: instances of an image or video."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.readers.coco import BY_COUNT, person_id
from poselift.readers.detections import Detections, Rows
from poselift.readers.frame_order import order_frames
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_DATA_SETS: Mapping[str, str] = MappingProxyType(
    {
        "coco": "coco17",
        "coco_wholebody": "wholebody133",
        "h36m": "h36m17",
        "halpe26": "halpe26",
        "halpe": "halpe136",
        "mpii": "mpii16",
        "crowdpose": "crowdpose14",
        "aic": "aic14",
        "posetrack18": "posetrack17",
    }
)
"""MMPose's names of data sets whose joints are a keypoint format."""
_LIST_KEYS: Final = ("instances", "predictions", "instance_info")
_DEPTH: Final = 6
"""Of lists and objects around an instance."""
_SOME: Final = 1000
_NEAR: Final = 0.15
"""Of a person's height: how far joints are between frames at most, and between people at least."""
_NEARLY_ALL: Final = 0.9
_Frame = tuple[int, list[Any], str]


def _sniff(source: Source) -> bool:
    if source.is_folder:
        first = next((file for file in source.files_ending(".json") if file.size), None)
        return first is not None and _has_instances(first.sniffed_json)
    return _has_instances(source.sniffed_json)


def _has_instances(content: object, depth: int = _DEPTH) -> bool:
    """Whether there is an instance in the lists, or an empty list of MMPose's own name."""
    if isinstance(content, dict):
        if _is_instance(content):
            return True
        key = next((key for key in _LIST_KEYS if isinstance(content.get(key), list)), None)
        return key is not None and (not content[key] or _has_instances(content[key], depth - 1))
    if not isinstance(content, list) or not depth:
        return False
    some = itertools.islice((each for each in content if isinstance(each, dict | list)), _SOME)
    return any(_has_instances(each, depth - 1) for each in some)


def _is_instance(content: Mapping[str, Any]) -> bool:
    """Whether this is a person: keypoints in a list of points."""
    points = content.get("keypoints")
    if not isinstance(points, list) or not points or "image_id" in content:
        return False
    return all(
        isinstance(point, list)
        and len(point) in {2, 3}
        and all(isinstance(value, int | float | None) for value in point)
        for point in points
    )


def _read(source: Source) -> Detections:
    rows = Rows()
    for frame, instances, where in _frames(source):
        for number, instance in enumerate(instances):
            place = f"{where}[{number}]"
            rows.add(frame, _keypoints(instance, place), place, person_id(instance))
    meta = _meta(source)
    data_set = str(meta.get("dataset_name", "")).lower()
    detections = rows.detections(_DATA_SETS.get(data_set), by_count=BY_COUNT, name=source.name)
    return replace(_chosen(detections, _names(meta)), notes=tuple(_notes(source, detections)))


def _notes(source: Source, detections: Detections) -> Iterator[str]:
    """What is taken for granted of a list of instances without frames."""
    content = [] if source.is_folder else source.json
    if not isinstance(content, list) or not _are_instances(content) or "frame_id" in content[0]:
        return
    if detections.frames_N.any():
        yield "instances taken as one person, frame after frame, as each lies on the one before"


def _frames(source: Source) -> Iterator[_Frame]:
    if source.is_folder:
        files = source.files_ending(".json")
        order = order_frames([file.name for file in files], source.name)
        for file in files:
            content = file.read_json() if file.size else []
            yield order.frames[file.name], _instances(content, file.name), file.name
        return
    content = source.json
    if isinstance(content, dict) and not _is_instance(content):
        content = _listed(content, source.name)
    frames = content if isinstance(content, list) else [content]
    if _are_instances(frames):
        yield from _frames_of_instances(frames, source.name)
        return
    places: dict[int, str] = {}
    for place, frame in enumerate(frames):
        where = f"{source.name}: [{place}]"
        number = _number(frame, place, where)
        if places.setdefault(number, where) != where:
            expected = f"each frame_id once, found {number} in {places[number]} too"
            raise InvalidInput.at(where, expected)
        yield number, _instances(frame, where), where


def _are_instances(frames: list[Any]) -> bool:
    """Whether the list is of people, and not of frames."""
    return bool(frames) and all(isinstance(each, dict) and "keypoints" in each for each in frames)


def _frames_of_instances(instances: list[Any], name: str) -> Iterator[_Frame]:
    """The people of one image, who are apart; or one person in frame after frame, who is not.

    Raises:
        InvalidInput: it may be either.
    """
    places = [f"{name}: [{place}]" for place in range(len(instances))]
    if all("frame_id" in each for each in instances):
        for place, (each, where) in enumerate(zip(instances, places, strict=True)):
            yield _number(each, place, where), [each], where
        return
    near = [*map(_is_near, instances, instances[1:], places, places[1:])]
    if not any(near):
        yield 0, instances, name
    elif sum(near) >= _NEARLY_ALL * len(near):
        yield from ((place, [each], places[place]) for place, each in enumerate(instances))
    else:
        raise InvalidInput.at(
            name,
            "people of one image, or one person a frame: give each a frame_id; of "
            f"{len(instances)} instances some lie on the one before and some do not",
        )


def _is_near(before: object, after: object, where_before: str, where_after: str) -> bool:
    """Whether two instances lie on one another, as no two people of one image do."""
    one, other = _keypoints(before, where_before), _keypoints(after, where_after)
    if np.shape(one) != np.shape(other) or np.ndim(one) != 2:
        return False
    size = np.ptp(one[:, :2], axis=0).max()
    away = np.linalg.norm(one[:, :2] - other[:, :2], axis=1)
    return bool(np.median(away) < _NEAR * size)


def _number(frame: object, place: int, where: str) -> int:
    """The number that a frame says, or its place."""
    number = frame.get("frame_id", place) if isinstance(frame, dict) else place
    if isinstance(number, bool) or not isinstance(number, int):
        raise InvalidInput.at(where, f"a whole number as frame_id, found {number!r}")
    return number


def _instances(content: object, where: str) -> list[Any]:
    """The people of a frame, in lists within lists or objects."""
    if isinstance(content, dict):
        return [content] if "keypoints" in content else _instances(_listed(content, where), where)
    if content is None:
        return []
    if not isinstance(content, list):
        raise InvalidInput.at(where, "a list of instances")
    if len(content) == 1 and isinstance(content[0], list):
        return _instances(content[0], where)
    return content


def _listed(content: Mapping[str, Any], where: str) -> list[Any]:
    for key in _LIST_KEYS:
        if isinstance(content.get(key), list):
            return list(content[key])
    raise InvalidInput.at(where, f"an object with {', '.join(_LIST_KEYS)}")


def _keypoints(instance: object, where: str) -> Any:  # noqa: ANN401 - an array or lists
    """The keypoints of a person with their scores, which old versions write into the points."""
    if not isinstance(instance, dict) or not isinstance(instance.get("keypoints"), list):
        raise InvalidInput.at(where, "an object with keypoints")
    try:
        points = np.asarray(instance["keypoints"], np.float64)
        scores = np.asarray(instance.get("keypoint_scores") or [], np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput.at(where, "numbers in keypoints and keypoint_scores") from None
    if not scores.size:
        return points
    if points.ndim == 2 and points.shape[1] == 3:
        expected = "keypoints (x, y); these are 3D positions: give the 2D model's predictions"
        raise InvalidInput.at(where, expected)
    if points.ndim != 2 or points.shape[1] != 2 or scores.shape != points.shape[:1]:
        raise InvalidInput.at(where, f"a score for each keypoint, found {scores.shape}")
    return np.concatenate([points, scores[:, None]], axis=1)


def _meta(source: Source) -> Mapping[str, Any]:
    """What the file says about the model's joints."""
    files = (file for file in source.files_ending(".json") if file.size)
    first = next(files, None) if source.is_folder else source
    content = None if first is None else first.sniffed_json
    meta = content.get("meta_info") if isinstance(content, dict) else None
    return meta if isinstance(meta, dict) else {}


def _names(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the joints in order."""
    names = meta.get("keypoint_id2name")
    if not isinstance(names, dict):
        return ()
    try:
        return tuple(str(names[key]) for key in sorted(names, key=int))
    except (TypeError, ValueError, OverflowError):
        return ()


def _chosen(detections: Detections, names: tuple[str, ...]) -> Detections:
    """Of joints in an order that is no format's, COCO's by their names."""
    wanted = FORMATS["coco17"].joints
    is_known = detections.keypoint_format is not None
    if is_known or len(names) != detections.keypoints_NJ3.shape[1] or not set(wanted) <= set(names):
        return detections
    chosen = [names.index(joint) for joint in wanted]
    return detections.with_joints(detections.keypoints_NJ3[:, chosen], "coco17")


MMPOSE = Reader(
    name="mmpose",
    reads="MMPose, RTMPose, Sapiens: a file of an image or video, a list of results, or a folder",
    looks_for="JSON instances with keypoints as a list of points; a folder of such files",
    sniff=_sniff,
    read=_read,
)
