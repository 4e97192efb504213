"""What the unkind do, until they are killed: each function is the work of a process of its own.

They bring what they send with them, since making it takes PyTorch, which takes long to import.
"""

import asyncio
import resource
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import cycle

from bench.unkind.callers import UNKIND, Refused, head, lifted, session

ELSEWHERE = "127.0.0.2"
"""Where their connections come from."""
_ADDRESSES = 8
_LONG_S = 3_600


def hold_open(port: int, connections: int, firsts: Sequence[bytes]) -> None:
    """Open connections from several addresses, each of which sends a few bytes at most."""
    raise_descriptors()
    kept, said = [], cycle(firsts)
    for number in range(connections):
        address = f"127.0.1.{1 + number % _ADDRESSES}"
        with suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", port), 10, (address, 0))
            connection.sendall(next(said))
            kept.append(connection)
    time.sleep(_LONG_S)


def never_read(port: int, connections: int, body: bytes) -> None:
    """Ask for large answers and read none of them."""
    _keep(port, connections, lambda _: head(UNKIND, len(body)) + body)


def never_finish(port: int, connections: int) -> None:
    """Begin bodies."""
    _keep(port, connections, lambda number: head(UNKIND, 1_000_000 + number) + b"[" * 1000)


def send(port: int, connections: int, bodies: Sequence[bytes]) -> None:
    """Ask for clips to be lifted, each time as soon as the last was answered."""

    async def ask(number: int) -> None:
        while True:
            await lifted(port, UNKIND, bodies[number % len(bodies)], ELSEWHERE)

    async def all_of_them() -> None:
        await asyncio.gather(*map(ask, range(connections)))

    asyncio.run(all_of_them())


def reopen(port: int, names: Sequence[str]) -> None:
    """Resume sessions and drop them, each as soon as it was resumed."""

    async def resume(name: str) -> None:
        while True:
            with suppress(Refused):
                async with session(port, UNKIND, (), name):
                    pass

    async def all_of_them() -> None:
        await asyncio.gather(*map(resume, names))

    asyncio.run(all_of_them())


def raise_descriptors() -> None:
    """Have as many files open as there may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _keep(port: int, connections: int, said: Callable[[int], bytes]) -> None:
    kept = []
    for number in range(connections):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.bind((ELSEWHERE, 0))
        connection.connect(("127.0.0.1", port))
        kept.append(connection)
        with suppress(OSError):
            connection.sendall(said(number))
    time.sleep(_LONG_S)
