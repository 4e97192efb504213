"""The ids of request and session, in the headers of each answer."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.logs import REQUEST_ID, begin_request, id_headers
from service.traces import continue_trace

_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIdMiddleware:
    """Takes a request's id, or gives it one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        headers = Headers(scope=scope)
        begin_request(headers.get(REQUEST_ID))
        continue_trace(headers)

        async def send_with_ids(message: Message) -> None:
            if message["type"] in _STARTS:
                ours = [(name.encode(), value.encode()) for name, value in id_headers()]
                message = {**message, "headers": [*message.get("headers", ()), *ours]}
            await send(message)

        await self._app(scope, receive, send_with_ids)
