"""Requests of a live session, passed on to the worker whose it is.

They may come to any of several workers, and the session would change hands with each. So its id
says whose it is; that worker does all there is to do, and the one asked passes bytes on.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

import h11
import orjson
from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.addresses import Network
from service.error_table import PROBLEM_TYPE, problem, told
from service.request_errors import Unavailable
from service.rest.connections import ABORT
from service.rest.middleware import address_in
from service.siblings import Siblings

_SESSION = re.compile(r"/v1/sessions/([^/]+)(/frames)?")
_PIECE_BYTES = 64 * 1024
_OF_CONNECTION = {b"connection", b"keep-alive", b"expect", b"upgrade", b"te"}
_TOLD_ANEW = {b"x-forwarded-for", b"x-forwarded-proto"}


class Relays:
    """Serves what is for this worker, and passes the rest on."""

    def __init__(
        self, app: ASGIApp, siblings: Siblings, trusted_proxies: tuple[Network, ...]
    ) -> None:
        self._app = app
        self._siblings = siblings
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        found = _SESSION.fullmatch(scope["path"]) if scope["type"] == "http" else None
        whose = self._siblings.number if found is None else self._siblings.whose(found[1])
        if whose != self._siblings.number:
            with suppress(OSError):  # it is being started again: the session is taken over here
                path = str(self._siblings.requests_path(whose))
                reader, writer = await asyncio.open_unix_connection(path)
                try:
                    request = _request(scope, address_in(scope, self._trusted_proxies))
                    await _Relay(reader, writer).pass_on(request, scope, receive, send)
                finally:
                    writer.close()
                return
        await self._app(scope, receive, send)


class _Relay:
    """One request on its way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._has_begun = False

    async def pass_on(
        self, request: h11.Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on, and its answer back."""
        asking = asyncio.create_task(self._ask(request, receive))
        try:
            await self._answer(send)
        except (OSError, h11.RemoteProtocolError):
            if self._has_begun:
                scope["state"][ABORT]()
                return
            gone = problem(
                told(Unavailable("the worker with this session ended")), with_status=True
            )
            response = Response(orjson.dumps(gone), gone["status"], media_type=PROBLEM_TYPE)
            await response(scope, receive, send)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self, request: h11.Request, receive: Receive) -> None:
        """Send the request, and end the connection once the caller has left."""
        await self._write(request)
        while (event := await receive())["type"] == "http.request":
            if body := event.get("body"):
                await self._write(h11.Data(body))
            if not event.get("more_body"):
                await self._write(h11.EndOfMessage())
        self._writer.close()

    async def _write(self, event: h11.Event) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def _answer(self, send: Send) -> None:
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                self._has_begun = True
                headers = list(_kept(event.headers.raw_items(), {b"transfer-encoding"}))
                start = {"status": event.status_code, "headers": headers}
                await send({"type": "http.response.start", **start})
            elif isinstance(event, h11.Data):
                body = bytes(event.data)
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_PIECE_BYTES))
        return event


def _request(scope: Scope, address: str) -> h11.Request:
    """The same request, which tells whom it is from."""
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    headers = [
        *_kept(scope["headers"], _TOLD_ANEW),
        (b"x-forwarded-for", address.encode()),
        (b"x-forwarded-proto", scope["scheme"].encode()),
        (b"connection", b"close"),
    ]
    if not any(name == b"host" for name, _ in headers):  # as in HTTP/1.0
        headers.append((b"host", b""))
    return h11.Request(method=scope["method"], target=target, headers=headers)


def _kept(
    headers: Iterable[tuple[bytes, bytes]], besides: set[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    left_out = _OF_CONNECTION | besides
    return ((name, value) for name, value in headers if name.lower() not in left_out)
