"""What callers meet at several times as many requests as can be answered, over HTTP and gRPC.

Clips are sent at a steady pace, whether or not those before are answered: first one at a time, then
at so many times the rate that sixteen callers reached together. What is sent in the first seconds
of that is left out: after it was idle the service lets more wait. With a deadline, answers that
come later count as late. Then several times as many callers ask again as soon as they are refused.

    python -m bench.overload [--times 5] [--frames 27] [--seconds 10] [--deadline 2]
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
import orjson

from bench.figures import Figure, Figures
from poselift.v1 import poselift_pb2 as messages
from tests.models import model_folder, person_clip
from tests.serving import ServiceProcess, service_process

Ask = Callable[[], Awaitable[str]]
_CALLERS, _HASTY_CALLERS = 16, 64
_MOST_WAITING = 2_000
_SETTLED_S = 2.0


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print what was answered, and when, for both transports."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        model_folder(Path(folder) / "bench", channels=options.channels)
        defaults = {"MAX_WAIT_S": "0.1", "MAX_LIVE_LATENESS": "0.7", "PROVIDERS": "cpu"}
        with service_process(Path(folder), **defaults) as service:
            return asyncio.run(_measure(service, options))


async def _measure(service: ServiceProcess, options: argparse.Namespace) -> Figures:
    figures: Figures = []
    for name, transport in (("http", _over_http), ("grpc", _over_grpc)):
        async with transport(service, options) as ask:
            figures += await _asked(name, ask, options)
    return figures


async def _asked(name: str, ask: Ask, options: argparse.Namespace) -> Figures:
    seconds = options.seconds / 2
    await _closed(ask, _CALLERS, 2)  # warms it
    alone = await _closed(ask, 1, seconds)
    print(f"{name}, one at a time: {_described(alone, seconds)}", flush=True)
    together = await _closed(ask, _CALLERS, seconds)
    rate = len(together["ok"]) / seconds
    print(f"{name}, {_CALLERS} callers: {_described(together, seconds)}", flush=True)
    pace = options.times * rate
    met = await _open(ask, pace, options.seconds)
    print(f"{name}, {pace:.0f} a second: {_described(met, options.seconds)}", flush=True)
    hasty = await _closed(ask, _HASTY_CALLERS, seconds)
    print(f"{name}, {_HASTY_CALLERS} callers: {_described(hasty, seconds)}", flush=True)
    answered = {
        f"at {options.times:g} times as many as can be": len(met["ok"]) / options.seconds,
        f"of {_HASTY_CALLERS} callers who ask again at once": len(hasty["ok"]) / seconds,
    }
    baseline = f"{_CALLERS} callers who wait"
    return [
        Figure(f"clips answered {when}, over {name}", each, "requests/s", baseline, rate)
        for when, each in answered.items()
    ]


Met = dict[str, list[float]]


async def _closed(ask: Ask, callers: int, seconds: float) -> Met:
    """Callers who wait for an answer before they ask again."""
    met: Met = defaultdict(list)
    until = time.perf_counter() + seconds

    async def call() -> None:
        while time.perf_counter() < until:
            await _timed(ask, met)

    await asyncio.gather(*(call() for _ in range(callers)))
    return met


async def _open(ask: Ask, pace: float, seconds: float) -> Met:
    """Requests at a pace, however many wait."""
    at_first: Met = defaultdict(list)
    met: Met = defaultdict(list)
    tasks: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    sent = 0
    while (now := time.perf_counter() - began) < _SETTLED_S + seconds:
        for _ in range(min(int(now * pace) - sent, _MOST_WAITING - len(tasks))):
            task = asyncio.create_task(_timed(ask, met if now > _SETTLED_S else at_first))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        sent = int(now * pace)
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    return met


async def _timed(ask: Ask, met: Met) -> None:
    began = time.perf_counter()
    outcome = await ask()
    met[outcome].append(time.perf_counter() - began)


def _described(met: Met, seconds: float) -> str:
    told = []
    for outcome, took_s in sorted(met.items()):
        p50, p99 = 1000 * np.quantile(took_s, (0.5, 0.99))
        told.append(f"{outcome} {len(took_s) / seconds:.1f}/s (p50 {p50:.0f}, p99 {p99:.0f} ms)")
    return "; ".join(told)


@asynccontextmanager
async def _over_http(service: ServiceProcess, options: argparse.Namespace) -> AsyncIterator[Ask]:
    """Connections without a client library, which would take longer than the service."""
    keypoints = person_clip(options.frames).round(1).tolist()
    body = orjson.dumps({"image_size": [1000, 800], "clips": [{"keypoints": keypoints}]})
    request = (
        "POST /v1/lift HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"request-timeout: {options.deadline}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask() -> str:
        if idle:
            reader, writer = idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.http_port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return "no answer"
        if b"connection: close" in head:
            writer.close()
        else:
            idle.append((reader, writer))
        status = head[9:12].decode()
        return "ok" if status == "200" else status

    yield ask
    for _, writer in idle:
        writer.close()


@asynccontextmanager
async def _over_grpc(service: ServiceProcess, options: argparse.Namespace) -> AsyncIterator[Ask]:
    clip = messages.Clip(keypoints=person_clip(options.frames).ravel().tolist())
    body = messages.LiftRequest(image_size=[1000, 800], clips=[clip]).SerializeToString()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        lift: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/poselift.v1.PoseLift/Lift"
        )

        async def ask() -> str:
            try:
                await lift(body, timeout=options.deadline)
            except grpc.aio.AioRpcError as error:
                return error.code().name
            return "ok"

        yield ask


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=float, default=5)
    parser.add_argument("--frames", type=int, default=27)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--deadline", type=float, default=2)
    parser.add_argument("--channels", type=int, default=256)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
