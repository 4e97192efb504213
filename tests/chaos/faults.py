"""Faults of all kinds; each leaves someone who has what was durable, unless it says otherwise."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from tests.chaos.client import Client
from tests.chaos.tally import Tally
from tests.chaos.world import Replica, World

_LONGEST_S = 30.0
_HASH, _FRAMES = "poselift:{%s}:session", "poselift:{%s}:frames"
_DAMAGES = {
    "both keys": (f"DEL {_HASH}", f"DEL {_FRAMES}"),
    "the frames": (f"DEL {_FRAMES}",),
    "the hash": (f"DEL {_HASH}",),
    "the hash's type": (f"SET {_HASH} x",),
    "the frames' type": (f"SET {_FRAMES} x",),
    "both types": (f"SET {_HASH} x", f"SET {_FRAMES} x"),
}


class Faults:
    """What may happen to a world and its clients, by name in ``KINDS``."""

    def __init__(self, world: World, tally: Tally, clients: Sequence[Client]) -> None:
        self._world = world
        self._tally = tally
        self._clients = clients
        self._random = world.random

    async def happen(self, kind: str) -> None:
        """One fault, up to when everything is as it was."""
        await KINDS[kind](self)

    # The store loses data

    async def restarted_older(self) -> None:
        """From a snapshot of a while ago, as with RDB files."""

        async def act() -> None:
            self._world.store.stop()
            await asyncio.to_thread(self._world.store.start)

        self._world.ask("SAVE")
        await self._lag()
        await self._lose(act)

    async def restarted_empty(self) -> None:
        """With nothing."""

        async def act() -> None:
            self._world.ask("FLUSHALL")
            self._world.ask("SAVE")
            self._world.store.stop()
            await asyncio.to_thread(self._world.store.start)

        await self._lose(act)

    async def flushed(self) -> None:
        """All keys are deleted."""

        async def act() -> None:
            self._world.ask("FLUSHALL")

        await self._lose(act)

    async def failed_over(self) -> None:
        """A copy that lags takes the place of the store."""
        world = self._world
        copy = world.new_store("--replicaof", "127.0.0.1", str(world.store.port))
        await asyncio.to_thread(copy.start)
        await self._until(lambda: b"link_status:up" in copy.ask("INFO", "replication"))
        copy.ask("REPLICAOF", "NO", "ONE")

        async def act() -> None:
            world.store.stop()
            port = str(world.store.port)
            copy.ask("CONFIG", "SET", "port", port)
            copy.command += ["--port", port, "--replicaof", "no", "one"]  # when it is restarted
            copy.port, world.store = world.store.port, copy

        await self._lag()
        await self._lose(act)

    async def stopped_after_flush(self) -> None:
        """All keys are deleted, and a replica that held sessions is told to stop at once."""
        replica = self._random.choice(self._world.replicas)
        async with self._quiet_half():
            async with self._still():
                self._world.ask("FLUSHALL")
                replica.send(signal.SIGTERM)
            await self._restart(replica, is_orderly=True)
        await self._written_back(self._clients)

    # Keys are lost while sessions are held

    async def evicted(self) -> None:
        """Keys of some sessions are deleted or of another type; their holders notice."""
        hit = self._random.sample(list(self._clients), max(len(self._clients) // 2, 1))
        async with self._quiet_half():
            for client in hit:
                client.stays = True
            async with self._still():
                for client in hit:
                    if client.is_connected and client.durable_upto:
                        self._damage(client)
            await self._written_back(hit)
            for client in hit:
                client.stays = False

    async def lost_unheld(self) -> None:
        """Keys of sessions that no replica holds are lost: they are rewound, and say so."""
        hit = self._random.sample(list(self._clients), max(len(self._clients) // 2, 1))
        for client in hit:
            client.parked = True
        await self._until(lambda: not any(client.is_connected for client in hit))
        await self._written_back(hit)
        await asyncio.sleep(1)  # the replicas let go of them
        for client in hit:
            client.may_rewind = True
            self._damage(client)
            client.parked = False
        await self._until(lambda: not any(client.may_rewind for client in hit))

    # Replicas

    async def former_writer(self) -> None:
        """A replica hangs, others go on with its sessions, the store forgets them, it goes on."""
        replica = self._random.choice(self._world.replicas)
        async with self._quiet_half():
            replica.is_up = False
            replica.send(signal.SIGSTOP)
            try:
                await self._moved_from(replica)
                await asyncio.sleep(self._random.uniform(0.2, 1))
                async with self._still():
                    self._world.ask("FLUSHALL")
                    if self._random.random() < 0.5:  # before those who hold the sessions now
                        replica.send(signal.SIGCONT)
                await asyncio.sleep(self._random.uniform(0, 0.5))
            finally:
                replica.send(signal.SIGCONT)
                replica.is_up = True
        await self._written_back(self._clients)

    async def killed(self) -> None:
        """A replica is killed, and started again."""
        replica = self._random.choice(self._world.replicas)
        replica.send(signal.SIGKILL)
        await self._restart(replica, is_orderly=False)

    async def stopped(self) -> None:
        """A replica is told to stop, and started again."""
        replica = self._random.choice(self._world.replicas)
        replica.send(signal.SIGTERM)
        await self._restart(replica, is_orderly=True)

    # The store is there, and does not what it should

    async def paused(self) -> None:
        """The store hangs, for less or more than its timeout."""
        process = self._world.store.process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self._random.uniform(0.1, 2))
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(self._random.uniform(0.5, 1.5))

    async def full(self) -> None:
        """The store has no memory left for a while."""
        self._world.ask("CONFIG", "SET", "maxmemory", "1")
        await asyncio.sleep(self._random.uniform(0.1, 2))
        self._world.ask("CONFIG", "SET", "maxmemory", "0")
        await asyncio.sleep(self._random.uniform(0.5, 1.5))

    # Parts of them

    async def _lag(self) -> None:
        await asyncio.sleep(self._random.uniform(0.2, 1.5))

    async def _lose(self, act: Callable[[], Awaitable[None]]) -> None:
        """Let the store lose data while all sessions are held; some move elsewhere at once."""
        async with self._quiet_half() as quiet:
            async with self._still():
                await act()
            for client in quiet:
                client.must_move = self._random.random() < 0.5
            await asyncio.sleep(self._random.uniform(0, 1.5))
        await self._written_back(self._clients)

    @asynccontextmanager
    async def _still(self) -> AsyncIterator[None]:
        """All sessions are held by a replica, and stay so."""
        self._world.is_still = True
        try:
            await self._until(lambda: all(client.is_safe for client in self._clients))
            yield
        finally:
            self._world.is_still = False

    @asynccontextmanager
    async def _quiet_half(self) -> AsyncIterator[list[Client]]:
        quiet = [client for client in self._clients if self._random.random() < 0.5]
        for client in quiet:
            client.hushed = True
        await asyncio.sleep(0.2)
        try:
            yield quiet
        finally:
            for client in quiet:
                client.hushed = False

    def _damage(self, client: Client) -> None:
        for command in _DAMAGES[self._random.choice(list(_DAMAGES))]:
            self._world.ask(*(command % client.session_id).split())

    async def _moved_from(self, replica: Replica) -> None:
        """Have all clients of a replica connect elsewhere, in the middle of what they do."""
        moving = [each for each in self._clients if each.replica is replica]
        for client in moving:
            client.must_move = True
            client.interrupt()
        await self._until(lambda: all(each.replica is not replica for each in moving))

    async def _written_back(self, clients: Sequence[Client]) -> None:
        """Wait until the store has what was durable by now, of the sessions that still go on."""
        for client in clients:
            session_id, upto = client.session_id, client.durable_upto
            try:
                await self._until(partial(self._has, client, session_id, upto))
            except TimeoutError:
                there = max(self._world.next_index(session_id), 0)
                self._tally.add("lost", upto - there, f"{session_id}: not written back in time")

    def _has(self, client: Client, session_id: str, upto: int) -> bool:
        is_due = upto and client.session_id == session_id and client.durable_upto >= upto
        return not is_due or self._world.next_index(session_id) >= upto

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_LONGEST_S):
            while not condition():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.05)

    async def _restart(self, replica: Replica, is_orderly: bool) -> None:
        status = await replica.ended()
        if is_orderly and status != 0:
            raise RuntimeError(f"a replica ended with {status}")
        await replica.start()


KINDS: dict[str, Callable[[Faults], Awaitable[None]]] = {
    "older": Faults.restarted_older,
    "empty": Faults.restarted_empty,
    "flushed": Faults.flushed,
    "failover": Faults.failed_over,
    "flushed+stopped": Faults.stopped_after_flush,
    "evicted": Faults.evicted,
    "unheld": Faults.lost_unheld,
    "former": Faults.former_writer,
    "killed": Faults.killed,
    "stopped": Faults.stopped,
    "paused": Faults.paused,
    "full": Faults.full,
}
