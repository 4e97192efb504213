"""A run: a world, clients in it, and faults of all kinds until there were enough of each."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.client import Client
from tests.chaos.clips import clips
from tests.chaos.faults import KINDS
from tests.chaos.stage import Stage
from tests.chaos.tally import Tally
from tests.chaos.world import World


@dataclass(frozen=True)
class Options:
    """How much there is of everything.

    Attributes:
        frames: answers for each kind of fault, at least.
        settle_s: how long the replicas have to write back what the store lost.
        rest_s: see ``Client``.
        pace, sweeps: see ``Stage``.
        workers: of each replica.
        seconds: after how long no more faults begin.
        until_bad: whether no more begin either once anything was counted that must not be.
    """

    seed: int
    kinds: tuple[str, ...] = tuple(KINDS)
    sessions: int = 12
    frames: int = 1000
    clips: int = 12
    length: int = 200
    settle_s: float = 5.0
    rest_s: float = 0.0
    pace: float = 1.0
    sweeps: bool = True
    workers: int = 1
    seconds: float = float("inf")
    until_bad: bool = False


async def run(options: Options, models: Path, folder: Path, tally: Tally) -> None:
    """Let faults happen, each kind until there were enough answers meanwhile.

    ``models`` is a folder of models, ``folder`` one for the stores' files.
    """
    random = Random(options.seed)
    world = World(models, folder, random, options.settle_s, options.workers)
    try:
        await world.start()
        assert world.replicas[0].service is not None
        url = world.replicas[0].service.url
        known = await clips(url, options.seed, options.clips, options.length)
        numbers = range(options.sessions)
        clients = [Client(each, world, tally, known, options.rest_s) for each in numbers]
        stage = Stage(world, tally, clients, options.pace, options.sweeps)
        living = [asyncio.create_task(client.run()) for client in clients]
        living.append(asyncio.create_task(_count_late(tally)))
        living.append(asyncio.create_task(_happen(options, stage)))
        done, _ = await asyncio.wait(living, return_when=asyncio.FIRST_COMPLETED)
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)
        for task in done:
            task.result()
    finally:
        world.stop()


async def _happen(options: Options, stage: Stage) -> None:
    loop, tally = asyncio.get_running_loop(), stage.tally
    began = loop.time()
    latest = began + options.seconds
    open_kinds = list(options.kinds)
    while open_kinds and loop.time() < latest and not (options.until_bad and not tally.is_good):
        tally.kind = stage.random.choice(open_kinds)
        tally.add("faults")
        tally.tell(f"{loop.time() - began:.1f} s: {tally.kind}")
        with _seen(stage):
            await stage.until_all_live()
            await KINDS[tally.kind](stage)
            await stage.wait(0, 0.3)
        if tally.of(tally.kind)["answers"] >= options.frames:
            open_kinds.remove(tally.kind)
            tally.tell(f"enough of {tally.kind}")


async def _count_late(tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 0.1
        await asyncio.sleep(0.1)
        if loop.time() > due + 1:
            tally.add("late")


@contextmanager
def _seen(stage: Stage) -> Iterator[None]:
    """Count it if a fault does not end, or if replicas log tracebacks meanwhile."""
    before = [len(log) for log in stage.world.logs]
    try:
        yield
    except TimeoutError as error:
        stage.tell(f"what follows the fault does not end: {error!r}")
    before += [0] * (len(stage.world.logs) - len(before))
    for log, start in zip(stage.world.logs, before, strict=True):
        lines = log[start:]
        for number, line in enumerate(lines):
            if line.startswith("Traceback"):
                stage.tell("in a replica's log:\n" + "".join(lines[number : number + 60]))
