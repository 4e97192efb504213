"""Connections of unkind callers: bounded in number, in time and in what they may send."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
import uvicorn
import websockets
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.addresses import network_of
from service.admission import CallerLeft
from service.rest.connections import (
    SOCKET,
    ConnectionLimits,
    Connections,
    HttpConnection,
    SocketConnection,
)
from service.rest.errors import ErrorMiddleware
from service.rest.stream import SocketChannel

REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
LARGE = 32 * 1024 * 1024

Refusal = Callable[[Scope], Response | None]


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once; ``/large`` with more than any buffer takes."""
    size = LARGE if scope["path"] == "/large" else 2
    headers = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(size)})


@asynccontextmanager
async def serving(
    limits: ConnectionLimits, app: ASGIApp = answer, refusal: Refusal = lambda _: None
) -> AsyncIterator[int]:
    """An HTTP server with these limits; its port."""
    async with served(Connections(limits, refusal=refusal), app) as port:
        yield port


@asynccontextmanager
async def served(connections: Connections, app: ASGIApp = answer) -> AsyncIterator[int]:
    """An HTTP server of these connections; its port."""
    protocols: Any = {
        "http": partial(HttpConnection, connections),
        "ws": partial(SocketConnection, connections),
    }
    config = uvicorn.Config(app, **protocols, port=0, lifespan="off", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    sweeping = asyncio.create_task(connections.sweep())
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        sweeping.cancel()
        await server.shutdown()


async def exchanged(port: int, *sent: bytes) -> bytes:
    """All that comes until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(60):
            for part in sent:
                writer.write(part)
                await writer.drain()
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000,
        b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000,
        b"GET /" + b"y" * 100_000,
    ],
)
async def test_heads_are_bounded(head: bytes) -> None:
    async with serving(ConnectionLimits()) as port:
        assert (await exchanged(port, head)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nx: ", REQUEST + b"GET /"])
async def test_heads_must_come_in_time(sent: bytes) -> None:
    async with serving(ConnectionLimits(head_s=0.2)) as port:
        assert (await exchanged(port, sent)).startswith(b"HTTP/1.1 200 " if len(sent) > 20 else b"")


async def test_idle_connections_are_closed() -> None:
    async with serving(ConnectionLimits(idle_s=0.2)) as port:
        assert (await exchanged(port, REQUEST)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("asked", "answered"), [(17, 17), (18, 0)])
async def test_requests_that_wait_for_others_on_their_connection_are_bounded(
    asked: int, answered: int
) -> None:
    async with serving(ConnectionLimits(idle_s=0.2)) as port:
        assert (await exchanged(port, REQUEST * asked)).count(b"HTTP/1.1 200 ") == answered


async def test_answers_must_be_read() -> None:
    async with serving(ConnectionLimits(unread_s=0.2)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
        async with asyncio.timeout(60):
            await asyncio.sleep(2)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(LARGE)
        writer.close()


@pytest.mark.parametrize(("error", "told"), [(CallerLeft(), 0), (RuntimeError("broken"), 1)])
async def test_an_answer_that_cannot_be_finished_ends_its_connection(
    error: Exception, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def begin(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise error

    async with serving(ConnectionLimits(), ErrorMiddleware(begin)) as port:
        answered = await exchanged(port, REQUEST)
    assert answered.count(b"HTTP/1.1") <= 1
    assert [record.message for record in caplog.records] == ["a request failed"] * told


def refuse_posts(scope: Scope) -> Response | None:
    """Refuses some requests by their head."""
    return Response(b"no", 429) if scope["method"] == "POST" else None


def _post(framing: bytes, body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nhost: a\r\n" + framing + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "refused",
    [
        _post(b"content-length: 0", b""),
        _post(b"content-length: 3", b"abc"),
        _post(b"transfer-encoding: chunked", b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
        _post(b"content-length: 300000\r\nexpect: 100-continue", b"x" * 300_000),
    ],
    ids=["no body", "a body", "chunks", "a large body"],
)
async def test_a_connection_goes_on_after_a_refusal(refused: bytes) -> None:
    async with serving(ConnectionLimits(idle_s=0.3), refusal=refuse_posts) as port:
        # In one piece, and in pieces.
        for sent in ([refused + REQUEST + refused], [refused[:40], refused[40:], REQUEST, refused]):
            answers = (await exchanged(port, *sent)).split(b"HTTP/1.1 ")[1:]
            assert [int(each[:3]) for each in answers] == [429, 200, 429]


async def test_the_body_of_a_refused_request_must_come_in_time() -> None:
    async with serving(ConnectionLimits(linger_s=0.2, idle_s=60), refusal=refuse_posts) as port:
        sent = _post(b"content-length: 10", b"a")
        assert (await exchanged(port, sent)).startswith(b"HTTP/1.1 429 ")


async def test_a_refusal_ends_a_connection_that_asks_for_it() -> None:
    async with serving(ConnectionLimits(idle_s=60), refusal=refuse_posts) as port:
        for sent in (_post(b"connection: close", b""), b"POST / HTTP/1.0\r\n\r\n"):
            assert (await exchanged(port, sent)).startswith(b"HTTP/1.1 429 ")


async def test_the_body_of_a_refused_request_is_not_kept() -> None:
    connections = Connections(ConnectionLimits(), refusal=refuse_posts)
    async with served(connections) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_post(b"content-length: 60000", bytes(50_000)))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 429 ")
        (peer,) = connections._peers
        assert isinstance(peer, HttpConnection)
        assert not peer.cycle.body
        writer.close()


class Silent:
    """A peer that is only counted."""

    transport: asyncio.Transport
    waits_s: float | None = None
    waits_since = 0.0
    unread_since: float | None = None


def test_the_last_places_go_to_those_who_have_few() -> None:
    """A whole IPv6 network counts as one caller, however many addresses it asks from."""
    connections = Connections(ConnectionLimits(most=64), network_of)
    peers = [Silent() for _ in range(64)]
    let_in = [
        connections.enter(peer, f"2001:db8:1:2::{number:x}") for number, peer in enumerate(peers)
    ]
    assert let_in == [True] * 56 + [False] * 8
    assert connections.enter(Silent(), "2001:db8:1:3::1")
    assert connections.enter(Silent(), "203.0.113.7")
    for peer in peers:
        connections.leave(peer)
    assert connections.enter(Silent(), "2001:db8:1:2::1")


async def test_a_server_that_is_full_says_so() -> None:
    async with serving(ConnectionLimits(most=1)) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(60):
            while not (await exchanged(port, REQUEST)).startswith(b"HTTP/1.1 503 "):
                pass
        writer.close()


async def test_who_waited_longest_gives_way_where_limits_say_so() -> None:
    requested, answering = asyncio.Semaphore(0), asyncio.Event()

    async def answer_late(scope: Scope, receive: Receive, send: Send) -> None:
        requested.release()
        await answering.wait()
        await answer(scope, receive, send)

    async with asyncio.timeout(60), AsyncExitStack() as held:
        limits = ConnectionLimits(most=2, gives_way=True)
        port = await held.enter_async_context(serving(limits, answer_late))
        busy = asyncio.create_task(exchanged(port, REQUEST.replace(b"1.1", b"1.0")))
        await requested.acquire()
        silent = asyncio.create_task(exchanged(port))
        latest = asyncio.create_task(exchanged(port, REQUEST.replace(b"1.1", b"1.0")))
        assert await silent == b""
        await requested.acquire()
        # There is no one left to wait for.
        assert (await exchanged(port)).startswith(b"HTTP/1.1 503 ")
        answering.set()
        for answered in (busy, latest):
            assert (await answered).startswith(b"HTTP/1.1 200 ")


def test_connections_without_a_place_are_counted_and_bounded() -> None:
    refused = Counter[int]()
    limits = ConnectionLimits(most=1, most_refused=2)
    connections = Connections(limits, refused=lambda status: refused.update([status]))
    peers = [Silent() for _ in range(8)]
    assert [connections.enter(peer, "") for peer in peers] == [True] + [False] * 7
    assert [peer in connections for peer in peers] == [True] * 3 + [False] * 5
    assert (connections.count, refused) == (3, {503: 7})
    for peer in peers:
        connections.leave(peer)
    assert connections.count == 0
    assert connections.enter(peers[0], "")


@pytest.mark.parametrize("most_refused", [0, 1])
async def test_connections_without_a_place_are_ended(most_refused: int) -> None:
    """They do not end by themselves."""
    limits = ConnectionLimits(most=1, most_refused=most_refused, head_s=600)
    async with serving(limits) as port, asyncio.timeout(60):
        _, holder = await asyncio.open_connection("127.0.0.1", port)
        _, refused = await asyncio.open_connection("127.0.0.1", port)
        await _until_ended(refused)
        holder.close()
        refused.close()


async def _until_ended(writer: asyncio.StreamWriter) -> None:
    """Wait until the other end of a connection is closed, not its half alone."""
    with suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)


async def measure(scope: Scope, receive: Receive, send: Send) -> None:
    """A WebSocket that answers each message with its size, after a moment."""
    channel = SocketChannel(scope["state"][SOCKET], receive, send, is_text=False)
    await channel.open(None)
    while (message := await channel.receive()) is not None:
        await asyncio.sleep(0.01)
        await channel.send(str(len(message)).encode())


@asynccontextmanager
async def socket_to(port: int) -> AsyncIterator[websockets.ClientConnection]:
    async with websockets.connect(f"ws://127.0.0.1:{port}", open_timeout=60) as socket:
        yield socket


async def test_messages_that_are_not_finished_end_their_sockets() -> None:
    """Where the last place is taken, after a tenth of the usual time."""
    async with (
        serving(ConnectionLimits(most=1, linger_s=0.2), measure) as port,
        socket_to(port) as socket,
    ):
        await socket.send(b"x" * 100_000)
        assert await socket.recv() == b"100000"
        await asyncio.sleep(1.5)  # any time may pass between whole ones
        socket.transport.write(begun_message(1_000_000) + b"x" * 10)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4504
    assert "a message came too slowly" in closed.value.rcvd.reason


def begun_message(size: int) -> bytes:
    """The head of a binary message of so many bytes, masked with zeros."""
    return b"\x82\xff" + size.to_bytes(8, "big") + bytes(4)


async def test_fragments_of_a_message_are_bounded() -> None:
    async with serving(ConnectionLimits(linger_s=0.2), measure) as port, socket_to(port) as socket:
        await socket.send([b"x"] * 1_000)
        assert await socket.recv() == b"1000"
        with suppress(websockets.ConnectionClosed):
            await socket.send([b""] * 10_000)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4413
