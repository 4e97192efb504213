"""Memory of live sessions: an hour of one session, and ten thousand opened and abandoned.

The bundled causal model with a real store, in this process and without a transport. Resident memory
and the store's own count are printed along the way: they must not grow.

    python -m bench.live_memory [--hours 1] [--sessions 10000]
"""

import argparse
import asyncio
import gc
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, Figures
from service.live.frames import Frame, Person
from service.live.registry import LiveSessions
from service.requests import SessionOptions
from tests.live.replicas import replica
from tests.live.stores import StoreServer, binaries, store_server
from tests.models import person_clip

_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_FPS = 30
_AT_A_TIME = 50
_LINES = 6


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--sessions", type=int, default=10_000)
    options = parser.parse_args(arguments)
    binary = binaries()["redis" if "redis" in binaries() else "valkey"]
    with tempfile.TemporaryDirectory() as folder, store_server(binary, Path(folder)) as store:
        return asyncio.run(_run(store, int(options.hours * 3600 * _FPS), options.sessions))


async def _run(store: StoreServer, frames: int, sessions: int) -> Figures:
    async with replica(_MODELS, store.url, expiry_s=3.0, frames_kept=243 + 64) as live:
        await _long(live, store, frames)
        before_mb = _report("before", store)
        await _many(live, store, sessions)
        await asyncio.sleep(4)
        after_mb = _report("after they expired", store)
    what = f"memory after {sessions:,} sessions opened and abandoned"
    return [Figure(what, after_mb, "MB", "before them", before_mb)]


async def _long(live: LiveSessions, store: StoreServer, frames: int) -> None:
    clip = person_clip(1000)
    connection = await live.open(_options(), "")
    started = time.perf_counter()
    for index in range(frames):
        if index % max(frames // _LINES, 1) == 0 and index:
            _report(f"frame {index:,}", store)
        await connection.push(Frame(index, (Person("p", clip[index % len(clip)]),)))
    rate = frames / (time.perf_counter() - started)
    _report(f"{frames:,} frames of one session, {rate:.0f} a second", store)
    live.leave(connection)


async def _many(live: LiveSessions, store: StoreServer, sessions: int) -> None:
    clip = person_clip(1)

    async def abandon() -> None:
        connection = await live.open(_options(), "")
        await connection.push(Frame(0, (Person("p", clip[0]),)))
        live.leave(connection)

    for done in range(0, sessions, _AT_A_TIME):
        if done % max(sessions // _LINES // _AT_A_TIME * _AT_A_TIME, _AT_A_TIME) == 0:
            _report(f"{done:,} sessions opened and abandoned", store)
        await asyncio.gather(*(abandon() for _ in range(_AT_A_TIME)))
    _report(f"{sessions:,} sessions opened and abandoned, {live.count} live", store)


def _options() -> SessionOptions:
    return SessionOptions(image_size=(1000, 800), fps=_FPS)


def _report(what: str, store: StoreServer) -> float:
    """Print and return resident memory, in MB."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]
    used = int(re.search(rb"used_memory:(\d+)", store.ask("INFO", "memory"))[1])  # type: ignore[index]
    keys = store.ask("DBSIZE").decode().strip(":\r\n")
    print(f"{what}: resident {resident:.0f} MB; store {used / 1e6:.1f} MB, {keys} keys", flush=True)
    return resident


if __name__ == "__main__":
    main()
