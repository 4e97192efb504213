"""Two replicas of the service and the store they share, each of which can be ended or hung."""

import asyncio
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.live.stores import StoreServer, binaries, free_port
from tests.serving import ServiceProcess, launch


class Replica:
    """A process of the service, started again when it has ended."""

    def __init__(self, models: Path, settings: dict[str, str], logs: list[list[str]]) -> None:
        self._models = models
        self._settings = settings
        self.service: ServiceProcess | None = None
        self.is_up = False
        self._logs = logs

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.service = ServiceProcess(launch(self._models, self._settings))
        self._logs.append(self.service.log)
        await asyncio.to_thread(self.service.wait_until_ready)
        threading.Thread(target=self.service.read_log, daemon=True).start()
        self.is_up = True

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self.service is not None
        self.is_up = self.is_up and number not in {signal.SIGTERM, signal.SIGKILL}
        self.service.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; the exit status."""
        assert self.service is not None
        return await asyncio.to_thread(self.service.process.wait, 60)

    def kill(self) -> None:
        """End it for good."""
        if self.service is not None:
            with suppress(ProcessLookupError):
                self.service.process.kill()
            self.service.process.wait()
            assert self.service.process.stderr is not None
            self.service.process.stderr.close()


class World:
    """All there is but the clients."""

    def __init__(self, models: Path, folder: Path, random: Random) -> None:
        self._folder = folder
        self._binary = list(binaries().values())[-1]
        self._stores = 0
        self.random = random
        self.is_still = False
        """Whether no client leaves by itself just now."""
        self.logs: list[list[str]] = []
        self.store = self.new_store()
        settings = {
            "LIVE_MODEL": "causal",
            "REDIS_URL": self.store.url,
            "STORE_TIMEOUT_S": "0.5",
            "STORE_SETTLE_S": "5",
            "THREADS": "1",
        }
        self.replicas = [Replica(models, settings, self.logs) for _ in range(2)]

    async def start(self) -> None:
        """Start the store, then the replicas."""
        await asyncio.to_thread(self.store.start)
        await asyncio.gather(*(replica.start() for replica in self.replicas))

    def stop(self) -> None:
        """End all of it."""
        for replica in self.replicas:
            replica.kill()
        self.store.stop()

    def new_store(self, *options: str) -> StoreServer:
        """A store with a folder and a port of its own, not started yet."""
        self._stores += 1
        folder = self._folder / f"store{self._stores}"
        folder.mkdir()
        port = free_port()
        command = [self._binary, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        command += ["--dir", str(folder), "--repl-diskless-sync-delay", "0", *options]
        return StoreServer(command, port)

    def ask(self, *words: str) -> bytes:
        """Ask the store; empty while it does not answer."""
        with suppress(OSError, socket.timeout):
            return self.store.ask(*words)
        return b""

    def up(self) -> list[Replica]:
        """The replicas that can be connected to."""
        return [replica for replica in self.replicas if replica.is_up]

    def next_index(self, session_id: str) -> int:
        """Up to where the store has a session's frames; -1 if it has none of it."""
        found = self.ask("HGET", f"poselift:{{{session_id}}}:session", "next").split()
        last = self.ask("XREVRANGE", f"poselift:{{{session_id}}}:frames", "+", "-", "COUNT", "1")
        if len(found) < 2 or not found[1].isdigit() or last.startswith(b"-"):
            return -1
        index = int(found[1])
        return index if not index or f"{index}-".encode() in last else -1
