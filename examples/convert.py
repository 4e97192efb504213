"""Turn a detector's result files into the body of a ``POST /v1/lift``, printed to standard output.

    python examples/convert.py openpose  FOLDER     --image-size 1920 1080 --fps 60
    python examples/convert.py mmpose    FILE.json  --image-size 1920 1080 --fps 30
    python examples/convert.py yolo      FILE.json  --image-size 1920 1080 --fps 30
    python examples/convert.py yolo      FOLDER     --image-size 1920 1080 --fps 30
    python examples/convert.py mediapipe FILE.json  --image-size 1920 1080 --fps 30
    python examples/convert.py coco      FILE.json  --image-size 1920 1080 --fps 30

``coco`` is the results file of COCO's keypoint task, which Detectron2 and AlphaPose write.
Needs nothing but Python. Each person becomes a clip as long as the video, null where not detected.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Person = list[list[float]]
"""One person in one frame: [x, y, score] for every joint, pixels."""


@dataclass
class Detection:
    """A person in a frame, with the detector's track number if it gives one."""

    keypoints: Person
    track: int | None = None


@dataclass
class Source:
    """The input of a reader."""

    path: Path
    image_size: tuple[int, int]


def read_openpose(source: Source) -> Iterator[list[Detection]]:
    """OpenPose's ``--write_json`` folder: one file a frame, in the order of their numbers."""
    files = _numbered(source.path, "*.json")
    for number in sorted(files):
        people = _json(files[number])["people"]
        yield [Detection(_triples(person["pose_keypoints_2d"])) for person in people]


def read_mmpose(source: Source) -> Iterator[list[Detection]]:
    """MMPose's predictions: an inferencer's list of frames, or a demo's ``instance_info``."""
    content = _json(source.path)
    frames = content["instance_info"] if isinstance(content, dict) else content
    for people in _every_frame({frame["frame_id"]: frame["instances"] for frame in frames}):
        yield [
            Detection(
                [
                    [x, y, score]
                    for (x, y, *_), score in zip(
                        person["keypoints"], person["keypoint_scores"], strict=True
                    )
                ],
                person.get("track_id"),
            )
            for person in people
        ]


def read_coco(source: Source) -> Iterator[list[Detection]]:
    """COCO's results: a list with one person of one image each; ``image_id`` says which."""
    people: dict[int, list[Detection]] = {}
    for person in _json(source.path):
        image = person["image_id"]
        number = image if isinstance(image, int) else _number(Path(image))
        people.setdefault(number, []).append(Detection(_triples(person["keypoints"])))
    yield from _every_frame(people)


def read_yolo(source: Source) -> Iterator[list[Detection]]:
    """Ultralytics: a JSON list of each frame's ``to_json()``, or a folder of label files."""
    if source.path.is_dir():
        yield from _read_yolo_labels(source)
        return
    for frame in _json(source.path):
        people = json.loads(frame) if isinstance(frame, str) else frame
        yield [
            Detection(
                [
                    [x, y, score]
                    for x, y, score in zip(
                        person["keypoints"]["x"],
                        person["keypoints"]["y"],
                        person["keypoints"].get("visible") or [1.0] * len(person["keypoints"]["x"]),
                        strict=True,
                    )
                ],
                person.get("track_id"),
            )
            for person in people
        ]


def _read_yolo_labels(source: Source) -> Iterator[list[Detection]]:
    """A file a frame, none for an empty one; a row a person."""
    files = _numbered(source.path, "*.txt")
    rows = {number: file.read_text().splitlines() for number, file in files.items()}
    for lines in _every_frame(rows):
        yield [_yolo_label([float(v) for v in line.split()], source.image_size) for line in lines]


def _yolo_label(row: list[float], image_size: tuple[int, int]) -> Detection:
    """A row: class, box, 17 joints in shares of the image with confidences or without.

    The box's confidence and the track's number follow where they were asked for.
    """
    size = 3 if len(row) >= 5 + 17 * 3 else 2
    joints, rest = row[5 : 5 + 17 * size], row[5 + 17 * size :]
    # A confidence is below one, a track's number at least one.
    track = int(rest[-1]) if rest and rest[-1] >= 1 else None
    width, height = image_size
    return Detection(
        [
            [joints[i] * width, joints[i + 1] * height, joints[i + 2] if size == 3 else 1.0]
            for i in range(0, 17 * size, size)
        ],
        track,
    )


