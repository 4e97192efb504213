"""Stepping live tracks against lifting each one's window again, and what rebuilding costs.

The baseline lifts the last receptive field of every track with the strided network in PyTorch, on
as many threads. Rounds alternate; the ratio is that of medians.

    python -m bench.stepping [--tracks 64] [--channels 1024] [--threads 2] [--rounds 15]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from bench.figures import Figure, Figures
from bench.models import random_model
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.rings import Rings
from poselift.runtime.step import StepModel
from training.model.temporal_model import StridedTemporalModel

_REBUILDS = 200


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print frames per second of both, their ratio, memory, and the cost of rebuilding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=64)
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random"
        strided = StridedTemporalModel(random_model(path, options.channels, causal=True)).eval()
        card = ClipModel.load(path, "cpu").card
        stepper = StepModel.load(path, card, RunOptions("cpu", threads=options.threads))
        assert stepper is not None
        rings = Rings(stepper.rings, options.tracks)
        step, window = stepping(stepper, rings, options.tracks), _window(strided, options.tracks)
        step_s, window_s = alternate(step, window, options.rounds)
        stepped, windowed = options.tracks / step_s, options.tracks / window_s
        print(
            f"{options.tracks} tracks, {options.channels} channels, {options.threads} threads: "
            f"stepping {stepped:.0f} frames/s, windows {windowed:.0f} frames/s, "
            f"{stepped / windowed:.1f}x; {rings.bytes_per_track / 1e6:.2f} MB of rings a track"
        )
        rebuild_s = _rebuild_s(stepper, card.architecture.receptive_field)
        print(
            f"rebuilding {rebuild_s * 1000:.1f} ms a track, {rebuild_s * _REBUILDS:.1f} s for "
            f"{_REBUILDS}: as long as {rebuild_s / step_s:.2f} ticks each"
        )
    what = f"stepping {options.tracks} live tracks, {options.channels} channels"
    return [Figure(what, stepped, "frames/s", "their windows again, PyTorch", windowed)]


def stepping(stepper: StepModel, rings: Rings, tracks: int) -> Callable[[], None]:
    """Something that steps all tracks once."""
    slots, fresh = np.arange(tracks), np.zeros(tracks, np.bool_)
    frame = np.random.default_rng(0).normal(size=(tracks, 17, 2)).astype(np.float32)

    def step() -> None:
        stepped = stepper.step(frame, fresh, rings.past(slots))
        rings.keep(slots, fresh, stepped.rows)

    return step


def _window(strided: StridedTemporalModel, tracks: int) -> Callable[[], None]:
    windows = torch.randn(tracks, 243, 17, 2)

    def window() -> None:
        with torch.inference_mode():
            strided(windows)

    return window


def alternate(
    one: Callable[[], None], other: Callable[[], None], rounds: int
) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for run, found in zip((one, other), times, strict=True):
            started = time.perf_counter()
            run()
            found.append(time.perf_counter() - started)
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])


def _rebuild_s(stepper: StepModel, receptive_field: int) -> float:
    shape = (2, receptive_field - 1, 17, 2)
    past = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    times = []
    for _ in range(9):
        started = time.perf_counter()
        stepper.rebuild(past)
        times.append((time.perf_counter() - started) / len(past))
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
