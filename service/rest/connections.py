"""Connections: how many there may be, and how long each may keep the service waiting.

uvicorn bounds neither the head of a request nor the time that a peer takes. Every second, each
connection is looked at:

================================  ==================================================
it waits for                      no longer than
================================  ==================================================
its TLS handshake                 ``head_s``
the head of its first request     ``head_s``; so for the next, once that has begun
another request                   ``idle_s``
the rest of a body that was       ``linger_s``
answered before it came
its answer to be read             ``unread_s`` without any of it being read
the rest of a WebSocket's message  as long as a body (``service.rest.bodies``)
================================  ==================================================

As the places for connections fill, peers get less time: a tenth of it where there are none left.
Connections that find none are told so, a few at a time, and have ``linger_s`` to read it; others
are ended at once; or the one that has waited longest gives way, where the limits say so. Bodies
that are still wanted are bounded in ``service.rest.bodies``.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import orjson
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from poselift.errors import PoseliftError
from service.body_memory import Lease
from service.error_table import kind_of
from service.intake import REFUSED_AFTER_S
from service.logs import REQUEST_ID, begin_request, log_other
from service.request_errors import DeadlineExceeded, Overloaded, TooLarge
from service.rest.bodies import PATIENCE_S, SLOWEST_BYTES_PER_S
from service.shares import Pool

ABORT = "abort"
"""The key in a scope's state of what ends the connection at once."""
IS_LOST = "is_lost"
"""That of what tells whether the connection ended before the answer did."""
SOCKET = "socket"
"""That of the ``SocketConnection``, of a WebSocket."""

_LARGEST_HEAD_BYTES = 64 * 1024
_LARGEST_DISCARDED_BYTES = 1024 * 1024
_MOST_PIPELINED = 16
_MOST_FRAGMENTS = 1024
"""Of a WebSocket's message: each takes memory, however short it is."""
_OVERHEAD_OF_BODY = 16
"""Bytes of framing for each byte of a chunked body: chunks of one byte take five."""
_SWEEP_S = 1.0
_SHORTEST = 0.1

_HEAD_TOO_LARGE = "the request's head is over 64 kB"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections there may be, and how long what may take, in seconds."""

    most: int = 4096
    most_refused: int = 64
    """How many more there may be that are told that there is no place."""
    gives_way: bool = False
    """Whether a new one has the place of the one that has kept the service waiting longest."""
    head_s: float = 10.0
    idle_s: float = 75.0
    linger_s: float = 5.0
    unread_s: float = 30.0
    closing_s: float = 2.0
    """How long an answer may stay unread once the server ends."""


class Peer(Protocol):
    """A connection as the sweep sees it."""

    transport: asyncio.Transport
    waits_s: float | None
    """How long the peer may keep it waiting now; None while it is the service's turn."""
    waits_since: float
    unread_since: float | None

    def end_late(self) -> None:
        """End it: it has waited for too long."""


