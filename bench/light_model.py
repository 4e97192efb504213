"""The light causal model against the full one: frames a second of live tracks and of whole clips.

Live tracks are stepped alone, without a service around, many frames in a row: then a model's
weights are in the processor's cache, as they are where nothing else runs. Rounds alternate; the
ratio is that of medians.

    python -m bench.light_model [--tracks 16] [--threads 1] [--rounds 30]
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.figures import Figure, Figures
from bench.stepping import alternate, stepping
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.rings import Rings
from poselift.runtime.step import StepModel

_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_FULL, _LIGHT = "causal243", "causal243-light"
_CLIP_FRAMES = 2000
_STEPS = 50
"""Of every track in a round."""


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print frames per second of both, and their ratio, live and in a clip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args(arguments)
    tracks, threads = options.tracks, options.threads
    full, light = (_stepping(_MODELS / name, tracks, threads) for name in (_FULL, _LIGHT))
    what = f"{tracks} tracks, {threads} threads"
    live = _compared(what, tracks * _STEPS, *alternate(full, light, options.rounds))
    full, light = (_lifting(_MODELS / name, threads) for name in (_FULL, _LIGHT))
    what = f"a clip of {_CLIP_FRAMES} frames, {threads} threads"
    return [live, _compared(what, _CLIP_FRAMES, *alternate(full, light, options.rounds))]


def _stepping(folder: Path, tracks: int, threads: int) -> Callable[[], None]:
    card = ClipModel.load(folder, "cpu").card
    stepper = StepModel.load(folder, card, RunOptions("cpu", threads=threads))
    assert stepper is not None
    step = stepping(stepper, Rings(stepper.rings, tracks), tracks)

    def steps() -> None:
        for _ in range(_STEPS):
            step()

    return steps


def _lifting(folder: Path, threads: int) -> Callable[[], None]:
    lifter = ClipModel.load(folder, "cpu", threads=threads)
    inputs = np.random.default_rng(0).normal(size=(1, _CLIP_FRAMES, 17, 2)).astype(np.float32)

    def lift() -> None:
        lifter.lift(inputs)

    return lift


def _compared(what: str, frames: int, full_s: float, light_s: float) -> Figure:
    print(
        f"{what}: {_FULL} {frames / full_s:.0f} frames/s, {_LIGHT} {frames / light_s:.0f} frames/s,"
        f" {full_s / light_s:.1f}x"
    )
    return Figure(f"{_LIGHT}, {what}", frames / light_s, "frames/s", _FULL, frames / full_s)


if __name__ == "__main__":
    main()
