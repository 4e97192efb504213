"""Memory of a server that lifts a very long clip: its peak against the memory before.

python -m bench.long_clip [--frames 100000] [--channels 1024]
"""

import argparse
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson

from bench.figures import Figure, Figures
from tests.models import model_folder
from tests.serving import ServiceProcess, service_process


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print resident memory before, its peak during, and how long the clip took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--channels", type=int, default=1024)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        model_folder(Path(folder) / "bench", channels=options.channels)
        with service_process(Path(folder), PROVIDERS="cpu") as service:
            _lift(service, _body(27))
            _measure("a clip of 2,000 frames", service, _body(2_000))
            _measure(f"a clip of {options.frames:,} frames", service, _body(options.frames))
            before, peak = _measure("the same again", service, _body(options.frames))
    what = f"peak memory while a clip of {options.frames:,} frames is lifted again"
    return [Figure(what, peak, "MB", "before it", before)]


def _measure(what: str, service: ServiceProcess, body: bytes) -> tuple[float, float]:
    """Resident memory before and at its peak, in MB."""
    before = _memory_mb(service, "VmRSS")
    Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")  # the peak starts anew
    started = time.perf_counter()
    answer = _lift(service, body)
    took = time.perf_counter() - started
    peak, after = _memory_mb(service, "VmHWM"), _memory_mb(service, "VmRSS")
    print(
        f"{what}: body {len(body) / 1e6:.0f} MB, answer {len(answer) / 1e6:.0f} MB, {took:.1f} s; "
        f"resident {before:.0f} MB before, {peak:.0f} MB at its peak (+{peak - before:.0f}, "
        f"{peak / before:.1f}x), {after:.0f} MB after",
        flush=True,
    )
    return before, peak


def _memory_mb(service: ServiceProcess, what: str) -> float:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) / 1024


def _lift(service: ServiceProcess, body: bytes) -> bytes:
    request = urllib.request.Request(
        f"{service.url}/v1/lift", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        content: bytes = answer.read()
    return content


def _body(frames: int) -> bytes:
    random = np.random.default_rng(3)
    walk = random.normal(0, 2, size=(frames, 1, 2)).cumsum(axis=0) % 600
    keypoints = np.empty((frames, 17, 3))
    keypoints[..., :2] = walk + random.uniform(0, 300, size=(17, 2))
    keypoints[..., 2] = random.uniform(0.5, 1, size=(frames, 17))
    return orjson.dumps(
        {"image_size": [1000, 1000], "clips": [{"keypoints": keypoints.round(2).tolist()}]}
    )


if __name__ == "__main__":
    main()