class Connections:
    """All connections of one server."""

    def __init__(
        self,
        limits: ConnectionLimits,
        party_of: Callable[[str], str] = str,
        refused: Callable[[int], None] = lambda _: None,
        refusal: Callable[[Scope], Response | None] = lambda _: None,
    ) -> None:
        """``party_of`` tells who shares places with an address; ``refused`` counts by status.

        ``refusal`` is the answer to a request, by its head, that nothing is begun for.
        """
        self.limits = limits
        self.refused = refused
        self.refusal = refusal
        self._party_of = party_of
        self._pool = Pool("connections", limits.most)
        self._peers: dict[Peer, str | None] = {}
        """With whose place each has; None if it has none, and is told so."""
        self._refused = 0
        """How many have none."""
        self._unread_s = limits.unread_s

    def __contains__(self, peer: Peer) -> bool:
        return peer in self._peers

    @property
    def count(self) -> int:
        """How many there are, those that are told that there is no place included."""
        return len(self._peers)

    def enter(self, peer: Peer, address: str) -> bool:
        """Whether there is a place for one more from this address; the same where asked again.

        If there is none, and it is not counted either, it is to be ended at once.
        """
        if peer in self._peers:
            return self._peers[peer] is not None
        party = self._party_of(address)
        try:
            self._take_place(party)
        except Overloaded:
            self.refused(HTTPStatus.SERVICE_UNAVAILABLE)
            if self._refused < self.limits.most_refused:
                self._refused += 1
                self._peers[peer] = None
            return False
        self._peers[peer] = party
        return True

    def leave(self, peer: Peer) -> None:
        """A connection has ended; may be called again."""
        if peer not in self._peers:
            return
        party = self._peers.pop(peer)
        if party is None:
            self._refused -= 1
        else:
            self._pool.give_back(party)

    def replace(self, peer: Peer, successor: Peer) -> None:
        """A connection goes on as a WebSocket."""
        self._peers[successor] = self._peers.pop(peer)

    def end(self) -> None:
        """The server ends: who does not read holds it up no longer than ``closing_s``."""
        self._unread_s = min(self.limits.closing_s, self._unread_s)

    async def sweep(self) -> None:
        """End the connections that wait for too long, until cancelled."""
        now_s = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(min(_SWEEP_S, self._unread_s / 2))
            try:
                self._sweep(now_s())
            except Exception:  # whatever it was, there is a next time
                _log.exception("looking at connections failed")

    @property
    def handshake_s(self) -> float:
        """How long a TLS handshake may take that begins now."""
        return self.limits.head_s * self._patience

    @property
    def _patience(self) -> float:
        """The part of their time that peers have, as places fill."""
        free = 1 - self._pool.taken / self._pool.capacity
        return min(1.0, 2 * free + _SHORTEST)

    def _take_place(self, party: str) -> None:
        try:
            self._pool.take(party)
        except Overloaded:
            if not (self.limits.gives_way and self._end_longest()):
                raise
            self._pool.take(party)

    def _end_longest(self) -> bool:
        """End the connection that has kept the service waiting longest, if any does."""
        since = {
            peer: peer.waits_since if peer.unread_since is None else peer.unread_since
            for peer, party in self._peers.items()
            if party is not None and (peer.waits_s, peer.unread_since) != (None, None)
        }
        if not since:
            return False
        longest = min(since, key=since.__getitem__)
        longest.transport.abort()
        self.leave(longest)
        return True

    def _sweep(self, now: float) -> None:
        patience = self._patience
        for peer in list(self._peers):
            if peer.unread_since is not None and now - peer.unread_since > self._unread_s:
                peer.transport.abort()
            elif peer.waits_s is not None and now - peer.waits_since > peer.waits_s * patience:
                peer.end_late()


def _answer_at_once(answer: Response, cycle: Any) -> None:  # noqa: ANN401 - uvicorn's
    """Send an answer, for which nothing is waited, without a task of its own."""
    if cycle.transport.is_closing():
        return
    sending: Coroutine[Any, Any, None] = answer(cycle.scope, cycle.receive, cycle.send)
    with suppress(StopIteration):
        sending.send(None)
        raise AssertionError("it waits")


class _Refused(Exception):
    """Ends the parser."""


