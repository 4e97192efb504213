"""All sessions of a lost replica resume on another at once: the delay of the sessions there.

The bundled causal model with a real store, in this process and without a transport. Sessions of
more than a receptive field are made on one replica; on another, running ones are measured alone,
then while all sessions of the first resume at once.

    python -m bench.resume_storm [--sessions 200] [--running 20]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.figures import Figure, Figures
from service.live.frames import Frame, Person
from service.live.registry import LiveSessions
from service.live.session import LiveSession
from service.requests import SessionOptions
from tests.live.replicas import replica
from tests.live.stores import binaries, store_server
from tests.models import person_clip

_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_FPS = 30
_FRAMES = 250
_CLIP = person_clip(1000)


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print the delays of the running sessions, alone and during resumes, and their duration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--running", type=int, default=20)
    options = parser.parse_args(arguments)
    binary = binaries()["redis" if "redis" in binaries() else "valkey"]
    with tempfile.TemporaryDirectory() as folder, store_server(binary, Path(folder)) as store:
        return asyncio.run(_run(store.url, options.sessions, options.running))


async def _run(url: str, sessions: int, running: int) -> Figures:
    async with (
        replica(_MODELS, url, capacity=2 * sessions, frames_kept=243 + 64, timeout_s=5) as lost,
        replica(_MODELS, url, capacity=2 * (sessions + running), frames_kept=243 + 64) as remaining,
    ):
        await asyncio.gather(*(_live(lost, f"s{number}") for number in range(sessions)))
        connections = [await remaining.open(_options(f"t{n}"), "") for n in range(running)]
        await _delays(connections, 1)  # warms up
        alone = await _delays(connections, 3)
        resumes = asyncio.create_task(_resume_all(remaining, sessions))
        await asyncio.sleep(0)
        during: list[float] = []
        while not resumes.done():
            during += await _delays(connections, 0.5)
        took_s = await resumes
        print(f"{running} running sessions alone: {_said(alone)}")
        print(f"while {sessions} resumed in {took_s:.1f} s: {_said(during)}")
    what = f"p99 of {running} live people while {sessions} sessions resume"
    p99_ms, alone_ms = (1000 * float(np.quantile(each, 0.99)) for each in (during, alone))
    return [Figure(what, p99_ms, "ms", "alone", alone_ms)]


async def _live(live: LiveSessions, name: str) -> None:
    connection = await live.open(_options(name), "")
    for index in range(_FRAMES):
        await connection.push(_frame(index))


async def _resume_all(live: LiveSessions, sessions: int) -> float:
    started = time.perf_counter()
    resumed = await asyncio.gather(
        *(live.open(_options(f"s{number}"), "") for number in range(sessions))
    )
    assert all(connection.next_index == _FRAMES for connection in resumed)
    return time.perf_counter() - started


async def _delays(connections: Sequence[LiveSession], seconds: float) -> list[float]:
    delays: list[float] = []

    async def play(number: int, connection: LiveSession) -> None:
        began = time.perf_counter() + number / len(connections) / _FPS
        for count in range(int(seconds * _FPS)):
            await asyncio.sleep(max(0.0, began + count / _FPS - time.perf_counter()))
            sent = time.perf_counter()
            await connection.push(_frame(connection.next_index))
            delays.append(time.perf_counter() - sent)

    await asyncio.gather(*(play(*pair) for pair in enumerate(connections)))
    return delays


def _frame(index: int) -> Frame:
    return Frame(index, (Person("p", _CLIP[index % len(_CLIP)]),))


def _options(name: str) -> SessionOptions:
    return SessionOptions(session_id=name, image_size=(1000, 800), fps=_FPS)


def _said(delays: Sequence[float]) -> str:
    p50, p99, worst = np.percentile(np.array(delays) * 1000, [50, 99, 100])
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms"


if __name__ == "__main__":
    main()
