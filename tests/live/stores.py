"""Real servers that keep sessions: the one that comes with the service, and Redis where it is."""

import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.embedded import _binary


@dataclass
class StoreServer:
    """A server on a port of its own, which may be stopped, started and paused."""

    command: list[str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while not self.answers():
            assert time.monotonic() < deadline, "the store did not start"
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether it answers now."""
        with suppress(OSError):
            return self.ask("PING") == b"+PONG\r\n"
        return False

    def ask(self, *words: str) -> bytes:
        """Its raw answer to a command."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(" ".join(words).encode() + b"\r\n")
            return client.recv(1 << 20)

    def stop(self) -> None:
        """Kill it; what it held is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def free_port() -> int:
    """A port without a listener, below those that systems give to connections and to port 0.

    It stays free while a server on it is restarted, whatever other tests open meanwhile.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def binaries() -> dict[str, str]:
    """The servers of this machine."""
    found = {"valkey": str(_binary()), "redis": shutil.which("redis-server")}
    return {name: path for name, path in found.items() if path}


def with_stores(values: Sequence[Any]) -> list[tuple[Any, str]]:
    """Each value with the first of the servers, and the last value with the others.

    For values that the kind of server has nothing to do with.
    """
    first, *others = binaries()
    return [(value, first) for value in values] + [(values[-1], other) for other in others]


def any_store(folder: Path) -> AbstractContextManager[StoreServer]:
    """One of these, where it does not matter which."""
    return store_server(next(iter(binaries().values())), folder)


@contextmanager
def store_server(binary: str, folder: Path, *more: str) -> Iterator[StoreServer]:
    """A running server, stopped afterwards; ``more`` are options of its own."""
    port = free_port()
    options = ["--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    options += ["--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"]
    server = StoreServer([binary, *options, *more], port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
