"""Writes what the page takes from the library and the examples: formats, bundled clips, an answer.

Run it after a change of formats, examples or the default model, and build the page: make page.
"""

import argparse
import json
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import poselift
from poselift.formats import FORMATS, Conversion, KeypointFormat, convert

_WEB = Path(__file__).parent
_EXAMPLES = _WEB.parent / "examples"
_CLIPS = _WEB / "src" / "clips"
_SKELETON = "h36m17"
_FIRST_FRAME = 8
"""In the frames before, the detector has not quite found the person yet."""
_CROWD = (  # of five people: metres to the side, the frame they begin with, mirrored
    (-2.6, 30, False),
    (-1.3, 0, True),
    (0.0, 18, False),
    (1.3, 10, True),
    (2.6, 24, False),
)
_CROWD_FRAMES = 110
_DECIMALS = 3
"""Of what the bundled answer has: millimetres."""
_MARGIN_PX = 1200
Floats = NDArray[np.floating[Any]]


def formats() -> dict[str, Any]:
    """Every keypoint format: its joints, its bones, and on which of its joints a pose's rest."""
    return {
        name: {"joints": each.joints, "bones": each.bones, "sources": _sources(each)}
        for name, each in FORMATS.items()
    }


def _sources(layout: KeypointFormat) -> dict[str, tuple[int, ...]]:
    sources = Conversion(layout.name, _SKELETON).sources
    return dict(zip(FORMATS[_SKELETON].joints, sources, strict=True))


def five_people(walk: dict[str, Any]) -> dict[str, Any]:
    """One walk, seen by a wider camera, five times side by side."""
    options = {name: walk[name] for name in ("image_size", "fps", "keypoint_format")}
    poses = poselift.lift(walk["clips"][0]["keypoints"], **options)
    assert poses.trajectory is not None
    keypoints = _measured(walk)
    width, height = walk["image_size"]
    focal_length = max(width, height)
    clips = []
    for number, (metres, begin, is_mirrored) in enumerate(_CROWD, start=1):
        frames = slice(begin, begin + _CROWD_FRAMES)
        moved = _mirrored(keypoints[frames]) if is_mirrored else keypoints[frames].copy()
        middle = moved[:, :, 0].mean(axis=1)
        x, z = poses.trajectory[frames, 0], poses.trajectory[frames, 2]
        wanted = width / 2 + focal_length * (metres + (x - x.mean()) * 0.5) / z
        moved[:, :, 0] += (wanted - middle)[:, None] + _MARGIN_PX
        clips.append({"id": f"Person {number}", "keypoints": _rounded(moved)})
    return {
        "image_size": [width + 2 * _MARGIN_PX, height],
        "fps": walk["fps"],
        "keypoint_format": "coco17",
        "camera": {"focal_length": focal_length},
        "clips": clips,
    }


def answer(url: str, request: dict[str, Any]) -> Any:  # noqa: ANN401
    """A service's answer in the axes of the page, to the millimetre."""
    body = json.dumps({**request, "axes": "y_up"}).encode()
    call = urllib.request.Request(  # noqa: S310 - a service that was named
        f"{url}/v1/lift", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call) as found:  # noqa: S310
        return json.loads(found.read(), parse_float=lambda text: round(float(text), _DECIMALS))


def _measured(walk: dict[str, Any]) -> Floats:
    frames = walk["clips"][0]["keypoints"]
    joints = len(FORMATS[walk["keypoint_format"]].joints)
    filled = [frame or np.zeros((joints, 3)) for frame in frames]
    return convert(np.array(filled, dtype=np.float32), walk["keypoint_format"], "coco17")


def _mirrored(keypoints_TJ3: Floats) -> Floats:
    mirrored = keypoints_TJ3[:, FORMATS["coco17"].mirror].copy()
    mirrored[:, :, 0] *= -1
    return mirrored


def _rounded(keypoints_TJ3: Floats) -> list[Any]:
    return [
        [[round(float(x), 1), round(float(y), 1), round(float(score), 2)] for x, y, score in frame]
        for frame in keypoints_TJ3
    ]


def main() -> None:
    """Write all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="a running service")
    url = parser.parse_args().url
    walk = json.loads((_EXAMPLES / "walking_mediapipe.json").read_text())
    del walk["clips"][0]["keypoints"][:_FIRST_FRAME]
    balance = json.loads((_EXAMPLES / "balancing" / "cam01.json").read_text())
    _write(_CLIPS / "walking.json", walk)
    _write(_CLIPS / "walking_answer.json", answer(url, walk))
    _write(_CLIPS / "balancing.json", balance)
    _write(_CLIPS / "five_people.json", five_people(walk))
    _write(_WEB / "src" / "motion" / "formats.json", formats())


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
