"""Pose keypoints of ComfyUI and ControlNet's DWPose: OpenPose's objects with the image's size."""

from typing import Any

from poselift.readers.detections import Detections
from poselift.readers.openpose import canvas, has_people, read_frames
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
    places = (f"{source.name}: [{number}]" for number in range(len(frames)))
    return read_frames(zip(range(len(frames)), frames, places, strict=True), source.name)


COMFYUI = Reader(
    name="comfyui",
    reads="ComfyUI and ControlNet, OpenPose or DWPose: a file with a list of frames, or one frame",
    looks_for="JSON with a list of objects with people, or one with canvas_width",
    sniff=_sniff,
    read=_read,
)
