"""The WebSocket at /v1/stream: a live session's frames and poses, in JSON or protobuf."""

import logging

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from poselift.errors import PoseliftError
from service.context import ServiceContext
from service.error_table import kind_of, shortened
from service.gate import gate, presented_key
from service.wire.live_json import LIVE_JSON
from service.wire.live_messages import LiveCodec
from service.wire.live_protobuf import LIVE_PROTOBUF
from service.wire.streaming import LiveStream, Pipe

_OK = 1000
_OURS = 4000
"""Close codes from here on are this plus the HTTP status of the same error."""
_LONGEST_REASON_BYTES = 120

_log = logging.getLogger(__name__)


class StreamEndpoint:
    """The same messages as gRPC's LiftStream, one a WebSocket message."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def router(self) -> APIRouter:
        """The route to this endpoint."""
        router = APIRouter()
        router.add_api_websocket_route("/v1/stream", self.stream)
        return router

    async def stream(self, socket: WebSocket) -> None:
        """Serve one stream; errors close it with 4000 + the status that HTTP has for them."""
        codec = _codec(socket)
        await socket.accept(subprotocol=codec.subprotocol if _offered(socket) else None)
        key = presented_key(socket.headers.get("authorization"), socket.headers.get("x-api-key"))
        try:
            with gate(self._context, "websocket", "lift_stream", key):
                await LiveStream(self._context.live, codec, self._pipe(socket, codec), key).run()
            await _close(socket, _OK, "")
        except WebSocketDisconnect:
            return
        except PoseliftError as error:
            kind = kind_of(error)
            await _close(socket, _OURS + kind.http_status, f"{kind.type}: {error.detail}")
        except Exception:
            _log.exception("a stream failed")
            await _close(socket, _OURS + 500, "something went wrong inside the service")

    def _pipe(self, socket: WebSocket, codec: LiveCodec) -> Pipe:
        async def receive() -> bytes | None:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            content: bytes = message["bytes"] if text is None else text.encode()
            return content

        async def send(content: bytes) -> None:
            if codec.is_text:
                await socket.send_text(content.decode())
            else:
                await socket.send_bytes(content)

        return Pipe(receive, send, self._context.slow_reader_s)


def _offered(socket: WebSocket) -> list[str]:
    """The subprotocols that the client offers and we know."""
    known = {LIVE_JSON.subprotocol, LIVE_PROTOBUF.subprotocol}
    return [name for name in socket.scope.get("subprotocols", ()) if name in known]


def _codec(socket: WebSocket) -> LiveCodec:
    """The first that the client offers; JSON where it offers none."""
    if _offered(socket)[:1] == [LIVE_PROTOBUF.subprotocol]:
        return LIVE_PROTOBUF
    return LIVE_JSON


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    if socket.client_state is WebSocketState.CONNECTED:
        text = shortened(reason).encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore")
        await socket.close(code, text)
