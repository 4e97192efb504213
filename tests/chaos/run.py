"""A run: a world, clients in it, and faults of all kinds until there were enough of each."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.client import Client
from tests.chaos.clips import clips
from tests.chaos.faults import Faults
from tests.chaos.tally import Tally
from tests.chaos.world import World


@dataclass(frozen=True)
class Options:
    """How much there is of everything.

    Attributes:
        frames: answers for each kind of fault, at least.
        seconds: after how long no more faults begin.
    """

    seed: int
    kinds: tuple[str, ...]
    sessions: int = 12
    frames: int = 1000
    clips: int = 12
    length: int = 200
    seconds: float = float("inf")


async def run(options: Options, models: Path, folder: Path) -> Tally:
    """Let faults happen, each kind until there were enough answers meanwhile.

    ``models`` is a folder of models, ``folder`` one for the stores' files.
    """
    random = Random(options.seed)
    tally, world = Tally(), World(models, folder, random)
    try:
        await world.start()
        assert world.replicas[0].service is not None
        url = world.replicas[0].service.url
        known = await clips(url, options.seed, options.clips, options.length)
        clients = [Client(number, world, tally, known) for number in range(options.sessions)]
        living = [asyncio.create_task(client.run()) for client in clients]
        happening = asyncio.create_task(
            _happen(options, random, tally, Faults(world, tally, clients))
        )
        done, _ = await asyncio.wait({happening, *living}, return_when=asyncio.FIRST_COMPLETED)
        for task in (happening, *living):
            task.cancel()
        await asyncio.gather(happening, *living, return_exceptions=True)
        for task in done:
            task.result()
        tracebacks = [line for log in world.logs for line in log if "Traceback" in line]
        tally.add("errors", len(tracebacks), "tracebacks in the logs of replicas")
    finally:
        world.stop()
    return tally


async def _happen(options: Options, random: Random, tally: Tally, faults: Faults) -> None:
    loop = asyncio.get_running_loop()
    latest = loop.time() + options.seconds
    open_kinds = list(options.kinds)
    while open_kinds and loop.time() < latest:
        tally.kind = random.choice(open_kinds)
        tally.add("faults")
        await faults.happen(tally.kind)
        await asyncio.sleep(random.uniform(0, 0.3))
        open_kinds = [k for k in open_kinds if tally.of(k)["answers"] < options.frames]
