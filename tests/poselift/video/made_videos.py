"""Small videos made here: people of coloured balls, and whatever FFmpeg's own program makes."""

import colorsys
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from poselift.formats import FORMATS
from poselift.reference_pose import REFERENCE_POSE
from poselift.video.detectors import Detector, save

COLOURS = Path(__file__).parents[3] / "examples" / "detect_colours.py"
JOINTS = FORMATS["coco17"].joints
WIDTH, HEIGHT, FPS = 480, 361, 30.0
_FACE = 2.5
"""The head is drawn larger than it is, so that its balls do not touch."""


def colours(folder: Path) -> Path:
    """A folder with the example's detector, ``colours``."""
    save(Detector("colours", "coco17", (sys.executable, str(COLOURS))), folder)
    return folder


def python_detector(folder: Path, name: str, code: str, *arguments: str) -> Path:
    """A folder with a detector that is a few lines of Python."""
    save(Detector(name, "coco17", (sys.executable, "-c", code, *arguments)), folder)
    return folder


def person(frame: int, place: int = 0) -> NDArray[np.float64]:
    """Where the joints (17, 2) of one of several people are; they walk to the right."""
    joints = []
    for joint in JOINTS:
        x, y = REFERENCE_POSE[joint]
        if joint.rpartition("_")[2] in {"nose", "eye", "ear"}:
            x, y = x * _FACE, -0.94 + (y + 0.94) * 1.5
        swing = 0.05 * np.sin(frame / 4) * (1 if joint.startswith("left") else -1)
        joints.append((x + swing * (y > -0.5), y))
    return np.array(joints) * 320 + [90 + 180 * place + frame, 345]


def pictures(frames: int, people: int = 1) -> list[Image.Image]:
    """People of coloured balls, frame by frame."""
    return [_picture([person(frame, place) for place in range(people)]) for frame in range(frames)]


def _picture(people: Sequence[NDArray[np.float64]]) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "black")
    draw = ImageDraw.Draw(picture)
    for joints in people:
        for number, (x, y) in enumerate(joints):
            red, green, blue = colorsys.hsv_to_rgb(number / len(JOINTS), 1, 1)
            colour = (round(red * 255), round(green * 255), round(blue * 255))
            draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour)
    return picture


def made_video(
    path: Path, shown: Sequence[Image.Image], times_s: Sequence[float] | None = None
) -> Path:
    """A video of pictures at 30 a second, or at these times; nearly without losses."""
    clock = Fraction(1, 90_000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", options={"crf": "4", "preset": "ultrafast"})
        stream.width, stream.height = shown[0].size
        stream.pix_fmt = "yuv444p"
        stream.codec_context.time_base = clock
        for number, picture in enumerate(shown):
            frame = av.VideoFrame.from_image(picture)
            time_s = number / FPS if times_s is None else times_s[number]
            frame.pts, frame.time_base = round(time_s / clock), clock
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def ffmpeg(*arguments: object) -> None:
    """Run FFmpeg's own program."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", "-y", *map(str, arguments)], check=True)
