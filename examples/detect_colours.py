"""A whole detector: people who are made of coloured balls, one colour for each joint.

    poselift detectors add colours python examples/detect_colours.py
    poselift video balls.mp4 --detector colours -o balls.bvh

A detector of your own needs another ``find`` and another keypoint format. It runs in the
environment that its model needs; nothing here is poselift's.
"""

import json
import os
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

KEYPOINT_FORMAT = "coco17"
JOINTS = 17
BETWEEN_PEOPLE = 40
"""Pixels without the colour of a joint, from left to right, between two people's."""


def find(picture: Array) -> list[dict[str, Any]]:
    """The people in a picture (H, W, 3): for each the joints as [x, y, score], in pixels."""
    hues = hues_of(picture)
    people: dict[int, list[list[float]]] = {}
    for joint in range(JOINTS):
        distance = np.abs((hues - joint / JOINTS + 0.5) % 1 - 0.5)
        rows, columns = np.nonzero(distance < 0.4 / JOINTS)
        for number, ball in enumerate(balls(rows, columns)):
            joints = people.setdefault(number, [[0, 0, 0] for _ in range(JOINTS)])
            joints[joint] = [round(float(each), 2) for each in (*ball, 1)]
    return [{"keypoints": joints} for _, joints in sorted(people.items())]


def hues_of(picture: Array) -> Array:
    """The hue of each pixel, from 0 to 1; NaN where it has none or is dark."""
    colours = picture.astype(np.float32) / 255
    brightest, darkest = colours.max(axis=2), colours.min(axis=2)
    is_coloured = (brightest > 0.6) & (brightest - darkest > 0.5)
    red, green, blue = np.moveaxis(colours, 2, 0)
    span = np.where(is_coloured, brightest - darkest, np.nan)
    hues = np.select(
        [brightest == red, brightest == green],
        [(green - blue) / span, 2 + (blue - red) / span],
        4 + (red - green) / span,
    )
    return hues / 6 % 1


def balls(rows: Array, columns: Array) -> list[tuple[float, float]]:
    """The middles (x, y) of the balls that pixels belong to, from left to right."""
    order = np.argsort(columns)
    gaps = np.flatnonzero(np.diff(columns[order]) > BETWEEN_PEOPLE) + 1
    pieces = [piece for piece in np.split(order, gaps) if len(piece)]
    return [(columns[piece].mean() + 0.5, rows[piece].mean() + 0.5) for piece in pieces]


def main() -> None:
    """The protocol: a line about the pictures, then the pictures; a line about this, then lines."""
    # What libraries print goes to standard error: the lines have the output for themselves.
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    stream = json.loads(sys.stdin.buffer.readline())
    print(json.dumps({"name": "colours", "keypoint_format": KEYPOINT_FORMAT}), file=lines)
    height, width = stream["height"], stream["width"]
    frame = 0
    while len(content := sys.stdin.buffer.read(height * width * 3)) == height * width * 3:
        picture = np.frombuffer(content, np.uint8).reshape(height, width, 3)
        print(json.dumps({"frame": frame, "people": find(picture)}), file=lines)
        frame += 1


if __name__ == "__main__":
    main()
