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
_JUMPING, _PASSING = "walking_mediapipe.json", "passing_mediapipe.json"
_BALANCING = "balancing/cam01.json"
_CROWD = (  # of five people: example, first frame, mirrored, metres to the side and away
    (_JUMPING, 8, False, 0.0, 6.4),
    (_PASSING, 2, False, 0.3, 9.0),
    (_BALANCING, 0, False, -1.9, 6.0),
    ("balancing/cam03.json", 0, False, 2.0, 6.2),
    (_PASSING, 22, True, 0.0, 7.6),
)
_ANKLES = [FORMATS["coco17"].joints.index(f"{side}_ankle") for side in ("left", "right")]
_CROWD_FRAMES = 100
_CROWD_IMAGE = (1920, 1080)
_CROWD_FOCAL_LENGTH = 1750
_CAMERA_HEIGHT_M = 1.1
_LOWEST_SHARE = 0.9
"""Of all ankles so many are higher than where a person stands."""
_DECIMALS = 3
"""Of what the bundled answer has: millimetres."""
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


def five_people() -> dict[str, Any]:
    """Real people of several examples, each as large and where they would be for one camera.

    Those who balance were recorded at 60 fps and are shown at 30.
    """
    clips = [
        {"id": f"Person {number}", "keypoints": _rounded(_placed(*each))}
        for number, each in enumerate(_CROWD, start=1)
    ]
    return {
        "image_size": list(_CROWD_IMAGE),
        "fps": 30.0,
        "keypoint_format": "coco17",
        "camera": {"focal_length": _CROWD_FOCAL_LENGTH},
        "clips": clips,
    }


def _placed(example: str, first: int, is_mirrored: bool, aside_m: float, away_m: float) -> Floats:
    """Keypoints (T, 17, 3) of an example's first person who stands there on a level ground."""
    request = _read(example)
    keypoints = _measured(request)[first : first + _CROWD_FRAMES]
    if is_mirrored:
        keypoints = _mirrored(keypoints)
    x, y, score = np.moveaxis(keypoints, 2, 0)
    size = _CROWD_FOCAL_LENGTH / away_m / _pixels_a_metre(request, first)
    width, height = _CROWD_IMAGE
    stands = np.quantile(y[:, _ANKLES][score[:, _ANKLES] > 0], _LOWEST_SHARE)
    keypoints[..., 0] = (x - x[score > 0].mean()) * size
    keypoints[..., 0] += width / 2 + _CROWD_FOCAL_LENGTH * aside_m / away_m
    keypoints[..., 1] = (y - stands) * size
    keypoints[..., 1] += height / 2 + _CROWD_FOCAL_LENGTH * _CAMERA_HEIGHT_M / away_m
    keypoints[score == 0] = 0
    return keypoints


def _pixels_a_metre(request: dict[str, Any], first: int) -> float:
    """How large things beside the first person are, by the camera that is assumed."""
    options = {name: request[name] for name in ("image_size", "fps", "keypoint_format")}
    poses = poselift.lift(request["clips"][0]["keypoints"], **options)
    assert poses.trajectory is not None
    distance_m = poses.trajectory[first : first + _CROWD_FRAMES, 2].mean()
    return float(max(request["image_size"]) / distance_m)


def _read(example: str) -> Any:  # noqa: ANN401
    return json.loads((_EXAMPLES / example).read_text())


def answer(url: str, request: dict[str, Any]) -> Any:  # noqa: ANN401
    """A service's answer in the axes of the page, to the millimetre."""
    body = json.dumps({**request, "axes": "y_up"}).encode()
    call = urllib.request.Request(  # noqa: S310 - a service that was named
        f"{url}/v1/lift", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call) as found:  # noqa: S310
        return json.loads(found.read(), parse_float=lambda text: round(float(text), _DECIMALS))


def _measured(request: dict[str, Any]) -> Floats:
    frames = request["clips"][0]["keypoints"]
    joints = len(FORMATS[request["keypoint_format"]].joints)
    filled = [frame or np.zeros((joints, 3)) for frame in frames]
    return convert(np.array(filled, dtype=np.float32), request["keypoint_format"], "coco17")


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
    walk = _read(_JUMPING)
    del walk["clips"][0]["keypoints"][:_FIRST_FRAME]
    _write(_CLIPS / "walking.json", walk)
    _write(_CLIPS / "walking_answer.json", answer(url, walk))
    _write(_CLIPS / "balancing.json", _read(_BALANCING))
    _write(_CLIPS / "five_people.json", five_people())
    _write(_WEB / "src" / "motion" / "formats.json", formats())


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
