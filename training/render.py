"""Animate predictions: ``python -m training.render --help``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from poselift.errors import InvalidInput
from training.command import Options, command_line, run
from training.evaluation.animation import FASTEST_GIF_HZ, FORMATS_WRITTEN, cut, find_clip, render
from training.evaluation.clip_errors import Predictions


class _RenderOptions(Options):
    clip: str
    """The clip's name, or its number from 0."""
    output: Path
    """What to write: an .mp4 or a .gif file."""
    start_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Where in the clip to begin, in seconds."""
    seconds: Annotated[float, Field(gt=0)] = 10.0
    """How much of the clip to show, at most."""
    fps: Annotated[float, Field(gt=0, le=240)] | None = None
    """Frames a second, if not the predictions'; it plays as fast as it was. At most 50 for .gif."""
    azimuth: Annotated[float, Field(allow_inf_nan=False)] = 70.0
    """Where poses are seen from, in degrees: 0 is the camera's place, 90 is to its right."""
    width: Annotated[int, Field(ge=160, le=7680)] = 960
    """Of the animation, in pixels; an odd one is rounded."""


def render_predictions(predictions: Path, /, *, options: _RenderOptions) -> None:
    """Write an animation of a clip: its keypoints, the predicted poses and the true ones.

    Args:
        predictions: A file of predictions (.npz).
        options: of the command.
    """
    suffix = options.output.suffix.lower()
    if suffix not in FORMATS_WRITTEN:
        known = " or ".join(FORMATS_WRITTEN)
        raise InvalidInput.at("--output", f"a name that ends in {known}, found {options.output}")
    found = Predictions.load(predictions)
    rate = options.fps or found.fps
    if suffix == ".gif":
        rate = min(rate, FASTEST_GIF_HZ)
    clip = find_clip(found, options.clip)
    excerpt = cut(found, clip, options.start_s, options.seconds, rate)
    render(excerpt, options.output, rate, options.azimuth, options.width)
    print(f"{options.output}: {len(excerpt.times_s)} frames of {excerpt.title}, {rate:g} a second")


if __name__ == "__main__":
    run(command_line("training.render", render_predictions))
