"""Pose keypoints of ComfyUI and ControlNet's DWPose: OpenPose's objects with the image's size."""

from typing import Any

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections, Rows, in_detected_coordinates
from poselift.readers.openpose import BY_COUNT, add_people, canvas, common_size, has_people
from poselift.readers.reader import Reader
from poselift.readers.source import Source


def _sniff(source: Source) -> bool:
    content = source.sniffed_json
    if isinstance(content, dict):
        return has_people(content) and canvas(content) is not None
    return isinstance(content, list) and bool(content) and all(map(has_people, content))


def _read(source: Source) -> Detections:
    content = source.json
    frames: list[Any] = content if isinstance(content, list) else [content]
    rows = Rows()
    sizes = set()
    for number, frame in enumerate(frames):
        where = f"{source.name}: [{number}]"
        if not isinstance(frame, dict):
            raise InvalidInput.at(where, "an object with people")
        add_people(rows, number, frame, where)
        sizes.add(canvas(frame))
    return in_detected_coordinates(
        rows.detections(
            by_count=BY_COUNT, name=source.name, image_size=common_size(sizes, source.name)
        )
    )


COMFYUI = Reader(
    name="comfyui",
    reads="ComfyUI and ControlNet, OpenPose or DWPose: a file with a list of frames, or one frame",
    looks_for="JSON with a list of objects with people, or one with canvas_width",
    sniff=_sniff,
    read=_read,
)
