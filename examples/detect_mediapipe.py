"""Find a person in a video with MediaPipe: keypoints for ``poselift lift``.

    python -m venv mediapipe && mediapipe/bin/pip install mediapipe==0.10.21
    mediapipe/bin/python examples/detect_mediapipe.py video.mp4 > landmarks.json
    poselift lift landmarks.json --image-size W H --fps FPS -o poses.npz

MediaPipe pins an old NumPy, so give it an environment of its own. The image size and frame rate to
use are printed to standard error. ``--world`` prints MediaPipe's own 3D landmarks instead.
"""

import argparse
import json
import sys
from pathlib import Path

import cv2
import mediapipe


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, help="stop after so many frames")
    parser.add_argument("--world", action="store_true", help="MediaPipe's own 3D, in metres")
    arguments = parser.parse_args()
    video = cv2.VideoCapture(str(arguments.video))
    if not video.isOpened():
        sys.exit(f"error: {arguments.video}: cannot be opened as a video")
    width, height = (
        int(video.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    fps = video.get(cv2.CAP_PROP_FPS)
    print(f"--image-size {width} {height} --fps {fps:g}", file=sys.stderr)
    frames = []
    with mediapipe.solutions.pose.Pose(model_complexity=1) as pose:
        while arguments.frames is None or len(frames) < arguments.frames:
            more, image = video.read()
            if not more:
                break
            result = pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
            found = result.pose_world_landmarks if arguments.world else result.pose_landmarks
            frames.append(found and [_rounded(landmark) for landmark in found.landmark])
    json.dump(frames, sys.stdout, separators=(",", ":"))


def _rounded(landmark: object) -> list[float]:
    """[x, y, z, visibility] in shares of the image, or metres."""
    names = ("x", "y", "z", "visibility")
    return [round(float(getattr(landmark, name)), 5) for name in names]


if __name__ == "__main__":
    main()
