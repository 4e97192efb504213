"""OpenPose's files, ``--write_json``: an object of people, one file a frame, in a folder."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from poselift.errors import InvalidInput
from poselift.readers.detections import (
    Detections,
    Rows,
    as_image_size,
    in_detected_coordinates,
    triples,
)
from poselift.readers.frame_order import order_frames
from poselift.readers.reader import Reader
from poselift.readers.source import Source

KEYS: Final = ("pose_keypoints_2d", "pose_keypoints")
"""Of a person's keypoints, today and in old versions."""
_BY_COUNT: Mapping[int, str] = MappingProxyType(
    {15: "openpose_mpi15", 17: "coco17", 18: "openpose_coco18", 25: "openpose_body25"}
)


def read_frames(frames: Iterable[tuple[int, object, str]], name: str) -> Detections:
    """The people of frames: the number of each, its object, and where that was read.

    Raises:
        InvalidInput: a frame is no object of people, or the images are of different sizes.
    """
    rows = Rows()
    sizes = set()
    for number, content, where in frames:
        if not isinstance(content, dict):
            raise InvalidInput.at(where, "an object with people")
        _add_people(rows, number, content, where)
        sizes.add(canvas(content))
    image_size = _common_size(sizes, name)
    return in_detected_coordinates(
        rows.detections(by_count=_BY_COUNT, name=name, image_size=image_size)
    )


def _add_people(rows: Rows, frame: int, content: Mapping[str, Any], where: str) -> None:
    """Add the people of a frame; one whose list is empty was not found.

    Raises:
        InvalidInput: this is no object of people, or a person has no keypoints.
    """
    people = content.get("people")
    if not isinstance(people, list):
        raise InvalidInput.at(where, "an object with people")
    for number, person in enumerate(people):
        place = f"{where}: people[{number}]"
        values = _keypoints(person, place)
        if values:
            rows.add(frame, triples(values, place), place, _person_id(person))


def has_people(content: object) -> bool:
    """Whether this is an object with people as OpenPose writes them."""
    if not isinstance(content, dict) or not isinstance(content.get("people"), list):
        return False
    people = content["people"]
    if not people:
        return "version" in content or "canvas_width" in content
    return all(isinstance(each, dict) and any(key in each for key in KEYS) for each in people)


def canvas(content: Mapping[str, Any]) -> tuple[float, float] | None:
    """The image's size, as tools write it that imitate OpenPose."""
    return as_image_size(content.get("canvas_width"), content.get("canvas_height"))


def _common_size(sizes: set[tuple[float, float] | None], where: str) -> tuple[float, float] | None:
    """The images' size, where they tell it.

    Raises:
        InvalidInput: they tell different ones.
    """
    told = sorted(size for size in sizes if size is not None)
    if len(told) > 1:
        found = " and ".join(f"{width:g} x {height:g}" for width, height in told[:2])
        raise InvalidInput.at(where, f"images of one size, found {found}")
    return told[0] if told else None


def _keypoints(person: object, where: str) -> list[Any]:
    if isinstance(person, dict):
        for key in KEYS:
            if isinstance(person.get(key), list):
                return list(person[key])
            if key in person and person[key] is None:
                return []
    raise InvalidInput.at(where, f"{' or '.join(KEYS)}, a list of numbers")


def _person_id(person: Mapping[str, Any]) -> object:
    """OpenPose's list of one id, -1 where it does not track."""
    person_id = person.get("person_id")
    if isinstance(person_id, list):
        person_id = person_id[0] if len(person_id) == 1 else None
    return None if person_id == -1 else person_id


def _sniff(source: Source) -> bool:
    if not source.is_folder:
        content = source.sniffed_json
        return has_people(content) and canvas(content) is None
    first = next((file for file in source.files_ending(".json") if file.size), None)
    return first is not None and has_people(first.sniffed_json)


def _read(source: Source) -> Detections:
    files = source.files_ending(".json") if source.is_folder else (source,)
    order = order_frames([file.name for file in files], source.name)
    frames = (
        (order.frames[file.name], file.read_json() if file.size else {"people": []}, file.name)
        for file in files
    )
    return read_frames(frames, source.name)


OPENPOSE = Reader(
    name="openpose",
    reads="OpenPose `--write_json`: a folder with a file for each frame, or one such file",
    looks_for="JSON with people, each with pose_keypoints_2d; a folder of such files",
    sniff=_sniff,
    read=_read,
)
