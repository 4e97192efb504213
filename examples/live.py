"""Follow the keypoints of a file in real time: frames out, poses in, as from a camera.

    make serve                                  # in another terminal
    .venv/bin/python examples/live.py examples/walking_mediapipe.json

The file is a lift request, of which each clip is a person. Sends frames at the file's rate and
prints the position of the right wrist and the time of the answer. The client connects again when
the connection is lost or the server restarts: no frame is lost or lifted twice.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import poselift
from poselift.client import FramePoses, Session
from poselift.imputation import Quality

_WRIST = 16


def frames(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The clips of a lift request, frame by frame: people by name, None where not detected."""
    clips = {clip.get("id", str(i)): clip["keypoints"] for i, clip in enumerate(request["clips"])}
    length = max(map(len, clips.values()))
    return [
        {name: clip[index] for name, clip in clips.items() if index < len(clip)}
        for index in range(length)
    ]


def follow(session: Session, sequence: list[dict[str, Any]], fps: float) -> None:
    """Push frames at their time and print the answers."""
    began = time.monotonic()
    for index, people in enumerate(sequence):
        time.sleep(max(0.0, began + index / fps - time.monotonic()))
        pushed = time.monotonic()
        answer = session.push(people)
        if answer is not None:
            show(answer, (time.monotonic() - pushed) * 1000)


def show(answer: FramePoses, took_ms: float) -> None:
    """One line for each person."""
    for track_id, pose, quality in zip(
        answer.track_ids, answer.poses.poses, answer.poses.quality, strict=True
    ):
        known = quality != Quality.UNKNOWN
        wrist = "{:+.2f} {:+.2f} {:+.2f} m".format(*pose[_WRIST]) if known else "unknown"
        print(
            f"frame {answer.index:4d}  {track_id:10s} {Quality(quality).name.lower():9s} "
            f"right wrist {wrist}  {took_ms:5.1f} ms"
        )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("request", type=Path, help="a lift request, as poselift.read makes it")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="or grpc://127.0.0.1:50051")
    arguments = parser.parse_args()
    request = json.loads(arguments.request.read_text())
    options = {name: value for name, value in request.items() if name not in {"clips", "model"}}
    if "camera" in options:
        options["camera"] = poselift.Camera.of(options["image_size"], **options["camera"])
    with (
        poselift.Client(arguments.url) as client,
        client.stream(**options) as session,
    ):
        follow(session, frames(request), options.get("fps", 50.0))


if __name__ == "__main__":
    main()
