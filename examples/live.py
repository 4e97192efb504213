"""Follow the keypoints of a file in real time: frames out, poses in, as from a camera.

    make serve                                  # in another terminal
    .venv/bin/python examples/live.py examples/walking_mediapipe.json

The file is a lift request, of which each clip is a person. Sends frames at the file's rate and
prints the position of the right wrist and the time of the answer. When the connection is lost or
another replica is to continue, it connects again and sends the next frame that the session expects:
no frame is lost or lifted twice.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from websockets import Subprotocol
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Json = dict[str, Any]
_WRIST = 16
_PATIENCE_S = 30.0


def frames(request: Json) -> list[Json]:
    """The clips of a lift request, frame by frame: people who are not detected are left out."""
    clips = {clip.get("id", str(i)): clip["keypoints"] for i, clip in enumerate(request["clips"])}
    length = max(map(len, clips.values()))
    return [
        {
            "index": index,
            "people": [
                {"track_id": name, "keypoints": clip[index]}
                for name, clip in clips.items()
                if index < len(clip) and clip[index] is not None
            ],
        }
        for index in range(length)
    ]


def run(url: str, options: Json, sequence: list[Json], fps: float) -> None:
    """Follow a sequence to its end, over as many connections as it takes."""
    gone_since: float | None = None
    while True:
        try:
            with connect(url, subprotocols=[Subprotocol("poselift.v1.json")]) as socket:
                socket.send(json.dumps({"open": options}))
                opened = json.loads(socket.recv())["opened"]
                options["session_id"] = opened["session_id"]
                gone_since = None
                if follow(socket, sequence, opened["next_index"], fps):
                    socket.send(json.dumps({"close": {}}))
                    return
        except (ConnectionClosed, OSError) as error:
            gone_since = gone_since or time.monotonic()
            if time.monotonic() - gone_since > _PATIENCE_S:
                raise
            print(f"connecting again: {error}")
            time.sleep(0.5)


def follow(socket: ClientConnection, sequence: list[Json], start: int, fps: float) -> bool:
    """Send frames at their time and print the answers; whether all were sent."""
    began = time.monotonic() - start / fps
    for frame in sequence[start:]:
        time.sleep(max(0.0, began + frame["index"] / fps - time.monotonic()))
        sent = time.monotonic()
        socket.send(json.dumps({"frame": frame}))
        answer = json.loads(socket.recv())
        if "pose" not in answer:  # a notice: the stream ends, another replica continues
            return False
        show(answer["pose"], (time.monotonic() - sent) * 1000)
    return True


def show(answer: Json, took_ms: float) -> None:
    """One line for each person."""
    for person in answer["people"]:
        pose = person["pose"]
        wrist = "unknown" if pose is None else "{:+.2f} {:+.2f} {:+.2f} m".format(*pose[_WRIST])
        print(
            f"frame {answer['index']:4d}  {person['track_id']:10s} {person['quality']:9s} "
            f"right wrist {wrist}  {took_ms:5.1f} ms"
        )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("request", type=Path, help="a lift request, as convert.py makes it")
    parser.add_argument("--url", default="ws://127.0.0.1:8000/v1/stream")
    arguments = parser.parse_args()
    request = json.loads(arguments.request.read_text())
    sequence, fps = frames(request), request.get("fps", 50.0)
    options = {name: value for name, value in request.items() if name not in {"clips", "model"}}
    run(arguments.url, options, sequence, fps)


if __name__ == "__main__":
    main()
