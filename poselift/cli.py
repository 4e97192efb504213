"""The command: ``poselift lift`` and ``poselift models``."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import App, Parameter

from poselift.cameras import Camera
from poselift.errors import InvalidInput, PoseliftError
from poselift.lifting import lift, load_model
from poselift.shipped_models import ALIASES, SHIPPED_MODELS, shipped_names
from poselift.writers.formats import WRITERS, write

app = App(name="poselift", help="Lift 2D human keypoints to metric 3D poses.")

_OPTIONS = {
    *("image_size", "fps", "keypoint_format", "coordinates", "min_score", "smoothing_s"),
    *("person_height_m", "axes", "model"),
}
_OUTPUT = f"the file to write: {' or '.join(WRITERS)}; of several clips one each, NAME-ID."
_CAMERA = {"focal_length", "fov_degrees", "principal_point", "radial", "tangential"}
_OF_CLIPS = ("first_frame", "timestamps_s")
_FLAGS = {"flip_augmentation", "constant_bone_lengths", "ground_contact"}


def main() -> None:
    """Run the command; a mistake in the options or files ends it with one line and status 1."""
    try:
        app()
    except PoseliftError as error:
        sys.exit(f"error: {error.detail}")
    except OSError as error:
        sys.exit(f"error: {error}")


@app.command(name="lift")
def lift_file(
    keypoints: Path,
    *,
    output: Annotated[Path, Parameter(alias="-o", help=_OUTPUT)],
    image_size: tuple[float, float] | None = None,
    fps: float | None = None,
    format: Annotated[str | None, Parameter(name="--format")] = None,  # noqa: A002
    model: str | None = None,
) -> None:
    """Lift the keypoints in a file and write the poses.

    Args:
        keypoints: a lift request (.json), whose fields count unless options outdo them; or an
            array (T, J, 2 or 3) of one person (.npy).
        output: see ``_OUTPUT``.
        image_size: width and height of the image in pixels.
        fps: frames per second.
        format: the keypoint format, coco17 if nothing says otherwise.
        model: a shipped model's name or alias, or a model folder.
    """
    request = _read(keypoints)
    given = {"image_size": image_size, "fps": fps, "keypoint_format": format, "model": model}
    clips, options = _split(request | {name: v for name, v in given.items() if v is not None})
    loaded = load_model(options.pop("model", "default"))
    for clip in clips:
        own = {name: clip[name] for name in _OF_CLIPS if name in clip}
        poses = lift(clip["keypoints"], model=loaded, **options, **own)
        name = output if len(clips) == 1 else output.with_stem(f"{output.stem}-{_safe(clip['id'])}")
        write(name, poses)
        print(f"{name}: {len(poses)} frames")  # noqa: T201
        for warning in poses.warnings:
            print(f"warning: {name}: {warning.detail} ({warning.code})", file=sys.stderr)  # noqa: T201


@app.command
def models() -> None:
    """List the models that come with the package."""
    aliases = {name: alias for alias, name in ALIASES.items()}
    for name in shipped_names():
        alias = f" ({aliases[name]})" if name in aliases else ""
        print(f"{name}{alias}: {SHIPPED_MODELS / name}")  # noqa: T201


def _read(path: Path) -> dict[str, Any]:
    """A lift request, from JSON or around an array."""
    if path.suffix.lower() == ".npy":
        return {"clips": [{"keypoints": np.load(path, allow_pickle=False)}]}
    try:
        request = json.loads(path.read_text())
    except ValueError as error:
        raise InvalidInput.at(
            str(path), f"a lift request in JSON, or a .npy array: {error}"
        ) from None
    if not isinstance(request, dict) or not request.get("clips"):
        raise InvalidInput.at(str(path), "a JSON object with clips")
    return request


def _split(request: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The clips with an id each, and the options of ``lift``."""
    unknown = set(request) - _OPTIONS - _FLAGS - {"clips", "camera"}
    if unknown:
        raise InvalidInput.at(", ".join(sorted(unknown)), "no field of this name")
    if "image_size" not in request:
        raise InvalidInput.at("image_size", "width and height in pixels: --image-size W H")
    clips = [
        {"id": str(number), **{name: v for name, v in clip.items() if v is not None}}
        for number, clip in enumerate(request["clips"])
    ]
    options = {name: request[name] for name in _OPTIONS | _FLAGS if request.get(name) is not None}
    if request.get("camera"):
        options["camera"] = _camera(request["camera"], options["image_size"])
    return clips, options


def _camera(request: dict[str, Any], image_size: tuple[float, float]) -> Camera:
    """A camera from the fields of a lift request."""
    unknown = set(request) - _CAMERA
    if unknown:
        raise InvalidInput.at(f"camera.{min(unknown)}", "no field of this name")
    fields: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in request.items()
    }
    return Camera.of(image_size, **fields)


def _safe(clip_id: str) -> str:
    """An id as part of a file's name."""
    return re.sub(r"[^\w.-]", "_", clip_id)
