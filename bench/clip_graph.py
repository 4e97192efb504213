"""The clip graph against plain PyTorch: ``python -m bench.clip_graph``.

Baseline: the same weights in PyTorch as dilated 1-D convolutions, edge frames repeated at the
input. Batch 1, 1024 channels, receptive field 243, as many threads for both.

Run it on a quiet machine. PyTorch's threads wait for each other by spinning, so other processes
slow the baseline far more than the graph; ``OMP_WAIT_POLICY=passive`` removes most of that.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from bench.figures import Figure, Figures
from bench.models import random_model
from poselift.formats import FORMATS
from poselift.runtime.clip import ClipModel
from training.model.temporal_model import TemporalModel, pad_edges

FRAMES = (1, 9, 27, 81, 243, 1000, 10_000)


def interleaved(ways: list[Callable[[], object]], seconds: float) -> list[float]:
    """The median time of each, in alternation, so that other load affects all alike."""
    for way in ways:
        way()
    times: list[list[float]] = [[] for _ in ways]
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times[0]) < 3:
        for way, taken in zip(ways, times, strict=True):
            started = time.perf_counter()
            way()
            taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in times]


def plain(model: TemporalModel, clip: torch.Tensor) -> Callable[[], object]:
    """PyTorch over the clip padded at the input."""

    @torch.inference_mode()
    def run() -> object:
        return model(pad_edges(clip, model.receptive_field, model.causal))

    return run


def main(arguments: Sequence[str] | None = None) -> Figures:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8, help="for each length")
    parser.add_argument("--causal", action="store_true")
    options = parser.parse_args(arguments)
    found: Figures = []
    torch.set_num_threads(options.threads)
    joints = len(FORMATS["coco17"].joints)
    with tempfile.TemporaryDirectory() as folder:
        model = random_model(Path(folder) / "random", options.channels, options.causal)
        lifter = ClipModel.load(Path(folder) / "random", provider="cpu", threads=options.threads)
        print(f"{'frames':>8}{'PyTorch ms':>13}{'graph ms':>11}{'speed-up':>10}")
        for frames in FRAMES:
            clip = torch.randn(1, frames, joints, 2)
            inputs = clip.numpy()
            base, ours = interleaved(
                [plain(model, clip), lambda inputs=inputs: lifter.lift(inputs)],  # type: ignore[misc]
                options.seconds,
            )
            print(f"{frames:>8}{base * 1e3:>13.2f}{ours * 1e3:>11.2f}{base / ours:>9.2f}x")
            what = f"a clip of {frames:,} frames, {options.channels} channels, the graph alone"
            found.append(Figure(what, frames / ours, "frames/s", "PyTorch", frames / base))
    return found


if __name__ == "__main__":
    main()
