"""Clips over HTTP against the bare model: requests a second, and one caller's wait.

Concurrent callers post clips as JSON, then as protobuf, from a process of their own. The baseline
is ONNX Runtime alone on the same clips in batches with the same number of threads: in batches of as
many as there are callers or as the service made on average, whichever is faster. Rounds alternate,
and ratios are those of a round.

    python -m bench.http_throughput [--callers 32] [--frames 27] [--rounds 3] [--seconds 5]
"""

import argparse
import os
import re
import statistics
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from time import perf_counter
from typing import Literal

import numpy as np

from bench.figures import Figure, Figures, Goal
from bench.http_callers import lift_request, requests_per_s
from poselift.runtime.clip import ClipModel
from poselift.shipped_models import DEFAULT, SHIPPED_MODELS, model_folder
from tests.serving import ServiceProcess, service_process

_ENCODINGS: tuple[Literal["JSON", "protobuf"], ...] = ("JSON", "protobuf")
_GOALS = {"JSON": Goal(0.7), "protobuf": Goal(0.85)}
_WARM_UP_S = 2.0
_ALONE_RUNS = 50


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print each round and the median ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--frames", type=int, default=27)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    lifter = ClipModel.load(model_folder(DEFAULT), "cpu", threads=options.threads)
    with service_process(SHIPPED_MODELS, THREADS=str(options.threads), PROVIDERS="cpu") as service:
        warm_up_s = min(_WARM_UP_S, options.seconds)
        for encoding in _ENCODINGS:
            request = lift_request(options.frames, encoding)
            requests_per_s(service.http_port, request, options.callers, warm_up_s)
        return [
            *_together(service, lifter, options),
            *([_alone(service, lifter, options)] if options.frames == 27 else []),
        ]


def _together(
    service: ServiceProcess, lifter: ClipModel, options: argparse.Namespace
) -> list[Figure]:
    """Requests a second of all callers, by the encoding of their clips."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for number in range(options.rounds):
        before = _batches(service)
        served = {
            encoding: requests_per_s(
                service.http_port,
                lift_request(options.frames, encoding),
                options.callers,
                options.seconds,
            )
            for encoding in _ENCODINGS
        }
        items, batches = np.subtract(_batches(service), before)
        sizes = {max(round(items / batches), 1), options.callers}
        bare = {size: _clips_per_s(lifter, size, options) for size in sorted(sizes)}
        for encoding, rate in served.items():
            found[encoding].append((rate, max(bare.values())))
        alone = ", ".join(f"{rate:.1f} in batches of {size}" for size, rate in bare.items())
        told = ", ".join(f"{encoding} {rate:.1f}" for encoding, rate in served.items())
        print(
            f"round {number + 1}: requests/s {told}, mean batch {items / batches:.1f}; "
            f"bare model {alone}",
            flush=True,
        )
    return [_figure(encoding, rates, options) for encoding, rates in found.items()]


def _figure(encoding: str, rates: list[tuple[float, float]], options: argparse.Namespace) -> Figure:
    served, bare = sorted(rates, key=lambda pair: pair[0] / pair[1])[len(rates) // 2]
    ratios = [rate / alone for rate, alone in rates]
    print(
        f"{encoding}: median ratio {served / bare:.1%} (from {min(ratios):.1%} to "
        f"{max(ratios):.1%}); {options.callers} callers, {options.frames} frames, "
        f"{options.threads} threads"
    )
    what = f"{options.frames}-frame clips over {encoding}, {options.callers} callers"
    return Figure(what, served, "requests/s", "bare graph in batches", bare, _GOALS[encoding])


def _alone(service: ServiceProcess, lifter: ClipModel, options: argparse.Namespace) -> Figure:
    """How long one caller waits for a clip while nothing else is asked."""
    request, inputs = lift_request(options.frames, "JSON"), _inputs(lifter, 1, options.frames)
    ratios: list[tuple[float, float]] = []
    for _ in range(options.rounds):
        served = 1000 / requests_per_s(service.http_port, request, 1, options.seconds / 2)
        times = [_seconds(lifter, inputs) for _ in range(_ALONE_RUNS)]
        ratios.append((served, 1000 * statistics.mean(times)))
    served, bare = sorted(ratios, key=lambda pair: pair[0] / pair[1])[len(ratios) // 2]
    print(f"alone: {served:.1f} ms, bare graph {bare:.1f} ms, {served / bare:.2f}x")
    what = f"one {options.frames}-frame clip over JSON, one caller"
    return Figure(what, served, "ms", "bare graph", bare, Goal(1.5, at_most=True))


def _clips_per_s(lifter: ClipModel, size: int, options: argparse.Namespace) -> float:
    batch = _inputs(lifter, size, options.frames)
    lifter.lift(batch)
    runs, started = 0, perf_counter()
    while perf_counter() - started < options.seconds / 2:
        lifter.lift(batch)
        runs += 1
    return runs * size / (perf_counter() - started)


def _seconds(lifter: ClipModel, inputs: np.ndarray) -> float:
    started = perf_counter()
    lifter.lift(inputs)
    return perf_counter() - started


def _inputs(lifter: ClipModel, size: int, frames: int) -> np.ndarray:
    shape = (size, frames, len(lifter.card.input.joints), 2)
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def _batches(service: ServiceProcess) -> tuple[float, float]:
    """How many clips and how many batches the service has run."""
    with urllib.request.urlopen(f"{service.url}/metrics") as answer:
        text = answer.read().decode()
    name = model_folder(DEFAULT).name
    return tuple(  # type: ignore[return-value]
        sum(
            float(count)
            for count in re.findall(
                rf'^poselift_batch_items_{what}{{[^}}]*"{name}"[^}}]*}} (\S+)$', text, re.MULTILINE
            )
        )
        for what in ("sum", "count")
    )


if __name__ == "__main__":
    main()
