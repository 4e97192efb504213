"""Files of 2D keypoints: lift requests, COCO's results and tables."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from poselift.array_types import Floats
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.readers.clips import Clips

_DECIMALS = 3


def write_request(path: Path, clips: Clips) -> None:
    """Write the body of ``POST /v1/lift``, which says all that is known.

    Raises:
        InvalidInput: the size of the image is not known.
    """
    if clips.image_size is None:
        raise InvalidInput.at("image_size", "width and height in pixels: --image-size W H")
    path.write_text(json.dumps(clips.lift_request()), encoding="ascii")


def write_coco(path: Path, clips: Clips) -> None:
    """Write a list of results, one a person and frame, in pixels; missing joints are zeros.

    Raises:
        InvalidInput: coordinates are normalized and the size of the image is not known.
    """
    results = [
        {
            "image_id": frame,
            "category_id": 1,
            "track_id": int(person) if person.isdecimal() else person,
            "keypoints": np.round(keypoints_J3.astype(np.float64), _DECIMALS).ravel().tolist(),
            "score": round(float(keypoints_J3[:, 2].mean()), _DECIMALS),
        }
        for frame, person, keypoints_J3 in _rows(clips)
    ]
    path.write_text(json.dumps(results), encoding="ascii")


def write_table(path: Path, clips: Clips) -> None:
    """Write a row a person and frame, in pixels; cells of missing joints are empty.

    Raises:
        InvalidInput: coordinates are normalized and the size of the image is not known.
    """
    joints = FORMATS[clips.keypoint_format].joints
    columns = [f"{joint}_{axis}" for joint in joints for axis in ("x", "y", "score")]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["frame", "person_id", *columns])
        for frame, person, keypoints_J3 in _rows(clips):
            cells = [cell for joint in keypoints_J3.tolist() for cell in _cells(joint)]
            table.writerow([frame, person, *cells])


KEYPOINT_FILES: Mapping[str, Callable[[Path, Clips], None]] = MappingProxyType(
    {".json": write_request, ".coco.json": write_coco, ".csv": write_table}
)
"""Writers by the ending of the file's name; of several that fit, the longest counts."""


def lost(ending: str, clips: Clips) -> Iterator[str]:
    """What files with an ending cannot say, and a reader must be told."""
    if ending == ".json":
        return
    known = {"--image-size": clips.image_size, "--fps": clips.fps}
    told = [name for name, value in known.items() if value is not None]
    if ending == ".coco.json" and clips.keypoint_format != "coco17":
        told.append(f"--format {clips.keypoint_format}")
    if told:
        yield f"the file does not hold {', '.join(told)}: give it where the file is read"
    if clips[0].timestamps_N is not None:
        yield "the file has no timestamps"


def _cells(joint: list[float]) -> list[Any]:
    return [round(v, _DECIMALS) for v in joint] if joint[2] > 0 else ["", "", ""]


def _rows(clips: Clips) -> Iterator[tuple[int, str, Floats]]:
    """The frame, the person and the keypoints (J, 3) in pixels, by frame."""
    scale_3 = np.ones(3, np.float32)
    if clips.coordinates == "normalized":
        if clips.image_size is None:
            raise InvalidInput.at(
                "image_size", "width and height in pixels of normalized coordinates"
            )
        scale_3[:2] = clips.image_size
    rows = (
        (frame, number, place)
        for number, clip in enumerate(clips)
        for place, frame in enumerate(clip.frames_N.tolist())
    )
    for frame, number, place in sorted(rows):
        yield frame, clips[number].id, clips[number].detected_NJ3[place] * scale_3
