"""SIGTERM while streams and clips are in progress."""

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.unkind.callers import HONEST, Refused, lifted, session
from bench.unkind.clips import clip_body, stream_frames
from bench.unkind.probes import Watch, asked
from bench.unkind.stage import Stage, staged

_LAME_DUCK_S = 3.0
_STREAMS, _CALLERS = 8, 4
_BEFORE_S = 2.0
_LONG_CLIP = 5_000


@dataclass
class _Met:
    """What callers met from the signal on."""

    clips: Counter[int] = field(default_factory=Counter)
    frames: int = 0
    endings: Counter[str] = field(default_factory=Counter)


def terminated() -> str:
    """Load balancers are told, what is in progress is finished, then it ends."""
    with staged(LAME_DUCK_S=str(_LAME_DUCK_S)) as (stage, watch):
        return asyncio.run(_terminated(stage, watch))


async def _terminated(stage: Stage, watch: Watch) -> str:
    met, process = _Met(), stage.service.process
    asking = [asyncio.create_task(_ask(stage, met)) for _ in range(_CALLERS)]
    streaming = [asyncio.create_task(_stream(stage, met)) for _ in range(_STREAMS)]
    await asyncio.sleep(_BEFORE_S)
    slow = asyncio.create_task(lifted(stage.port, HONEST, clip_body(_LONG_CLIP)))
    await asyncio.sleep(0.5)
    watch.end()
    met.clips.clear()
    met.frames = 0
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(_LAME_DUCK_S / 2)
    readiness, liveness = [asked(stage.port, path)[0] for path in ("/readyz", "/healthz")]
    status = await asyncio.to_thread(process.wait, 60)
    ended_s = time.monotonic() - began
    await asyncio.gather(*asking, *streaming)
    clips = ", ".join(f"{count} {status or 'not let in'}" for status, count in met.clips.items())
    return (
        f"for {_LAME_DUCK_S:g} s readiness {readiness}, liveness {liveness}, {met.frames} frames "
        f"of {_STREAMS} streams answered; clips: {clips}; one of {_LONG_CLIP:,} frames in progress "
        f"{await slow}; streams ended with {dict(met.endings)}; exit {status} after {ended_s:.1f} s"
    )


async def _ask(stage: Stage, met: _Met) -> None:
    """Clip after clip, until the service lets none in."""
    status, body = 200, clip_body(27)
    while status == 200:
        status = await lifted(stage.port, HONEST, body)
        met.clips[status] += 1


async def _stream(stage: Stage, met: _Met) -> None:
    """Frame after frame, until the service ends the stream."""
    try:
        async with session(stage.grpc_port, HONEST, stream_frames()) as live:
            while True:
                await live.play(0.1)
                met.frames += 3
    except Refused as error:
        met.endings[str(error)] += 1
