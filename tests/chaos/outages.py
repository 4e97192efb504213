"""Replicas, connections and the store fail, and the store loses nothing."""

import asyncio
import os
import signal
from contextlib import suppress

from tests.chaos.stage import Stage
from tests.chaos.world import Replica

# Replicas


async def killed(stage: Stage) -> None:
    """A replica is killed, and started again."""
    replica = stage.some_replica()
    replica.send(signal.SIGKILL)
    await stage.restart(replica)


async def stopped(stage: Stage) -> None:
    """A replica is told to stop, and started again."""
    replica = stage.some_replica()
    replica.send(signal.SIGTERM)
    await stage.restart(replica)


async def hung(stage: Stage) -> None:
    """A replica hangs and goes on, after some of its sessions went elsewhere."""
    replica = stage.some_replica()
    async with stage.out_of_reach(replica), stage.hanging(replica):
        await stage.moved_from(replica, stage.some_clients())
        await stage.wait(0.2, 2)


async def part_killed(stage: Stage) -> None:
    """A process of a replica, with several workers one of them, is killed and started again."""
    replica = stage.some_replica()
    if parts := replica.parts():
        with suppress(ProcessLookupError):
            os.kill(stage.random.choice(parts), signal.SIGKILL)
    await stage.wait(0.1, 1)
    await stage.until_said([replica], "ready")


# Connections


async def dropped(stage: Stage) -> None:
    """Clients lose their connections, and some come back to another replica."""
    for client in stage.some_clients():
        client.must_move = stage.random.random() < 0.5
        client.interrupt()
    await stage.wait(0.1, 1)


async def contended(stage: Stage) -> None:
    """Sessions are opened by others while their clients go on with them."""
    has_again = await asyncio.gather(*(each.open_elsewhere() for each in stage.some_clients()))
    await stage.wait(0.1, 1)
    await stage.until(lambda: all(each() for each in has_again))


async def cut(stage: Stage) -> None:
    """The store's connections are cut."""
    stage.world.ask("CLIENT", "KILL", "TYPE", "normal")
    await stage.wait(0.1, 1)


async def partitioned(stage: Stage) -> None:
    """One replica cannot reach the store for a while, and some of its sessions go elsewhere."""
    replica, ask = stage.some_replica(), stage.world.ask
    ask("ACL", "SETUSER", replica.name, "off")
    ask("CLIENT", "KILL", "USER", replica.name)
    await stage.moved_from(replica, stage.some_clients())
    await stage.wait(0.2, 2)
    ask("ACL", "SETUSER", replica.name, "on")
    await stage.until_said([replica], "ready")


# The store is there, and does not what it should


async def restarted(stage: Stage) -> None:
    """The store restarts with all it had."""
    store = stage.world.store
    stage.world.ask("SHUTDOWN", "SAVE")
    store.stop()
    await stage.wait(0, 1)
    await asyncio.to_thread(store.start)
    await stage.until_said(stage.world.replicas, "ready")


async def paused(stage: Stage) -> None:
    """The store hangs, for less or more than its timeout."""
    process = stage.world.store.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    await stage.wait(0.1, 2)
    process.send_signal(signal.SIGCONT)
    await stage.until_said(stage.world.replicas, "ready")


async def full(stage: Stage) -> None:
    """The store has no memory left for a while."""
    await _while(stage, "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0")


async def read_only(stage: Stage) -> None:
    """The store takes no writes for a while, as a copy does not."""
    await _while(stage, "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE")


async def refused(stage: Stage) -> None:
    """The store's users have too few rights for a while; the replicas say so."""
    replicas = stage.world.replicas
    _set_rights(stage, replicas, "-eval", "-evalsha")
    await stage.until_said(replicas, "degraded")
    for _ in range(10):
        await stage.wait(0.1, 0.2)
        if "ready" in [await replica.status() for replica in replicas]:
            stage.tell("a replica says it is ready while the store refuses what it needs")
            break
    _set_rights(stage, replicas, "+eval", "+evalsha")
    await stage.until_said(replicas, "ready")


async def scripts_forgotten(stage: Stage) -> None:
    """The store forgets its scripts."""
    stage.world.ask("SCRIPT", "FLUSH")
    await stage.wait(0.1, 1)


async def _while(stage: Stage, begin: str, end: str) -> None:
    stage.world.ask(*begin.split())
    await stage.wait(0.1, 2)
    stage.world.ask(*end.split())
    await stage.until_said(stage.world.replicas, "ready")


def _set_rights(stage: Stage, replicas: list[Replica], *rights: str) -> None:
    for replica in replicas:
        stage.world.ask("ACL", "SETUSER", replica.name, *rights)
