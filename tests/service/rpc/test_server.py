"""Connections to a gRPC server: how long they may say nothing, how old they get, what they may ask.

The peers here speak HTTP/2 by themselves: gRPC's own would answer whatever the server sends.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc.aio
import pytest

from service.rpc import server

SETTINGS, PING, GOAWAY = 4, 6, 7
ACK = 1
MOST_STREAMS = 3
"""The setting MAX_CONCURRENT_STREAMS."""
WITHIN_S = 50
"""gRPC's own limits are a minute and more."""


def framed(kind: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, 0, 0, 0, 0, 0]) + payload


GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + framed(SETTINGS)


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    payload: bytes


class Peer:
    """A connection that does what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, sent: bytes) -> None:
        self._writer.write(sent)

    async def frame(self, kind: int) -> Frame:
        """The next frame of a kind."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                head = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                if head[3] == kind:
                    return Frame(kind, head[4], payload)

    async def end(self) -> None:
        """Wait until the server has ended the connection."""
        async with asyncio.timeout(WITHIN_S):
            while await self._reader.read(1_000):
                pass


@asynccontextmanager
async def connected(keep_alive_s: float = 1_000) -> AsyncIterator[Peer]:
    """A connection to a server with the service's options."""
    options = server.connection_options(1_000_000, 16, keep_alive_s)
    serving = grpc.aio.server(options=options)
    port = serving.add_insecure_port("127.0.0.1:0")
    await serving.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()
        await serving.stop(0)


async def test_who_does_not_greet_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HANDSHAKE_MS", 200)
    async with connected() as peer:
        await peer.end()


async def test_who_does_not_answer_a_ping_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PING_MS", 200)
    monkeypatch.setattr(server, "_PONG_MS", 200)
    async with connected() as peer:
        peer.send(GREETING)
        assert (await peer.frame(PING)).flags != ACK
        await peer.end()


async def test_old_connections_are_to_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_AGE_MS", 200)
    async with connected() as peer:
        peer.send(GREETING)
        assert b"max_age" in (await peer.frame(GOAWAY)).payload


async def test_idle_connections_are_closed() -> None:
    async with connected(keep_alive_s=0.2) as peer:
        peer.send(GREETING)
        assert b"idle" in (await peer.frame(GOAWAY)).payload
        await peer.end()


async def test_clients_may_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC ends connections on which pings come too often, of which it has an idea of its own."""
    monkeypatch.setattr(server, "_PINGS_OF_CLIENTS_MS", 20)
    async with connected() as peer:
        peer.send(GREETING)
        for number in range(8):
            peer.send(framed(PING, bytes([number] * 8)))
            assert await peer.frame(PING) == Frame(PING, ACK, bytes([number] * 8))
            await asyncio.sleep(0.04)


async def test_calls_on_one_connection_are_bounded() -> None:
    async with connected() as peer:
        peer.send(GREETING)
        told = (await peer.frame(SETTINGS)).payload
        assert dict(struct.iter_unpack(">HI", told))[MOST_STREAMS] == server._MOST_STREAMS
