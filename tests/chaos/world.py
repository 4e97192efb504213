"""Two replicas of the service and the store they share, each of which can be ended or hung."""

import asyncio
import os
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx

from tests.live.stores import StoreServer, binaries, free_port
from tests.serving import ServiceProcess, descendants, launch, program

_LONGEST_S = 60.0
_USERS = ("one", "other")
"""The store's users that the replicas are."""


class Replica:
    """A process of the service, started again when it has ended."""

    def __init__(
        self, name: str, models: Path, settings: dict[str, str], logs: list[list[str]]
    ) -> None:
        self.name = name
        """The store's user that it is."""
        self._models = models
        self._settings = settings
        self.service: ServiceProcess | None = None
        self._reading: threading.Thread | None = None
        self.is_up = False
        self._logs = logs

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.service = ServiceProcess(launch(self._models, self._settings))
        self._logs.append(self.service.log)
        await asyncio.to_thread(self.service.wait_until_ready)
        self._reading = threading.Thread(target=self.service.read_log, daemon=True)
        self._reading.start()
        self.is_up = True

    def send(self, number: int) -> None:
        """Send it a signal; all its processes hang and go on."""
        assert self.service is not None
        self.is_up = self.is_up and number not in {signal.SIGTERM, signal.SIGKILL}
        if number in {signal.SIGSTOP, signal.SIGCONT}:
            for each in descendants(self.service.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(each, number)
        self.service.process.send_signal(number)

    def parts(self) -> list[int]:
        """Processes that work for the first one: those that decode; of several workers, they."""
        assert self.service is not None
        pid = self.service.process.pid
        found = []
        for each in descendants(pid):
            with suppress(FileNotFoundError, ProcessLookupError):  # it may have ended by itself
                its = program(each)
                found += [each] if its == program(pid) or "multiprocessing.spawn" in its else []
        return found

    async def ended(self) -> int:
        """Wait for its end; the exit status."""
        return await asyncio.to_thread(self._end)

    async def status(self) -> str:
        """What it says about itself; empty while it does not answer."""
        assert self.service is not None
        with suppress(httpx.HTTPError):
            async with httpx.AsyncClient(base_url=self.service.url) as client:
                return str((await client.get("/readyz")).json().get("status"))
        return ""

    def kill(self) -> None:
        """End it for good."""
        if self.service is not None:
            self.service.process.kill()
            self._end()

    def _end(self) -> int:
        assert self.service is not None
        status = self.service.process.wait(_LONGEST_S)
        if self._reading is not None:
            self._reading.join()
        assert self.service.process.stderr is not None
        self.service.process.stderr.close()
        return status


class World:
    """All there is but the clients."""

    def __init__(
        self, models: Path, folder: Path, random: Random, settle_s: float, workers: int
    ) -> None:
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
            "STORE_TIMEOUT_S": "0.5",
            "STORE_SETTLE_S": str(settle_s),
            "THREADS": "1",
            "WORKERS": str(workers),
        }
        urls = {name: self.store.url.replace("//", f"//{name}:any@") for name in _USERS}
        self.replicas = [
            Replica(name, models, settings | {"REDIS_URL": url}, self.logs)
            for name, url in urls.items()
        ]

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
        for name in _USERS:
            command += ["--user", name, *["on", "nopass", "~*", "&*", "+@all"]]
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
        session, frames = keys(session_id)
        said, seen = b"", None
        while said != seen:  # a frame may be appended between the two questions
            said = self.ask("HGET", session, "next")
            last = self.ask("XREVRANGE", frames, "+", "-", "COUNT", "1")
            seen = self.ask("HGET", session, "next")
        found = said.split()
        if len(found) < 2 or not found[1].isdigit() or last.startswith(b"-"):
            return -1
        index = int(found[1])
        return index if not index or f"{index}-".encode() in last else -1


def keys(session_id: str) -> tuple[str, str]:
    """The store's keys of a session: its hash, and its frames."""
    return f"poselift:{{{session_id}}}:session", f"poselift:{{{session_id}}}:frames"


def entry_id(index: int) -> str:
    """Which entry of the frames a frame is, in sessions whose indices do not jump."""
    return f"{index + 1}-1"
