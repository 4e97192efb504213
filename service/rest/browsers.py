"""What keeps pages of others, open in a browser, from using the service through it."""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from poselift.errors import PoseliftError
from service.addresses import hostname, is_loopback
from service.context import ServiceContext
from service.health import PROBES
from service.request_errors import ForeignOrigin, UnknownHost
from service.rest.errors import answer_to
from service.traces import TRACE_HEADERS

_METHODS = ("GET", "POST", "DELETE")
_SENT = (
    *("authorization", "x-api-key", "x-request-id", "request-timeout"),
    *("content-type", "content-disposition", *TRACE_HEADERS),
)
_READ = (
    *("retry-after", "content-disposition", "x-request-id", "x-session-id"),
    *("poselift-reader", "poselift-notes", "poselift-warnings"),
)
_ANY = "*"


def guard_browsers(app: FastAPI, context: ServiceContext) -> None:
    """Let pages of the allowed origins read answers, and those of no others ask."""
    if context.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=context.allowed_origins,
            allow_methods=_METHODS,
            allow_headers=_SENT,
            expose_headers=_READ,
        )
    app.add_middleware(
        BrowserMiddleware, origins=context.allowed_origins, hosts=context.allowed_hosts
    )


class BrowserMiddleware:
    """Refuses requests and WebSockets of pages of other origins, and of pages that lie about it.

    A page has the origin of the host that it was loaded from. One that has its name lead to this
    machine afterwards (DNS rebinding) would be of the same origin, so where ``hosts`` are given,
    requests must be for one of them or for a loopback name. Programs send no origin and are let
    through.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str], hosts: Sequence[str] | None) -> None:
        self._app = app
        self._origins = origins
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        headers = Headers(scope=scope)
        try:
            self._check_host(headers.get("host", ""), scope["path"])
            self._check_origin(headers)
        except PoseliftError as error:
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(answer_to(error))
            else:
                await answer_to(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_host(self, authority: str, path: str) -> None:
        host = hostname(authority)
        if self._hosts is None or host in self._hosts or is_loopback(host) or path in PROBES:
            return
        raise UnknownHost(
            f"asked for the host {host!r}, which POSELIFT_ALLOWED_HOSTS does not name"
        )

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get("origin")
        # Pages cannot set either header. Behind a proxy that changes the host, the first tells.
        if origin is None or headers.get("sec-fetch-site") == "same-origin":
            return
        of_same_host = origin.partition("://")[2] == headers.get("host", "").lower()
        if not (of_same_host or origin in self._origins or _ANY in self._origins):
            raise ForeignOrigin(
                f"pages of {origin} may not ask here; POSELIFT_ALLOWED_ORIGINS names those that may"
            )
