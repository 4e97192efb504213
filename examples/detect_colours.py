"""A whole detector: people who are made of coloured balls, one colour for each joint.

    poselift detectors add colours $PWD/.venv/bin/python $PWD/examples/detect_colours.py
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
    rows, columns = np.nonzero(np.ptp(picture, axis=2) > 128)
    nearest = np.round(hues(picture[rows, columns]) * JOINTS).astype(int) % JOINTS
    people: dict[int, list[list[float]]] = {}
    for joint in range(JOINTS):
        is_joint = nearest == joint
        for number, ball in enumerate(balls(rows[is_joint], columns[is_joint])):
            joints = people.setdefault(number, [[0, 0, 0] for _ in range(JOINTS)])
            joints[joint] = [round(float(each), 2) for each in (*ball, 1)]
    return [{"keypoints": joints} for _, joints in sorted(people.items())]


def hues(colours: Array) -> Array:
    """The hue of each of some colours (N, 3), from 0 to 1."""
    red, green, blue = colours.T / 255
    brightest, span = colours.max(axis=1) / 255, np.ptp(colours, axis=1) / 255
    sixths = np.select(
        [brightest == red, brightest == green],
        [(green - blue) / span, 2 + (blue - red) / span],
        4 + (red - green) / span,
    )
    return sixths / 6 % 1


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
