"""The store loses data; someone has what was durable, unless it says otherwise."""

import asyncio
import signal

from tests.chaos.client import Client
from tests.chaos.stage import Stage
from tests.chaos.world import entry_id, keys

_DAMAGES = {
    "both keys": ("DEL {hash}", "DEL {frames}"),
    "the frames": ("DEL {frames}",),
    "the hash": ("DEL {hash}",),
    "the hash's type": ("SET {hash} x",),
    "the frames' type": ("SET {frames} x",),
    "both types": ("SET {hash} x", "SET {frames} x"),
    "the index": ("HSET {hash} next x",),
}


async def restarted_older(stage: Stage) -> None:
    """The store restarts from a snapshot of a while ago, as with RDB files."""
    store = stage.world.store

    async def act() -> None:
        store.stop()
        await asyncio.to_thread(store.start)

    store.ask("SAVE")
    await stage.wait(0.2, 1.5)
    await stage.lose(act)


async def restarted_empty(stage: Stage) -> None:
    """The store restarts with nothing."""
    store = stage.world.store

    async def act() -> None:
        store.ask("FLUSHALL")
        store.ask("SAVE")
        store.stop()
        await asyncio.to_thread(store.start)

    await stage.lose(act)


async def flushed(stage: Stage) -> None:
    """All keys are deleted."""

    async def act() -> None:
        stage.world.ask("FLUSHALL")

    await stage.lose(act)


async def failed_over(stage: Stage) -> None:
    """A copy that lags takes the place of the store."""
    world, address = stage.world, str(stage.world.store.port)
    copy = world.new_store("--replicaof", "127.0.0.1", address)
    await asyncio.to_thread(copy.start)
    await stage.until(lambda: b"link_status:up" in copy.ask("INFO", "replication"))
    copy.ask("REPLICAOF", "NO", "ONE")

    async def act() -> None:
        world.store.stop()
        copy.ask("CONFIG", "SET", "port", address)
        copy.command += ["--port", address, "--replicaof", "no", "one"]  # when it is restarted
        copy.port, world.store = world.store.port, copy

    await stage.wait(0.2, 1.5)
    await stage.lose(act)


async def stopped_after_flush(stage: Stage) -> None:
    """All keys are deleted, and a replica that holds sessions is told to stop at once."""
    replica = stage.some_replica()
    async with stage.quiet_half():
        async with stage.still():
            stage.world.ask("FLUSHALL")
            replica.send(signal.SIGTERM)
        await stage.restart(replica)
    await stage.written_back(stage.clients)


async def damaged(stage: Stage) -> None:
    """Keys of sessions that are held are deleted, or of another type."""
    hit = stage.some_clients()

    async def act() -> None:
        for client in hit:
            if client.is_connected and client.durable_upto:
                _damage(stage, client)

    await stage.lose_keys(hit, act)


async def evicted(stage: Stage) -> None:
    """The store has little memory and a policy that evicts keys."""
    store = stage.world.store

    async def act() -> None:
        used = next(
            int(line.removeprefix(b"used_memory:"))
            for line in store.ask("INFO", "memory").splitlines()
            if line.startswith(b"used_memory:")
        )
        store.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        store.ask("CONFIG", "SET", "maxmemory", str(int(used * stage.random.uniform(0.3, 1))))
        await stage.wait(0.1, 1)
        store.ask("CONFIG", "SET", "maxmemory", "0")
        store.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")

    await stage.lose_keys(stage.clients, act)


async def lost_unheld(stage: Stage) -> None:
    """Keys or frames of sessions that no replica holds are lost: they are rewound, and told so."""
    hit = stage.some_clients()
    for client in hit:
        client.parked = True
    await stage.until(lambda: not any(client.is_connected for client in hit))
    await stage.written_back(hit)
    await asyncio.sleep(1)  # the replicas let go of them
    for client in hit:
        client.may_rewind = True
        if client.is_streaming and stage.random.random() < 0.3:
            _make_hole(stage, client)
        else:
            _damage(stage, client)
        client.parked = False
    await stage.until(lambda: not any(client.may_rewind for client in hit))


async def former_writer(stage: Stage) -> None:
    """A replica hangs, others go on with its sessions, the store forgets them, it goes on."""
    world, replica = stage.world, stage.some_replica()
    async with stage.quiet_half(), stage.out_of_reach(replica), stage.hanging(replica):
        await stage.moved_from(replica, stage.clients)
        await stage.wait(0.2, 1)
        async with stage.still():
            world.ask("FLUSHALL")
            if stage.random.random() < 0.5:  # before those who hold the sessions now
                replica.send(signal.SIGCONT)
        await stage.wait(0, 0.5)
    await stage.written_back(stage.clients)


def _damage(stage: Stage, client: Client) -> None:
    session, frames = keys(client.session_id)
    for command in _DAMAGES[stage.random.choice(list(_DAMAGES))]:
        stage.world.ask(*command.format(hash=session, frames=frames).split())


def _make_hole(stage: Stage, client: Client) -> None:
    next_index = stage.world.next_index(client.session_id)
    if next_index > 0:
        index = stage.random.randrange(max(next_index - 20, 0), next_index)
        stage.world.ask("XDEL", keys(client.session_id)[1], entry_id(index))