def read_mediapipe(source: Source) -> Iterator[list[Detection]]:
    """A JSON list of frames: null, the landmarks of one person, or a list of people's landmarks.

    A landmark is ``{"x", "y"}`` with "visibility" or without, or ``[x, y]``, ``[x, y, z]`` or
    ``[x, y, z, visibility]``; x and y in shares of the image.
    """
    width, height = source.image_size
    for frame in _json(source.path):
        people = frame or []
        if people and not _is_landmarks(people[0]):
            people = [people]
        yield [
            Detection([[x * width, y * height, score] for x, y, score in map(_landmark, person)])
            for person in people
        ]


def _is_landmarks(value: Any) -> bool:  # noqa: ANN401
    """Whether this is a list of landmarks rather than one landmark."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict | list)


def _landmark(landmark: dict[str, float] | list[float]) -> tuple[float, float, float]:
    if isinstance(landmark, dict):
        return landmark["x"], landmark["y"], landmark.get("visibility", 1.0)
    return landmark[0], landmark[1], landmark[3] if len(landmark) > 3 else 1.0


def _json(file: Path) -> Any:  # noqa: ANN401
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _triples(values: list[float]) -> Person:
    return [list(values[i : i + 3]) for i in range(0, len(values), 3)]


def _every_frame(people: dict[int, list[Any]]) -> Iterator[list[Any]]:
    """The people of every frame from the first to the last, none in frames left out."""
    for number in range(min(people), max(people) + 1):
        yield people.get(number, [])


def _numbered(folder: Path, pattern: str) -> dict[int, Path]:
    """The files of a folder by their numbers."""
    files = {_number(file): file for file in folder.glob(pattern)}
    if not files:
        raise ValueError(f"no {pattern} files")
    return files


def _number(file: Path) -> int:
    """The last number in a file's name, without OpenPose's ``_keypoints``."""
    numbers = re.findall(r"\d+", file.stem)
    if not numbers:
        raise ValueError(f"{file}: expected a frame number in the name")
    return int(numbers[-1])


@dataclass
class Track:
    """One person through the video."""

    frames: list[Person | None]
    number: int | None = None
    last: Person = field(default_factory=list)
    last_frame: int = 0


def follow(frames: Iterable[list[Detection]], patience: int) -> list[Track]:
    """Associate people between frames.

    The detector's own track numbers are taken where it gives them. Otherwise each person continues
    the nearest track, if the joints moved by less than half the person's size.

    Args:
        frames: the people in each frame.
        patience: after how many frames without a detection a track ends.
    """
    tracks: list[Track] = []
    count = 0
    for index, people in enumerate(frames):
        active = [track for track in tracks if index - track.last_frame <= patience]
        for detection, track in _match(people, active):
            if track is None:
                track = Track([None] * index, detection.track)  # noqa: PLW2901
                tracks.append(track)
            track.frames += [None] * (index - len(track.frames))
            track.frames.append(detection.keypoints)
            track.last, track.last_frame = detection.keypoints, index
        count = index + 1
    for track in tracks:
        track.frames += [None] * (count - len(track.frames))
    return tracks


def _match(people: list[Detection], active: list[Track]) -> list[tuple[Detection, Track | None]]:
    """Pair every person with a track, or with None if they are new; the closest pairs first."""
    pairs = sorted(
        (
            (_distance(person, track), i, j)
            for i, person in enumerate(people)
            for j, track in enumerate(active)
        ),
    )
    found: dict[int, int] = {}
    for distance, i, j in pairs:
        if distance < 0.5 and i not in found and j not in found.values():
            found[i] = j
    return [(person, active[found[i]] if i in found else None) for i, person in enumerate(people)]


def _distance(person: Detection, track: Track) -> float:
    """How far the joints moved, in sizes of the person; track numbers decide where given."""
    if person.track is not None or track.number is not None:
        return 0.0 if person.track == track.number else math.inf
    moved = [
        math.dist(now[:2], before[:2])
        for now, before in zip(person.keypoints, track.last, strict=True)
        if now[2] > 0 and before[2] > 0
    ]
    return sum(moved) / len(moved) / _size(track.last) if moved else math.inf


def _size(person: Person) -> float:
    """The diagonal of the box around the measured joints."""
    xs = [x for x, _, score in person if score > 0]
    ys = [y for _, y, score in person if score > 0]
    return math.dist((min(xs), min(ys)), (max(xs), max(ys))) or 1.0


READERS: dict[str, Callable[[Source], Iterator[list[Detection]]]] = {
    "openpose": read_openpose,
    "mmpose": read_mmpose,
    "yolo": read_yolo,
    "mediapipe": read_mediapipe,
    "coco": read_coco,
}
"""For each detector, how its files are read."""

FORMATS = {
    17: "coco17",
    25: "openpose_body25",
    26: "halpe26",
    33: "mediapipe33",
    133: "wholebody133",
}
"""The keypoint format of these detectors by the number of joints."""


def usual_format(tracks: list[Track]) -> str:
    """The keypoint format by the number of joints.

    Raises:
        ValueError: the number is none of a known format's.
    """
    joints = len(tracks[0].last)
    if joints not in FORMATS:
        expected = ", ".join(f"{count} ({name})" for count, name in FORMATS.items())
        raise ValueError(f"{joints} joints; expected {expected}, or --format")
    return FORMATS[joints]


def detected(people: list[Detection]) -> list[Detection]:
    """The people with any joint measured; at (0, 0), whatever the score, a joint was not."""
    for person in people:
        person.keypoints = [[x, y, s if x or y else 0.0] for x, y, s in person.keypoints]
    return [person for person in people if any(score > 0 for _, _, score in person.keypoints)]


def lift_request(
    tracks: Iterable[Track],
    image_size: tuple[int, int],
    fps: float,
    keypoint_format: str,
) -> dict[str, Any]:
    """The body of a request: one clip a person, numbers rounded to what a detector can know."""
    return {
        "image_size": list(image_size),
        "fps": fps,
        "keypoint_format": keypoint_format,
        "clips": [
            {
                "id": f"person-{number}",
                "keypoints": [
                    frame and [[round(x, 2), round(y, 2), round(s, 3)] for x, y, s in frame]
                    for frame in track.frames
                ],
            }
            for number, track in enumerate(tracks)
        ],
    }


def convert(arguments: argparse.Namespace) -> dict[str, Any]:
    """The body of the request for what the command line names.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: the file is not the detector's.
        OSError: it cannot be read.
    """
    image_size = tuple(arguments.image_size)
    frames = READERS[arguments.detector](Source(arguments.path, image_size))
    tracks = follow(map(detected, frames), patience=round(arguments.fps))
    long = [t for t in tracks if sum(f is not None for f in t.frames) >= arguments.min_frames]
    if not long:
        raise ValueError(f"no person is detected in {arguments.min_frames} frames")
    return lift_request(long, image_size, arguments.fps, arguments.format or usual_format(long))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("detector", choices=READERS)
    parser.add_argument("path", type=Path, help="the result file or folder")
    parser.add_argument("--image-size", type=int, nargs=2, required=True, metavar=("W", "H"))
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument(
        "--format", help="keypoint format, if the number of joints does not determine it"
    )
    parser.add_argument(
        "--min-frames",
        type=int,
        default=10,
        help="leave out people detected in fewer frames (default 10)",
    )
    arguments = parser.parse_args()
    try:
        body = convert(arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {arguments.path}: {error}")
    except (LookupError, TypeError, AttributeError) as error:
        sys.exit(
            f"error: {arguments.path}: expected what {arguments.detector} writes; "
            f"found none at {type(error).__name__}: {error}"
        )
    json.dump(body, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
