"""What faults need: the world, its clients, and states that both have to be in."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress

from tests.chaos.client import Client
from tests.chaos.tally import Tally
from tests.chaos.world import Replica, World

_LONGEST_S = 180.0


class Stage:
    """A world and its clients.

    Args:
        world, clients: these.
        tally: what is counted.
        pace: how long everything lasts, as a part of what is usual.
        sweeps: whether quiet sessions lose keys too; their holders see that within five seconds.
    """

    def __init__(
        self,
        world: World,
        tally: Tally,
        clients: Sequence[Client],
        pace: float = 1.0,
        sweeps: bool = True,
    ) -> None:
        self.world = world
        self.tally = tally
        self.clients = clients
        self.random = world.random
        self._pace = pace
        self._sweeps = sweeps

    def some_replica(self) -> Replica:
        """Any of the replicas."""
        return self.random.choice(self.world.replicas)

    def some_clients(self) -> list[Client]:
        """Half of the clients."""
        return self.random.sample(list(self.clients), max(len(self.clients) // 2, 1))

    def tell(self, what: str) -> None:
        """Count something that must not be."""
        self.tally.add("errors", note=what)

    async def wait(self, shortest_s: float, longest_s: float) -> None:
        """Let some time go by."""
        await asyncio.sleep(self._pace * self.random.uniform(shortest_s, longest_s))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so; raises TimeoutError if it does not become so."""
        async with asyncio.timeout(_LONGEST_S):
            while not condition():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.05)

    async def until_all_live(self) -> None:
        """Wait until every client has a session."""
        await self.until(lambda: all(client.is_connected for client in self.clients))

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """All sessions are held by a replica, and stay so."""
        self.world.is_still = True
        try:
            await self.until(lambda: all(client.is_safe for client in self.clients))
            yield
        finally:
            self.world.is_still = False

    @asynccontextmanager
    async def quiet_half(self) -> AsyncIterator[list[Client]]:
        """Half of the clients send nothing."""
        quiet = [client for client in self.clients if self.random.random() < 0.5]
        for client in quiet:
            client.hushed = True
        await self.wait(0.2, 0.2)
        try:
            yield quiet
        finally:
            for client in quiet:
                client.hushed = False

    @asynccontextmanager
    async def out_of_reach(self, replica: Replica) -> AsyncIterator[None]:
        """No client connects to a replica, which goes on with those that are there."""
        replica.is_up = False
        try:
            yield
        finally:
            replica.is_up = True

    async def lose(self, act: Callable[[], Awaitable[None]]) -> None:
        """Let the store lose data while all sessions are held; some move elsewhere at once."""
        async with self.quiet_half() as quiet:
            async with self.still():
                await act()
            for client in quiet:
                client.must_move = self.random.random() < 0.5
            await self.wait(0, 1.5)
        await self.written_back(self.clients)

    async def lose_keys(self, hit: Sequence[Client], act: Callable[[], Awaitable[None]]) -> None:
        """Let the store lose keys of sessions, which are held until they are written again."""
        async with self.quiet_half() if self._sweeps else nullcontext():
            for client in hit:
                client.stays = True
            async with self.still():
                await act()
            for client in hit:
                await self._acknowledged(client)
            await self.written_back(hit)
            for client in hit:
                client.stays = False

    async def moved_from(self, replica: Replica, clients: Sequence[Client]) -> None:
        """Have those who are connected to a replica connect elsewhere, in the middle of things."""
        moving = [each for each in clients if each.replica is replica]
        for client in moving:
            client.must_move = True
            client.interrupt()
        await self.until(lambda: all(each.replica is not replica for each in moving))

    async def written_back(self, clients: Sequence[Client]) -> None:
        """Wait until the store has what was durable by now, of the sessions that still go on."""
        due = [(client, client.session_id, client.durable_upto) for client in clients]

        def is_over() -> bool:
            due[:] = [each for each in due if not self._has(*each)]
            return not due

        with suppress(TimeoutError):
            await self.until(is_over)
        for _, session_id, upto in due:
            there = max(self.world.next_index(session_id), 0)
            self.tally.add("lost", upto - there, f"{session_id}: not written back in time")

    @asynccontextmanager
    async def hanging(self, replica: Replica) -> AsyncIterator[None]:
        """A replica hangs."""
        replica.send(signal.SIGSTOP)
        try:
            yield
        finally:
            replica.send(signal.SIGCONT)

    async def restart(self, replica: Replica) -> None:
        """Wait until a replica has ended, and start it again."""
        status = await replica.ended()
        if status not in {0, -signal.SIGKILL}:
            self.tell(f"a replica ended with {status}")
        await replica.start()

    async def until_said(self, replicas: Sequence[Replica], status: str) -> None:
        """Wait until replicas say about themselves that they are so."""
        for replica in replicas:
            try:
                async with asyncio.timeout(_LONGEST_S):
                    while (said := await replica.status()) != status:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
            except TimeoutError:
                self.tell(f"a replica says {said!r} instead of {status!r}")

    async def _acknowledged(self, client: Client) -> None:
        """See that the store has what is sent from here on and is answered as durable."""
        session_id, upto = client.session_id, client.sent_upto + 1

        def is_over() -> bool:
            return client.hushed or client.is_through or client.session_id != session_id

        await self.until(lambda: is_over() or client.durable_upto >= upto)
        there = self.world.next_index(session_id)
        if there < upto and not is_over():
            note = f"{session_id}: durable to {upto}, and there to {there}"
            self.tally.add("lost", upto - max(there, 0), note)

    def _has(self, client: Client, session_id: str, upto: int) -> bool:
        is_due = upto and client.session_id == session_id and client.durable_upto >= upto
        return not is_due or self.world.next_index(session_id) >= upto
