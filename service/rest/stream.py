"""The WebSocket at /v1/stream: a live session's frames and poses, in any wire format."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.routing import WebSocketRoute
from starlette.types import Message, Receive, Scope, Send

from service.admission import Caller, CallerLeft, admitted, key_in_subprotocols
from service.body_memory import MemoryBudget
from service.context import ServiceContext
from service.error_table import kind_of, shortened, told
from service.handlers.live_stream import LARGEST_MESSAGE_BYTES, LiveStream
from service.rest.connections import SOCKET, SocketConnection
from service.rest.middleware import address_in, key_in

_OK = 1000
_ANY_FORMAT = "poselift"
"""The subprotocol of clients who leave the wire format to the service."""
_LONGEST_REASON_BYTES = 120

_log = logging.getLogger(__name__)


def stream_route(context: ServiceContext) -> WebSocketRoute:
    """The route to the stream."""
    return WebSocketRoute("/v1/stream", StreamEndpoint(context))


class StreamEndpoint:
    """The same messages as gRPC's LiftStream, one a WebSocket message.

    The socket is opened before admission: only then does a client learn the code with which it is
    closed.
    """

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        # The socket refuses messages that are larger; their fragments have heads, which count too.
        self._budget = MemoryBudget(2 * LARGEST_MESSAGE_BYTES, context.shares.body_bytes)
        self._formats = {_ANY_FORMAT: context.formats[0]}
        self._formats |= {each.subprotocol: each for each in context.formats}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one stream; errors close it with 4000 + the status that HTTP has for them."""
        offered = scope.get("subprotocols", ())
        # Never the one with a key: what is answered may be logged on the way.
        subprotocol = next((name for name in offered if name in self._formats), None)
        wire_format = self._formats[subprotocol or _ANY_FORMAT]
        api_key = key_in(scope) or key_in_subprotocols(offered)
        address = address_in(scope, self._context.trusted_proxies)
        socket: SocketConnection = scope["state"][SOCKET]
        channel = SocketChannel(socket, receive, send, wire_format.is_text)
        await channel.open(subprotocol)
        try:
            with (
                admitted(
                    self._context, "websocket", "lift_stream", api_key, address=address
                ) as request,
                self._leased(socket, request.caller),
            ):
                await LiveStream(self._context, wire_format, channel, request).run()
            await channel.close(_OK, "")
        except CallerLeft:
            return
        except Exception as error:
            await channel.close(kind_of(error).close_code, _reason(error))

    @contextmanager
    def _leased(self, socket: SocketConnection, caller: Caller) -> Iterator[None]:
        """Have the caller's part of memory bound what comes of messages."""
        with self._budget.lease(caller.party, caller.quotas.bytes_in_flight) as lease:
            socket.lease = lease
            try:
                yield
            finally:
                socket.lease = None


class SocketChannel:
    """A stream's messages as those of a WebSocket."""

    def __init__(
        self, socket: SocketConnection, receive: Receive, send: Send, is_text: bool
    ) -> None:
        self._socket = socket
        self._is_text = is_text
        self._receive = receive
        self._send = send
        self._is_open = False

    async def open(self, subprotocol: str | None) -> None:
        """Accept the client."""
        await self._receive()  # "websocket.connect"
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
        self._is_open = True

    @property
    def came_at(self) -> float:
        """See ``Channel``."""
        return self._socket.came_at

    async def receive(self) -> bytes | None:
        """The client's next message; None once it has left.

        Raises:
            DeadlineExceeded, Overloaded, TooLarge: it does not end, and the socket is closed.
        """
        message = await self._receive()
        self._socket.message_taken()
        if message["type"] == "websocket.disconnect":
            self._is_open = False
            if self._socket.failure is not None:
                raise self._socket.failure
            return None
        text: str | None = message.get("text")
        content: bytes = message["bytes"] if text is None else text.encode()
        return content

    async def send(self, content: bytes) -> None:
        """Send a message.

        Raises:
            CallerLeft: the client has.
        """
        message: Message = {"type": "websocket.send"}
        if self._is_text:
            message["text"] = content.decode()
        else:
            message["bytes"] = content
        try:
            await self._send(message)
        except OSError:
            self._is_open = False
            raise CallerLeft from None

    async def close(self, code: int, reason: str) -> None:
        """Close it, if the client has not."""
        if self._is_open:
            text = shortened(reason).encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore")
            with suppress(OSError):  # the client closes it just now
                await self._send({"type": "websocket.close", "code": code, "reason": text})


def _reason(error: Exception) -> str:
    known = told(error)
    if known is error:
        return f"{kind_of(known).type}: {known.detail}"
    _log.error("a stream failed", exc_info=error)
    return known.detail
