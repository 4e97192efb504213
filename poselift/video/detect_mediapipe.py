"""The detector ``mediapipe``: MediaPipe Pose, as a program for an environment of its own.

It reads a JSON line about the pictures and then the pictures, and writes a JSON line about itself
and then one for each picture; poselift's documentation has the whole protocol. One person is found
by MediaPipe's solution for one, several by its task for several, with the same models.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

ALIKE = 0.5
"""Overlap of boxes from which two people are one, found twice."""
Person = list[list[float]]
"""[x, y, score] of each joint, x and y in pixels."""
Box = tuple[float, float, float, float]
Find = Callable[[object, int], list[Any]]
"""From a picture and its number to the landmarks of each person."""


def main() -> None:
    """The program."""
    # Whatever a library prints goes to standard error: lines alone go to standard output.
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    stream = json.loads(sys.stdin.buffer.readline())
    import numpy as np  # noqa: PLC0415 - after the output is safe

    width, height, people = stream["width"], stream["height"], stream.get("people") or 1
    find = one_person() if people == 1 else several_people(people, stream["fps"])
    lines.write(json.dumps({"name": "mediapipe", "keypoint_format": "mediapipe33"}) + "\n")
    frame = 0
    while picture := read_exactly(sys.stdin.buffer, width * height * 3):
        image = np.frombuffer(picture, np.uint8).reshape(height, width, 3)
        found = [pixels(person, width, height) for person in find(image, frame)]
        people_found = [{"keypoints": each} for each in distinct(found)]
        lines.write(json.dumps({"frame": frame, "people": people_found}) + "\n")
        frame += 1


def read_exactly(file: BinaryIO, length: int) -> bytes:
    """So many bytes, or none at the end."""
    content = file.read(length)
    return content if len(content) == length else b""


def one_person() -> Find:
    """What finds one person in each picture, following them."""
    from mediapipe.python.solutions.pose import Pose  # noqa: PLC0415 - its environment alone has it

    pose = Pose(model_complexity=1)

    def find(image: object, _: int) -> list[Any]:
        landmarks = pose.process(image).pose_landmarks
        return [landmarks.landmark] if landmarks else []

    return find


def several_people(most: int, fps: float) -> Find:
    """What finds up to so many people in each picture."""
    import mediapipe  # noqa: PLC0415
    from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415

    landmarker = vision.PoseLandmarker.create_from_options(
        vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=models(Path(mediapipe.__file__).parent)),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=most,
        )
    )

    def find(image: object, frame: int) -> list[Any]:
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
        found = landmarker.detect_for_video(picture, round(frame * 1000 / fps))
        return list(found.pose_landmarks)

    return find


def models(package: Path) -> bytes:
    """The bundle that the task wants, of the models that come with the package."""
    from mediapipe.tasks.python.metadata.metadata_writers import (  # noqa: PLC0415
        metadata_writer,
        model_asset_bundle_utils,
    )

    detector = (package / "modules/pose_detection/pose_detection.tflite").read_bytes()
    landmarks = (package / "modules/pose_landmark/pose_landmark_full.tflite").read_bytes()
    writer = metadata_writer.MetadataWriter.create(bytearray(landmarks))
    writer.add_image_input([0.0], [255.0])  # it takes colours from 0 to 1, and does not say so
    described, _ = writer.populate()
    parts = {
        "pose_detector.tflite": detector,
        "pose_landmarks_detector.tflite": bytes(described),
    }
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "pose.task"
        bundle.touch()
        model_asset_bundle_utils.create_model_asset_bundle(parts, str(bundle))
        return bundle.read_bytes()


def pixels(landmarks: Iterable[Any], width: int, height: int) -> Person:
    """Landmarks as [x, y, score], x and y in pixels."""
    return [
        [round(each.x * width, 2), round(each.y * height, 2), round(each.visibility, 4)]
        for each in landmarks
    ]


def distinct(people: list[Person]) -> list[Person]:
    """People without those who were found twice; the first of them stays."""
    kept: list[Person] = []
    for person in people:
        if all(overlap(box(person), box(other)) < ALIKE for other in kept):
            kept.append(person)
    return kept


def box(person: Person) -> Box:
    """The left, top, right and bottom edge around a person."""
    xs, ys = [joint[0] for joint in person], [joint[1] for joint in person]
    return min(xs), min(ys), max(xs), max(ys)


def overlap(one: Box, other: Box) -> float:
    """The intersection of two boxes over their union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((each[2] - each[0]) * (each[3] - each[1]) for each in (one, other))
    return shared / max(areas - shared, 1e-9)


if __name__ == "__main__":
    main()
