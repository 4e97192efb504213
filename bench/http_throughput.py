"""Requests per second over HTTP against the bare model, side by side.

Concurrent callers post 27-frame clips as JSON from a process of their own, each waiting for its
answer before it sends the next. The baseline is ONNX Runtime alone on the same batches with the
same number of threads. Rounds alternate, and the ratio is that of each round's neighbours.

    python -m bench.http_throughput [--callers 32] [--frames 27] [--rounds 5] [--seconds 6]
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import orjson

from poselift.runtime.clip import ClipModel
from tests.models import model_folder
from tests.serving import ServiceProcess, service_process


def main() -> None:
    """Print each round and the median ratio."""
    options = _parse()
    if options.client:
        asyncio.run(_call(options))
        return
    widths = tuple(int(width) for width in options.filter_widths.split(","))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = model_folder(root / "bench", channels=options.channels, filter_widths=widths)
        lifter = ClipModel.load(model, threads=options.threads)
        with service_process(root, THREADS=str(options.threads), PROVIDERS="cpu") as service:
            _requests_per_s(service, options, seconds=2)  # warms both sides
            _compare(service, lifter, options)


def _compare(service: ServiceProcess, lifter: ClipModel, options: argparse.Namespace) -> None:
    ratios = []
    for number in range(options.rounds):
        before = _batches(service)
        served = _requests_per_s(service, options, options.seconds)
        items, batches = np.subtract(_batches(service), before)
        usual = max(round(items / batches), 1)
        bare = {
            size: _clips_per_s(lifter, size, options) for size in sorted({usual, options.callers})
        }
        ratios.append(served / max(bare.values()))
        alone = ", ".join(f"{rate:.1f} in batches of {size}" for size, rate in bare.items())
        print(
            f"round {number + 1}: HTTP {served:.1f} requests/s, mean batch {items / batches:.1f}; "
            f"bare model {alone}; ratio {ratios[-1]:.1%}",
            flush=True,
        )
    print(
        f"median ratio {statistics.median(ratios):.1%} "
        f"(from {min(ratios):.1%} to {max(ratios):.1%}) to the faster of the two batch sizes; "
        f"{options.callers} callers, {options.frames} frames, {options.channels} channels, "
        f"widths {options.filter_widths}, {options.threads} threads"
    )


def _clips_per_s(lifter: ClipModel, size: int, options: argparse.Namespace) -> float:
    joints = len(lifter.card.input.joints)
    inputs = np.random.default_rng(1).normal(size=(size, options.frames, joints, 2))
    batch = inputs.astype(np.float32)
    lifter.lift(batch)
    runs, started = 0, time.perf_counter()
    while time.perf_counter() - started < options.seconds:
        lifter.lift(batch)
        runs += 1
    return runs * size / (time.perf_counter() - started)


def _batches(service: ServiceProcess) -> tuple[float, float]:
    """How many pieces and how many batches the service has run."""
    with urllib.request.urlopen(f"{service.url}/metrics") as answer:
        text = answer.read().decode()
    return tuple(  # type: ignore[return-value]
        float(re.search(rf"^poselift_batch_items_{what}{{.*}} (\S+)$", text, re.M)[1])  # type: ignore[index]
        for what in ("sum", "count")
    )


def _requests_per_s(service: ServiceProcess, options: argparse.Namespace, seconds: float) -> float:
    command = [sys.executable, "-m", "bench.http_throughput", "--client"]
    command += ["--port", str(service.http_port), "--seconds", str(seconds)]
    command += ["--callers", str(options.callers), "--frames", str(options.frames)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


async def _call(options: argparse.Namespace) -> None:
    """Run the callers: print the requests answered per second."""
    request = _encoded_request(options.frames)
    until = time.perf_counter() + options.seconds
    started = time.perf_counter()
    counts = await asyncio.gather(
        *(_one_caller(options.port, request, until) for _ in range(options.callers))
    )
    print(sum(counts) / (time.perf_counter() - started))


async def _one_caller(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = re.search(rb"content-length: (\d+)", head, re.I)
        assert length is not None
        await reader.readexactly(int(length[1]))
        answered += 1
    writer.close()
    return answered


def _encoded_request(frames: int) -> bytes:
    """A whole HTTP request, built once, so that callers use little of the server's cores."""
    random = np.random.default_rng(3)
    keypoints = random.uniform(200, 800, size=(1, 17, 3)) + random.normal(size=(frames, 17, 3))
    keypoints[..., 2] = random.uniform(0.5, 1, size=(frames, 17))
    body = orjson.dumps(
        {
            "image_size": [1000, 1000],
            "clips": [{"keypoints": keypoints.round(2).tolist()}],
        }
    )
    head = (
        "POST /v1/lift HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--frames", type=int, default=27)
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--filter-widths", default="3,3,3,3,3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