class _Counted(asyncio.Protocol):
    """What all connections do, in front of uvicorn's protocol of each kind."""

    _connections: Connections
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    client: tuple[str, int] | None
    waits_s: float | None = None
    waits_since: float = 0.0
    unread_since: float | None = None

    @property
    def address(self) -> str:
        """Of the other end; empty where it has none, as of a Unix socket."""
        return self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._connections.leave(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self.unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        self.unread_since = None
        super().resume_writing()

    def end_late(self) -> None:
        """See ``Peer``; at once if it was closed already and the rest is not read."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()


class HttpConnection(_Counted, HttpToolsProtocol):
    """One connection, which takes heads up to 64 kB."""

    def __init__(self, connections: Connections, **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(**options)
        self._connections = connections
        self._limits = connections.limits
        self._head_bytes = 0
        self._received = 0
        self._is_within = False
        self._is_refused = False
        self._refused_cycle: Any = None
        """The latest request that is refused by its head."""

    # The connection

    @property
    def is_made(self) -> bool:
        """Whether it began: ``connection_lost`` is called in the end."""
        return self.transport is not None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._wait(self._limits.head_s)
        if not self._connections.enter(self, self.address):
            self._refuse_place()

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._is_refused:
            self._discard(len(data))
            return
        if not self._is_within and self._received == 0:
            self._wait(self._limits.head_s)
        self._received += len(data)
        super().data_received(data)
        # What is no body by now is head, trailer or framing, which may be without end.
        if self._received > _LARGEST_HEAD_BYTES and not self._is_refused:
            self._refuse(431, _HEAD_TOO_LARGE)

    def handle_websocket_upgrade(self) -> None:
        """See ``HttpToolsProtocol``."""
        super().handle_websocket_upgrade()
        successor = self.transport.get_protocol()
        assert isinstance(successor, SocketConnection)
        self._connections.replace(self, successor)

    # Requests

    def on_message_begin(self) -> None:
        """See ``HttpToolsProtocol``."""
        super().on_message_begin()
        self._is_within, self._head_bytes = True, 0
        self.scope["state"] |= {ABORT: self.transport.abort, IS_LOST: self._is_lost}

    def on_url(self, url: bytes) -> None:
        """See ``HttpToolsProtocol``."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """See ``HttpToolsProtocol``; called for trailers too."""
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """See ``HttpToolsProtocol``."""
        if len(self.pipeline) >= _MOST_PIPELINED:
            raise _Refused
        self.waits_s, self._received = None, 0
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:  # noqa: ANN401 - uvicorn's
        """See ``HttpToolsProtocol``: begin a request, or refuse it here and now."""
        # Behind answers that were not read yet it might have to wait.
        is_read = self.transport.get_write_buffer_size() == 0
        refusal = self._connections.refusal(cycle.scope) if is_read else None
        if refusal is None:
            super()._start_asgi_task(cycle, app)
        else:
            self._refused_cycle = cycle
            self.loop.call_later(REFUSED_AFTER_S, _answer_at_once, refusal, cycle)

    def on_body(self, body: bytes) -> None:
        """See ``HttpToolsProtocol``; what is refused has nothing kept."""
        if self.cycle is not self._refused_cycle:
            super().on_body(body)
        self._received -= min(self._received, _OVERHEAD_OF_BODY * len(body))

    def on_message_complete(self) -> None:
        """See ``HttpToolsProtocol``."""
        super().on_message_complete()
        self._is_within, self._received = False, 0
        if self.cycle is None or self.cycle.response_complete:
            self._wait(self._limits.idle_s)

    def on_response_complete(self) -> None:
        """See ``HttpToolsProtocol``."""
        super().on_response_complete()
        self._unset_keepalive_if_required()  # it is not set again by what comes late of a body
        if self.cycle.response_complete:
            self._wait(self._patience())

    def shutdown(self) -> None:
        """See ``HttpToolsProtocol``: the server ends."""
        super().shutdown()
        if self.transport.is_closing():
            self._wait(self._limits.closing_s)

    def send_400_response(self, msg: str) -> None:
        """See ``HttpToolsProtocol``; called for whatever could not be parsed."""
        if self._head_bytes > _LARGEST_HEAD_BYTES:
            self._refuse(431, _HEAD_TOO_LARGE)
        else:
            self._refuse(400, msg)

    def _patience(self) -> float:
        """How long to wait, after an answer, for what is to come."""
        if self.cycle.more_body:
            return self._limits.linger_s
        # The next head may have begun right behind the request that was answered.
        return self._limits.head_s if self._is_within else self._limits.idle_s

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > _LARGEST_HEAD_BYTES:
            raise _Refused

    def _discard(self, size: int) -> None:
        """What comes after a refusal, of which a little may have been on its way."""
        self._received += size
        if self._received > _LARGEST_DISCARDED_BYTES:
            self.transport.abort()

    def _is_lost(self) -> bool:
        cycle = self.cycle
        is_closing = self.transport.is_closing() and not cycle.response_complete
        return is_closing or cycle.disconnected

    def _wait(self, seconds: float) -> None:
        self.waits_s, self.waits_since = seconds, self.loop.time()

    def _refuse_place(self) -> None:
        """There is no place for this connection."""
        self._is_refused = True
        if self in self._connections:
            self._answer(503, "too many connections")
        else:
            self.transport.abort()

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what cannot be read; what else comes is not read."""
        self._is_refused = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an answer now would be taken for that of the one before
            return
        self._connections.refused(status)
        self._answer(status, detail)

    def _answer(self, status: int, detail: str) -> None:
        """Answer in place of an application, and wait for the end."""
        title = HTTPStatus(status).phrase
        body = orjson.dumps(
            {"type": "about:blank", "title": title, "status": status, "detail": detail}
        )
        head = (
            f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n"
            f"{REQUEST_ID}: {begin_request(None)}\r\n\r\n"
        )
        log_other("http", status, 0.0, self.address)
        self.transport.write(head.encode() + body)
        # Closed now, with bytes that have come and were not read, it would take the answer along.
        with suppress(OSError, NotImplementedError):
            self.transport.write_eof()
        self._wait(self._limits.linger_s)


class SocketConnection(_Counted, WebSocketsSansIOProtocol):
    """One WebSocket, in the place of the connection that it was asked for on.

    What it holds of messages that the application has not taken is bounded in size, in time and in
    fragments, and by a lease once there is one.
    """

    def __init__(self, connections: Connections, **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(**options)
        self._connections = connections
        self.lease: Lease | None = None
        self.came_at = 0.0
        """When the messages had come that can be taken: nothing is read while there are any."""
        self.failure: PoseliftError | None = None
        """Why the service has closed it, where the application has yet to learn that."""

    def message_taken(self) -> None:
        """The application has taken a message: it is not held here any more."""
        if self.lease is not None:
            self.lease.give_back()
        self._look_at_rest()

    def handle_connect(self, event: Request) -> None:
        """See ``WebSocketsSansIOProtocol``."""
        super().handle_connect(event)
        status = self.response.status_code
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            self.scope["state"][SOCKET] = self
        else:  # it was no handshake, and no application sees it
            self._connections.refused(status)
            begin_request(event.headers.get(REQUEST_ID))
            log_other("websocket", status, 0.0, self.address)

    def handle_cont(self, event: Frame) -> None:
        """See ``WebSocketsSansIOProtocol``."""
        super().handle_cont(event)
        if len(self.frames) > _MOST_FRAGMENTS:
            self._fail(TooLarge(f"a message has more than {_MOST_FRAGMENTS} fragments"))

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self.came_at = time.perf_counter()
        super().data_received(data)
        self._look_at_rest()

    def end_late(self) -> None:
        """See ``Peer``: the rest of a message did not come."""
        if self.close_sent:
            super().end_late()
        else:
            self._fail(DeadlineExceeded("a message came too slowly"))

    def _look_at_rest(self) -> None:
        """Bound what there is of a message that is not whole, while more of it is read."""
        held_bytes = len(self.conn.reader.buffer) + sum(map(len, self.frames))
        if not held_bytes or self.read_paused:
            self.waits_s = None
            return
        if self.waits_s is None:
            self.waits_since = self.loop.time()
        self.waits_s = PATIENCE_S + held_bytes / SLOWEST_BYTES_PER_S
        if self.lease is not None:
            try:
                self.lease.extend(held_bytes)
            except PoseliftError as error:
                self._fail(error)

    def _fail(self, error: PoseliftError) -> None:
        """Close it as the application would."""
        if self.close_sent:
            return
        self.failure = error
        code, reason = kind_of(error).close_code, f"{kind_of(error).type}: {error.detail}"
        self.conn.fail(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = self.disconnected = True
        self.frames = []
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        # Closed now, with bytes that have come and were not read, it would take the reason along.
        linger_s = self._connections.limits.linger_s
        self.close_timer = self.loop.call_later(linger_s, self.transport.close)

    async def send(self, message: Any) -> None:  # noqa: ANN401 - uvicorn's
        """See ``WebSocketsSansIOProtocol``, which takes a refusal for an answer that is missing."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True
