"""COCO's keypoints: a list of results, or annotations of a data set."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections, Rows, as_image_size, triples
from poselift.readers.frame_order import FrameOrder, order_frames
from poselift.readers.reader import Reader
from poselift.readers.source import Source

BY_COUNT: Mapping[int, str] = MappingProxyType(
    {
        14: "crowdpose14",
        16: "mpii16",
        17: "coco17",
        26: "halpe26",
        133: "wholebody133",
        136: "halpe136",
    }
)
_IDS: Final = ("track_id", "tracking_id", "idx")
"""The first that a person has tells who it is."""
_SOME: Final = 100
"""People by whom a list is known."""


def is_results(content: object) -> bool:
    """Whether this is a list of people in COCO's form, by the first of them."""
    return isinstance(content, list) and bool(content) and all(map(_is_result, content[:_SOME]))


def is_flat(keypoints: object) -> bool:
    """Whether this is a flat list of x, y and score."""
    return (
        isinstance(keypoints, list)
        and len(keypoints) >= 3
        and len(keypoints) % 3 == 0
        and all(isinstance(value, int | float | None) for value in keypoints)
    )


def is_alphapose(results: Sequence[Any]) -> bool:
    """Whether these results are AlphaPose's: images by name, or with its box or idx."""
    return any(
        isinstance(result["image_id"], str) or "idx" in result or "box" in result
        for result in results[:_SOME]
    )


def read_results(source: Source, results: Iterable[tuple[object, Any, str]]) -> Rows:
    """The rows of people with their images' names or numbers, and their places.

    Raises:
        InvalidInput: a person is none, or two images have one frame number.
    """
    people = list(results)
    order = _order([image for image, _, _ in people], source.name)
    rows = Rows()
    for image, person, where in people:
        if not isinstance(person, dict):
            raise InvalidInput.at(where, f"an object with keypoints, found {type(person).__name__}")
        name = str(image)
        time_s = None if order.timestamps_s is None else order.timestamps_s[name]
        keypoints_J3 = triples(person.get("keypoints"), f"{where}.keypoints")
        rows.add(order.frames[name], keypoints_J3, where, person_id(person), time_s)
    return rows


def person_id(person: Mapping[str, Any]) -> object:
    """Who a person is in all frames; AlphaPose's idx may be a list of one, and -1 is no id."""
    value = next((person[key] for key in _IDS if person.get(key) is not None), None)
    while isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    return None if value == -1 else value


def _order(images: Sequence[object], where: str) -> FrameOrder:
    for number, image in enumerate(images):
        if isinstance(image, bool) or not isinstance(image, int | str):
            raise InvalidInput.at(f"{where}: [{number}]", f"an image_id, found {image!r}")
    return order_frames([str(image) for image in images], where)


def _is_result(item: object) -> bool:
    """Whether this is a person in COCO's form: an image, and a flat list of keypoints."""
    return isinstance(item, dict) and "image_id" in item and is_flat(item.get("keypoints"))


def _sniff(source: Source) -> bool:
    content = source.sniffed_json
    return is_results(content) and not is_alphapose(content)


def _read(source: Source) -> Detections:
    content = source.json
    if not isinstance(content, list):
        raise InvalidInput.at(source.name, "a list of results")
    results = (
        (person.get("image_id") if isinstance(person, dict) else None, person, _where(source, row))
        for row, person in enumerate(content)
    )
    return read_results(source, results).detections(by_count=BY_COUNT, name=source.name)


def _where(source: Source, row: int, key: str = "") -> str:
    return f"{source.name}: {key}[{row}]"


def _sniff_annotations(source: Source) -> bool:
    content = source.sniffed_json
    return (
        isinstance(content, dict)
        and isinstance(content.get("images"), list)
        and isinstance(content.get("annotations"), list)
        and any(map(_is_result, content["annotations"]))
    )


def _read_annotations(source: Source) -> Detections:
    content = source.json
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise InvalidInput.at(source.name, "an object with images and annotations")
    images = _images(source, content.get("images"))
    people = (
        (_image_name(images, person), person, _where(source, row, "annotations"))
        for row, person in enumerate(content["annotations"])
        if isinstance(person, dict) and person.get("keypoints")
    )
    detections = read_results(source, people).detections(
        _format(content), by_count=BY_COUNT, name=source.name, image_size=_size(images.values())
    )
    # COCO's flags: labelled but hidden, and visible.
    np.minimum(detections.keypoints_NJ3[..., 2], 1, out=detections.keypoints_NJ3[..., 2])
    return detections


def _images(source: Source, images: object) -> dict[object, dict[str, Any]]:
    if not isinstance(images, list) or not all(
        isinstance(image, dict) and isinstance(image.get("id"), int | str) for image in images
    ):
        raise InvalidInput.at(f"{source.name}: images", "a list of objects with an id")
    return {image["id"]: image for image in images}


def _image_name(images: Mapping[object, dict[str, Any]], person: Mapping[str, Any]) -> object:
    """The name of the file, in which the frame is; folders of data sets are videos."""
    image = person.get("image_id")
    known = images.get(image) if isinstance(image, int | str) else None
    return (known or {}).get("file_name") or image


def _size(images: Iterable[dict[str, Any]]) -> tuple[float, float] | None:
    """The images' size, if all have the same."""
    sizes = {as_image_size(image.get("width"), image.get("height")) for image in images}
    return sizes.pop() if len(sizes) == 1 else None


def _format(content: Mapping[str, Any]) -> str | None:
    """The keypoint format, where the names of the joints tell more than their number."""
    categories = content.get("categories")
    for category in categories if isinstance(categories, list) else []:
        names = category.get("keypoints") if isinstance(category, dict) else None
        if isinstance(names, list) and len(names) == 17 and "head_bottom" in names:
            return "posetrack17"
    return None


COCO = Reader(
    name="coco",
    reads="COCO keypoint results: Detectron2, pycocotools, MMPose's test; a list with image_id",
    looks_for="a JSON list of objects with a numbered image_id and a flat list of keypoints",
    sniff=_sniff,
    read=_read,
)
COCO_ANNOTATIONS = Reader(
    name="coco-annotations",
    reads="COCO keypoint annotations: data sets, CVAT, Label Studio, PoseTrack 2018",
    looks_for="a JSON object with images and annotations that have keypoints",
    sniff=_sniff_annotations,
    read=_read_annotations,
)
