"""The command: ``poselift lift`` and ``poselift models``."""

import re
import sys
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from poselift.cameras import Camera
from poselift.errors import InvalidInput, PoseliftError
from poselift.lifting import lift, load_model
from poselift.readers.clips import Clips
from poselift.readers.reading import read
from poselift.shipped_models import ALIASES, SHIPPED_MODELS, shipped_names
from poselift.writers.formats import WRITERS, write

app = App(name="poselift", help="Lift 2D human keypoints to metric 3D poses.")

_OUTPUT = f"""the file to write: {" or ".join(WRITERS)}; of several people NAME-ID each, of several
inputs NAME-INPUT."""
_CAMERA = {"focal_length", "fov_degrees", "principal_point", "radial", "tangential"}


def main() -> None:
    """Run the command; a mistake in the options or files ends it with one line and status 1."""
    try:
        app()
    except PoseliftError as error:
        sys.exit(f"error: {error.detail}")
    except OSError as error:
        sys.exit(f"error: {error}")


@app.command(name="lift")
def lift_files(
    *inputs: Path,
    output: Annotated[Path, Parameter(alias="-o", help=_OUTPUT)],
    image_size: tuple[float, float] | None = None,
    fps: float | None = None,
    format: Annotated[str | None, Parameter(name="--format")] = None,  # noqa: A002
    reader: str | None = None,
    model: str | None = None,
    min_frames: int = 1,
) -> None:
    """Lift the keypoints in files that detectors and tools write, and write the poses.

    Args:
        inputs: files or folders, each of one video; what they say counts unless options outdo it.
        output: see ``_OUTPUT``.
        image_size: width and height of the image in pixels.
        fps: frames per second.
        format: the keypoint format, if the file does not tell it.
        reader: the reader of the inputs, if several or none know them.
        model: a shipped model's name or alias, or a model folder.
        min_frames: people detected in fewer frames are left out.
    """
    if not inputs:
        raise InvalidInput.at("INPUT", "a file or folder of keypoints")
    for path in inputs:
        clips = read(
            path,
            reader=reader,
            keypoint_format=format,
            image_size=image_size,
            fps=fps,
            min_frames=min_frames,
        )
        own = f"-{_safe(path.stem)}" if len(inputs) > 1 else ""
        _lift_clips(clips, output.with_stem(f"{output.stem}{own}"), model)


@app.command
def models() -> None:
    """List the models that come with the package."""
    aliases = {name: alias for alias, name in ALIASES.items()}
    for name in shipped_names():
        alias = f" ({aliases[name]})" if name in aliases else ""
        print(f"{name}{alias}: {SHIPPED_MODELS / name}")  # noqa: T201


def _lift_clips(clips: Clips, output: Path, model: str | None) -> None:
    """Lift and write every clip of a file."""
    if clips.image_size is None:
        raise InvalidInput.at("image_size", "width and height in pixels: --image-size W H")
    for note in (*clips.notes, *_assumed(clips)):
        print(f"note: {note}", file=sys.stderr)  # noqa: T201
    options = dict(clips.extra)
    named = options.pop("model", "default")
    loaded = load_model(model or named)
    if options.get("camera"):
        options["camera"] = _camera(options["camera"], clips.image_size)
    for clip in clips:
        poses = lift(clip.keypoints, model=loaded, **options, **clip.options)
        name = output if len(clips) == 1 else output.with_stem(f"{output.stem}-{_safe(clip.id)}")
        write(name, poses)
        print(f"{name}: {len(poses)} frames")  # noqa: T201
        for warning in poses.warnings:
            print(f"warning: {name}: {warning.detail} ({warning.code})", file=sys.stderr)  # noqa: T201


def _assumed(clips: Clips) -> Iterator[str]:
    """What ``lift`` takes as given, since neither file nor caller tell."""
    if clips.fps is None and clips[0].timestamps_N is None:
        assumed = signature(lift).parameters["fps"].default
        yield f"frames per second are taken as {assumed:g}: --fps tells them"


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
