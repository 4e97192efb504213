"""The ids of request and session, in the headers of each answer; and answers of no operation."""

import time
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.context import ServiceContext
from service.health import PROBES
from service.logs import REQUEST_ID, begin_request, id_headers, is_told, log_other
from service.rest.middleware import address_in
from service.traces import continue_trace

_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIdMiddleware:
    """Takes a request's id, or gives it one."""

    def __init__(
        self, app: ASGIApp, tell: Callable[[Scope, int, float], None] = lambda *_: None
    ) -> None:
        """``tell`` is told of requests that no operation told of: status, 0 for none, and time."""
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        headers = Headers(scope=scope)
        begin_request(headers.get(REQUEST_ID))
        continue_trace(headers)
        began, status = time.perf_counter(), 0

        async def send_with_ids(message: Message) -> None:
            nonlocal status
            if message["type"] in _STARTS:
                status = message.get("status", HTTPStatus.SWITCHING_PROTOCOLS)
                ours = [(name.encode(), value.encode()) for name, value in id_headers()]
                message = {**message, "headers": [*message.get("headers", ()), *ours]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_ids)
        finally:
            if not is_told():
                self._tell(scope, status, time.perf_counter() - began)


def tell_of_other(context: ServiceContext, scope: Scope, status: int, seconds: float) -> None:
    """Log a request that no operation told of, and count it if it was refused."""
    is_down = status >= HTTPStatus.INTERNAL_SERVER_ERROR and scope["path"] in PROBES
    if status >= HTTPStatus.BAD_REQUEST and not is_down:
        context.metrics.request_unread(status)
    log_other(scope["type"], status, seconds, address_in(scope, context.trusted_proxies))
