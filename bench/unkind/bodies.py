"""Bodies that take long, or much memory, to be decoded."""

import asyncio
import gzip
import os
import signal
import time
from contextlib import suppress
from typing import Any

import grpc

from bench.unkind.attacks import send
from bench.unkind.callers import FPS, HONEST, UNKIND, lifted, lifts, session
from bench.unkind.clips import clip_body, large_body, stream_frames
from bench.unkind.probes import beside
from bench.unkind.stage import Stage, milliseconds, seconds_until, staged
from tests.serving import busy_decoders

_JUNK_CONNECTIONS = 32
_JUNK_BYTES = (15_000, 1_000_000)
_LARGE_BYTES = 120_000_000
_LARGE_AT_ONCE = 4
_BOMB_BYTES = 1024**3
_KILLED = 3


def junk() -> str:
    """Many connections of one caller that send JSON of which nothing can be made."""
    bodies = [b"[" + b"[1,[2],{}," * (size // 10) for size in _JUNK_BYTES]
    with staged() as (stage, watch):
        alone = asyncio.run(_played(stage, 5))
        with beside(send, stage.port, _JUNK_CONNECTIONS, bodies):
            time.sleep(2)
            during = asyncio.run(_played(stage, 10))
        return f"frames {milliseconds(during)} (alone {milliseconds(alone)}); {watch}"


def large_bodies() -> str:
    """A caller who sends bodies of 120 MB, several at a time, beside one who sends small ones."""
    small, usual = clip_body(27), clip_body(2_000)
    with staged(MAX_WAIT_S="60") as (stage, watch):
        alone = asyncio.run(lifts(stage.port, HONEST, usual, 5)).get(200, [])
        with beside(send, stage.port, _LARGE_AT_ONCE, [large_body(_LARGE_BYTES)]):
            time.sleep(5)
            quick = asyncio.run(lifts(stage.port, HONEST, small, 10))
            met = asyncio.run(lifts(stage.port, HONEST, usual, 10))
            large_s, status = asyncio.run(_timed(stage.port, large_body(5_000_000)))
        seconds_until(lambda: stage.handlers == 0)
        time.sleep(1)
        return (
            f"honest clips of 27 frames {milliseconds(quick.get(200, []))}, of 2,000 "
            f"{milliseconds(met.get(200, []))} (alone {milliseconds(alone)}), of 5 MB {status} in "
            f"{large_s:.1f} s; at most {stage.more_mb(watch):.0f} MB more memory, "
            f"{stage.more_mb():.0f} MB kept; {watch}"
        )


def bombs() -> str:
    """Messages over gRPC that grow to a gigabyte when decompressed, without and with a key."""
    told = []
    # The service cannot tell whether it was gRPC that compressed it.
    message = gzip.compress(bytes(_BOMB_BYTES), 1)
    with (
        staged() as (stage, watch),
        grpc.insecure_channel(
            f"127.0.0.1:{stage.grpc_port}", [("grpc.max_send_message_length", -1)]
        ) as channel,
    ):
        ask: Any = channel.unary_unary("/poselift.v1.PoseLift/Lift")
        for name, metadata in (("without", ()), ("with", (("x-api-key", UNKIND),))):
            try:
                ask(message, metadata=metadata, timeout=120)
            except grpc.RpcError as error:
                told.append(f"{name} a key {error.code().name}")
        wire = f"{len(message) / 1e6:.1f} MB on the wire"
        return f"{wire}: {', '.join(told)}, {stage.more_mb(watch):.0f} MB more memory; {watch}"


def killed_decoding() -> str:
    """A decoding process is killed while bodies of several callers wait for it."""
    with staged(MAX_WAIT_S="60") as (stage, _):
        others = asyncio.run(_lifted_while_killed(stage, 8, kills=1))
        guilty = asyncio.run(_lifted_while_killed(stage, 1, kills=1000))
        after = asyncio.run(lifted(stage.port, HONEST, clip_body(2_000)))
        return (
            f"{others.count(200)} of {len(others)} others answered, a body that kills whatever "
            f"decodes it {guilty[0]}, the next one {after}"
        )


async def _played(stage: Stage, seconds: float) -> list[float]:
    async with session(stage.grpc_port, HONEST, stream_frames()) as live:
        await live.play(seconds)
        return live.took_s[FPS:]  # the first second warms up


async def _timed(port: int, body: bytes) -> tuple[float, int]:
    began = time.perf_counter()
    status = await lifted(port, HONEST, body)
    return time.perf_counter() - began, status


async def _lifted_while_killed(stage: Stage, count: int, kills: int) -> list[int]:
    """The statuses of clips during which decoding processes are killed, so many times."""
    body = clip_body(8_000)
    lifting = [asyncio.create_task(lifted(stage.port, HONEST, body)) for _ in range(count)]
    while kills and not all(each.done() for each in lifting):
        await asyncio.sleep(0.02)
        kills -= _kill_busy(stage)
    return await asyncio.gather(*lifting)


def _kill_busy(stage: Stage) -> int:
    """Kill the process that decodes, if it is at it; how many were killed."""
    with suppress(OSError):  # it ends meanwhile
        for pid in busy_decoders(stage.service.process.pid):
            os.kill(pid, signal.SIGKILL)
            return 1
    return 0
