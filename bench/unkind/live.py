"""Live sessions: more than can be served, and callers who take the places of others."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise

from bench.unkind.attacks import reopen
from bench.unkind.callers import FPS, HONEST, UNKIND, Refused, Session, session
from bench.unkind.clips import stream_frames
from bench.unkind.probes import beside
from bench.unkind.stage import Stage, milliseconds, staged
from tests.serving import stores

_PEOPLE = 4
_OPENED_EACH_S = 0.5
_MEASURED_S = 15.0
_MOST_SESSIONS = 200
_CROWD = 200
_MEMORY_FRAMES = 260
_PLACES, _OF_A_SESSION = 2_048, 256
_STALL_S = 5.0


@dataclass
class Crowd:
    """Sessions that have come so far, and how long their frames took."""

    admitted: int = 0
    refused: int = 0
    delays: list[float] = field(default_factory=list)

    async def come(self, stage: Stage, frames: Sequence[bytes]) -> None:
        """One more session, which goes on until it is cancelled."""
        try:
            async with session(stage.grpc_port, HONEST, frames) as live:
                self.admitted += 1
                while True:
                    self.delays += await live.play(1)
        except Refused:
            self.refused += 1


def beyond_capacity() -> str:
    """Sessions of four people come until one is refused, then as many again."""
    with staged() as (stage, watch):
        before, crowd = asyncio.run(_crowded(stage, None))
        told = (
            f"{crowd.admitted} sessions of {_PEOPLE} let in, {crowd.refused} refused, "
            f"{stage.refused('late')} counted as late; frames {milliseconds(crowd.delays)}, before "
            f"the first refusal {milliseconds(before)}; {watch}"
        )
    with staged(MAX_LIVE_LATENESS="1") as (stage, _):
        _, all_of_them = asyncio.run(_crowded(stage, crowd.admitted + crowd.refused))
    return f"{told}; were all let in: {milliseconds(all_of_them.delays)}"


def reopened_sessions() -> str:
    """A caller opens two sessions of 200 people again and again; others resume one of their own."""
    with staged(MAX_LIVE_LATENESS="1") as (stage, watch):
        asyncio.run(_prepared(stage, "own", HONEST, 1))
        for name in ("many", "more"):
            asyncio.run(_prepared(stage, name, UNKIND, _CROWD))
        alone = asyncio.run(_resumed(stage, 5))
        with beside(reopen, stage.grpc_port, ("many", "more")):
            time.sleep(5)
            during = asyncio.run(_resumed(stage, 15))
        return f"resumed in {milliseconds(during)} (alone {milliseconds(alone)}); {watch}"


def all_places() -> str:
    """Eight sessions of one caller ask for all places that there are for people."""
    with staged(MAX_LIVE_LATENESS="1") as (stage, _):
        taken, others = asyncio.run(_placed(stage))
    return f"{taken:.0f} of {_PLACES:,} places taken; another caller's session {others}"


def stalled_store() -> str:
    """The private session store hangs for a while, beneath a live stream."""
    with staged() as (stage, watch):
        delays = asyncio.run(_played_over_stall(stage, stores(stage.service.process.pid)))
        still_s = [now - before + 1 / FPS for before, now in pairwise(delays)]
    return (
        f"hung for {_STALL_S:g} s: the stream stood still for {max(still_s):.2f} s at most, and "
        f"for more than 0.2 s {sum(each > 0.2 for each in still_s)} times; frames of the last "
        f"second {milliseconds(delays[-FPS:])}; {watch}"
    )


async def _crowded(stage: Stage, wanted: int | None) -> tuple[list[float], Crowd]:
    """What frames took as sessions came, and what happens once there are too many of them."""
    crowd, frames = Crowd(), stream_frames(_PEOPLE)
    async with asyncio.TaskGroup() as group:
        coming: list[asyncio.Task[None]] = []
        while crowd.admitted < (wanted or _MOST_SESSIONS) and (wanted or not crowd.refused):
            coming.append(group.create_task(crowd.come(stage, frames)))
            await asyncio.sleep(_OPENED_EACH_S)
        before, crowd.delays = crowd.delays, []
        more = 0 if wanted else crowd.admitted
        for _ in range(more):
            coming.append(group.create_task(crowd.come(stage, frames)))
            await asyncio.sleep(_MEASURED_S / more)
        await asyncio.sleep(0 if more else _MEASURED_S)
        for each in coming:
            each.cancel()
    return before[-len(before) // 4 :], crowd


async def _prepared(stage: Stage, name: str, key: str, people: int) -> None:
    """A session that is dropped once a resume of it has all that it can have to do."""
    async with session(stage.grpc_port, key, stream_frames(people), name) as live:
        for _ in range(_MEMORY_FRAMES):
            await live.push()


async def _resumed(stage: Stage, seconds: float) -> list[float]:
    """How long it took each time until a frame was answered."""
    took, frames = [], stream_frames()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        async with session(stage.grpc_port, HONEST, frames, "own") as live:
            await live.push()
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0.05)
    return took


async def _placed(stage: Stage) -> tuple[float, str]:
    """How many places eight sessions got, and what then becomes of another caller's."""
    frames = stream_frames(_OF_A_SESSION)
    async with AsyncExitStack() as opened:
        for _ in range(_PLACES // _OF_A_SESSION):
            unkind = session(stage.grpc_port, UNKIND, frames)
            await (await opened.enter_async_context(unkind)).push()
        taken = stage.metric('poselift_live_people{model="causal243"}')
        async with session(stage.grpc_port, HONEST, stream_frames()) as live:
            return taken, await _first_frame(live)


async def _first_frame(live: Session) -> str:
    try:
        answer = await live.push()
    except Refused as error:
        return f"is refused: {error}"
    return "has its poses" if answer.people[0].pose else "has no place"


async def _played_over_stall(stage: Stage, pids: list[int]) -> list[float]:
    """What frames took before, while and after the store hung."""
    async with session(stage.grpc_port, HONEST, stream_frames()) as live:
        await live.play(1)
        playing = asyncio.create_task(live.play(_STALL_S + 6))
        await asyncio.sleep(2)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(_STALL_S)
        for pid in pids:
            with suppress(ProcessLookupError):  # it was replaced
                os.kill(pid, signal.SIGCONT)
        return await playing
