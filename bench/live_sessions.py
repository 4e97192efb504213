"""How many live sessions of one person each the service sustains over gRPC, with a real store.

Callers in a process of their own send frames at a constant rate. Their number grows until the
slowest hundredth of the answers takes longer than a frame. The baseline is the bare step graph with
as many tracks at a time on the same threads. The processor time of each process is printed too.

    python -m bench.live_sessions [--fps 30] [--step 50] [--seconds 6] [--threads 2] [--lookahead 0]
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np

from bench.figures import Figure, Figures, Goal, Missing
from bench.stepping import stepping
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.rings import Rings
from poselift.runtime.step import StepModel
from poselift.v1 import poselift_pb2 as messages
from tests.live.stores import binaries, store_server
from tests.models import person_clip
from tests.serving import service_process

_METHOD = "/poselift.v1.PoseLift/LiftStream"
_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_FRAMES = 600
_PEOPLE_A_CORE = 130


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print a line for each number of sessions, then what was sustained."""
    options = _parse(arguments)
    if options.client:
        print(json.dumps(asyncio.run(_call(options))))
        return []
    binary = shutil.which(options.store) or next(iter(binaries().values()))
    with (
        tempfile.TemporaryDirectory() as folder,
        store_server(binary, Path(folder)) as store,
        service_process(_MODELS, REDIS_URL=store.url, THREADS=str(options.threads)) as service,
    ):
        assert store.process is not None
        processes = {"service": service.process.pid, "store": store.process.pid}
        sustained, sessions = 0, options.first or options.step
        while True:
            before = {name: _cpu_s(pid) for name, pid in processes.items()}
            found = _measure(service.grpc_port, sessions, options)
            used = {name: _cpu_s(pid) - before[name] for name, pid in processes.items()}
            cores = {name: seconds / found["seconds"] for name, seconds in used.items()}
            print(
                f"{sessions} sessions: {found['frames_per_s']:.0f} frames/s, "
                f"p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms; "
                f"cores: service {cores['service']:.2f}, store {cores['store']:.2f}, "
                f"callers {found['cores']:.2f}",
                flush=True,
            )
            if found["p99"] > 1000 / options.fps:
                break
            sustained, sessions = sessions, sessions + options.step
    bare = _bare_frames_per_s(max(sustained, 1), options.threads)
    share = sustained * options.fps / bare
    print(
        f"sustained: {sustained} sessions at {options.fps} fps; the bare step graph does "
        f"{bare:.0f} frames/s, so {share:.0%} of it"
    )
    what = f"people live at {options.fps:g} fps with p99 within a frame"
    if not sustained:
        return [Missing(what, f"not even {sessions} were: p99 {found['p99']:.0f} ms")]
    goal = Goal(_PEOPLE_A_CORE * (os.cpu_count() or 1), of_value=True)
    return [Figure(what, sustained, "people", "bare step graph", bare / options.fps, goal)]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--step", type=int, default=50)
    parser.add_argument("--first", type=int, help="as many sessions at first, if not a step")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--lookahead", type=int, default=0)
    parser.add_argument("--store", default="redis-server")
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--sessions", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _measure(port: int, sessions: int, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.live_sessions", "--client", "--port", str(port)]
    command += ["--sessions", str(sessions), "--fps", str(options.fps)]
    command += ["--seconds", str(options.seconds), "--lookahead", str(options.lookahead)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed)
    return found


async def _call(options: argparse.Namespace) -> dict[str, float]:
    frames = _messages()
    delays: list[float] = []
    own = (("grpc.use_local_subchannel_pool", 1),)  # else channels to one address are one
    address = f"127.0.0.1:{options.port}"
    channels = [grpc.aio.insecure_channel(address, own) for _ in range(options.channels)]
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(
        *(
            _session(
                channels[number % options.channels],
                number / options.sessions,
                frames,
                delays,
                options,
            )
            for number in range(options.sessions)
        )
    )
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    for channel in channels:
        await channel.close()
    p50, p99 = np.percentile(np.array(delays) * 1000, [50, 99])
    return {
        "frames_per_s": len(delays) / seconds,
        "p50": float(p50),
        "p99": float(p99),
        "cores": cpu / seconds,
        "seconds": seconds,
    }


async def _session(
    channel: grpc.aio.Channel,
    phase: float,
    frames: list[bytes],
    delays: list[float],
    options: argparse.Namespace,
) -> None:
    """One caller at a constant rate, not in phase with the others."""
    call: Any = channel.stream_stream(_METHOD)()
    opening = messages.OpenSession(
        image_size=[1000, 800], fps=options.fps, lookahead_frames=options.lookahead
    )
    await call.write(messages.LiftStreamRequest(open=opening).SerializeToString())
    await call.read()
    began = time.perf_counter() + 0.5 + phase / options.fps
    for number in range(min(int(options.seconds * options.fps), len(frames))):
        due = began + number / options.fps
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sent = time.perf_counter()
        await call.write(frames[number])
        if number < options.lookahead:
            continue
        await call.read()
        if number >= options.fps:  # the first second warms up
            delays.append(time.perf_counter() - sent)
    call.cancel()


def _messages() -> list[bytes]:
    clip = person_clip(_FRAMES)
    return [
        messages.LiftStreamRequest(
            frame=messages.Frame(
                index=index,
                people=[messages.Person(track_id="p", keypoints=keypoints.ravel().tolist())],
            )
        ).SerializeToString()
        for index, keypoints in enumerate(clip)
    ]


def _bare_frames_per_s(tracks: int, threads: int) -> float:
    folder = _MODELS / "causal243"
    card = ClipModel.load(folder, "cpu").card
    stepper = StepModel.load(folder, card, RunOptions("cpu", threads=threads))
    assert stepper is not None
    step = stepping(stepper, Rings(stepper.rings, tracks), tracks)
    times = []
    for _ in range(50):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return tracks / statistics.median(times[5:])


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
