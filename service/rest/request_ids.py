"""The ids of request and session, in the headers of each answer; and answers of no operation."""

import time
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.context import ServiceContext
from service.logs import REQUEST_ID, begin_request, id_headers, is_told, log_other
from service.rest.middleware import address_in
from service.traces import continue_trace

_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIdMiddleware:
    """Takes a request's id, or gives it one; tells of it where no operation has."""

    def __init__(self, app: ASGIApp, context: ServiceContext) -> None:
        self._app = app
        self._context = context

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

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        if status >= HTTPStatus.BAD_REQUEST:
            self._context.metrics.request_unread(status)
        address = address_in(scope, self._context.trusted_proxies)
        log_other(scope["type"], status, seconds, address)
