"""AlphaPose's results: a list of people, or people by image in its other forms."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final

from poselift.errors import InvalidInput
from poselift.readers.coco import (
    BY_COUNT,
    is_alphapose,
    is_flat,
    is_results,
    person_id,
    read_results,
)
from poselift.readers.detections import Detections
from poselift.readers.reader import Reader
from poselift.readers.source import Source

_LISTS: Final = {"bodies": "joints", "people": "pose_keypoints_2d"}
"""Of the forms ``cmu`` and ``open``: the key of the people, and that of their keypoints."""
_Person = tuple[object, Any, str]


def _sniff(source: Source) -> bool:
    if source.is_folder:
        first = next((file for file in source.files_ending(".json") if file.size), None)
        return first is not None and _is_cmu(first.sniffed_json)
    content = source.sniffed_json
    if is_results(content):
        return is_alphapose(content)
    return _is_cmu(content) or _is_by_image(content)


def _is_cmu(content: object) -> bool:
    """Whether this is one image's object of bodies."""
    bodies = content.get("bodies") if isinstance(content, dict) else None
    return isinstance(bodies, list) and all(
        isinstance(body, dict) and is_flat(body.get("joints")) for body in bodies
    )


def _is_by_image(content: object) -> bool:
    """Whether people are listed by image."""
    if not isinstance(content, dict) or not content or "images" in content:
        return False
    some = [each for each in content.values() if each]
    return bool(some) and all(_is_image(each) for each in some)


def _is_image(people: object) -> bool:
    if isinstance(people, dict):
        return "version" in people and any(isinstance(people.get(key), list) for key in _LISTS)
    return isinstance(people, list) and all(
        isinstance(person, dict) and is_flat(person.get("keypoints")) for person in people
    )


def _read(source: Source) -> Detections:
    people = list(_people_of_folder(source) if source.is_folder else _people(source))
    is_open = any("keypoints" not in person for _, person, _ in people if isinstance(person, dict))
    named = [(image, _renamed(person), where) for image, person, where in people]
    if all(isinstance(person, dict) and person_id(person) == 0 for _, person, _ in named):
        named = [
            (image, _without_id(person), where)
            for image, person, where in named
            if isinstance(person, dict)
        ]
    # The forms of other tools have OpenPose's 18 joints, whatever the model's were.
    keypoint_format = "openpose_coco18" if is_open else None
    rows = read_results(source, named)
    return rows.detections(keypoint_format, by_count=BY_COUNT, name=source.name)


def _renamed(person: object) -> object:
    """A person of another form under the key of the usual one."""
    if not isinstance(person, dict) or "keypoints" in person:
        return person
    values = next((person[key] for key in _LISTS.values() if key in person), None)
    return {**person, "keypoints": values}


def _without_id(person: Mapping[str, Any]) -> dict[str, Any]:
    """A person of a file in which everyone is 0: AlphaPose writes that where it did not track."""
    return {**person, "idx": None}


def _people_of_folder(source: Source) -> Iterator[_Person]:
    for file in source.files_ending(".json"):
        content = file.read_json() if file.size else {"bodies": []}
        yield from _of_image(PurePath(file.name).name, content, file.name)


def _people(source: Source) -> Iterator[_Person]:
    content = source.json
    if isinstance(content, list):
        for row, person in enumerate(content):
            image = person.get("image_id") if isinstance(person, dict) else None
            yield image, person, f"{source.name}: [{row}]"
    elif _is_cmu(content):
        yield from _of_image(source.name, content, source.name)
    elif isinstance(content, dict):
        for image, people in content.items():
            yield from _of_image(image, people, f"{source.name}: {image}")
    else:
        raise InvalidInput.at(source.name, "a list of people, or an object of images")


def _of_image(image: str, people: object, where: str) -> Iterator[_Person]:
    if isinstance(people, dict):
        people = next((people[key] for key in _LISTS if key in people), None)
    if not isinstance(people, list):
        raise InvalidInput.at(where, "a list of people")
    for row, person in enumerate(people):
        yield image, person, f"{where}: [{row}]"


ALPHAPOSE = Reader(
    name="alphapose",
    reads="AlphaPose and PoseFlow: results, tracked results, `--format cmu` and `open`",
    looks_for="JSON with people by image name, as image_id of each or as keys; or with bodies",
    sniff=_sniff,
    read=_read,
)
