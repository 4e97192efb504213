"""The light causal model against the full one: frames a second of live tracks, stepped alone.

Rounds alternate; the ratio is that of medians.

    python -m bench.light_model [--tracks 16] [--threads 1] [--rounds 30]
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from bench.stepping import alternate, stepping
from service.lifter import Lifter, RunOptions
from service.rings import Rings
from service.stepper import Stepper

_MODELS = Path(__file__).parents[1] / "service" / "models"


def main() -> None:
    """Print frames per second of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    rates = dict(zip(("full", "light"), _frames_per_second(options), strict=True))
    print(
        f"{options.tracks} tracks, {options.threads} threads: "
        f"causal243 {rates['full']:.0f} frames/s, causal243-light {rates['light']:.0f} frames/s, "
        f"{rates['light'] / rates['full']:.1f}x"
    )


def _frames_per_second(options: argparse.Namespace) -> tuple[float, float]:
    full, light = (
        _stepping(_MODELS / name, options.tracks, options.threads)
        for name in ("causal243", "causal243-light")
    )
    full_s, light_s = alternate(full, light, options.rounds)
    return options.tracks / full_s, options.tracks / light_s


def _stepping(folder: Path, tracks: int, threads: int) -> Callable[[], None]:
    card = Lifter.load(folder, "cpu").card
    stepper = Stepper.load(folder, card, RunOptions("cpu", threads=threads))
    assert stepper is not None
    return stepping(stepper, Rings(stepper.rings, tracks), tracks)


if __name__ == "__main__":
    main()
