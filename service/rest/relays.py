"""Requests that another worker is better placed for, passed on to it.

Those of a live session may come to any of several workers, and the session would change hands with
each. So its id says whose it is. Clips come to the worker that has the caller's connection; where
another one has clearly less work they are passed on, and from there no further. That worker does
all there is to do, and the one asked passes bytes on.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import h11
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poselift.errors import InvalidInput
from service.context import ServiceContext
from service.logs import REQUEST_ID, begin_request, log_other
from service.request_errors import DeadlineExceeded, Unavailable
from service.rest.connections import ABORT
from service.rest.errors import answer_to
from service.rest.lift import LIFT_PATH
from service.rest.middleware import address_in, declared_size, timeout_in
from service.siblings import Siblings

_SESSION = re.compile(r"/v1/sessions/([^/]+)(/frames)?")
_PIECE_BYTES = 64 * 1024
_GRACE_S = 0.5
"""For the other worker to say that the time is over, and to count that."""
_SILENT_S = 10.0
"""How long it may be silent in the middle of an answer, which was whole when it began."""
_OF_CONNECTION = {b"connection", b"keep-alive", b"expect", b"upgrade", b"te"}
_TOLD_ANEW = {b"x-forwarded-for", b"x-forwarded-proto"}


class Relays:
    """Serves what is for this worker, and passes the rest on."""

    def __init__(self, app: ASGIApp, context: ServiceContext, siblings: Siblings) -> None:
        self._app = app
        self._context = context
        self._siblings = siblings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        if scope["type"] == "http":
            if (scope["method"], scope["path"]) == ("POST", LIFT_PATH):
                await self._lift(scope, receive, send)
                return
            if found := _SESSION.fullmatch(scope["path"]):
                whose = self._siblings.whose(found[1])
                if await self._is_passed_on(whose, scope, receive, send):
                    return
        await self._app(scope, receive, send)

    async def _lift(self, scope: Scope, receive: Receive, send: Send) -> None:
        loads = self._siblings.loads
        worker = loads.less_loaded()
        if worker is not None:
            with loads.given(worker) as count:
                ends = self._counted(count, scope, receive, send)
                if await self._is_passed_on(worker, scope, *ends):
                    return
        with loads.given() as count:
            await self._app(scope, *self._counted(count, scope, receive, send))

    def _counted(
        self, count: Callable[[float], None], scope: Scope, receive: Receive, send: Send
    ) -> tuple[Receive, Send]:
        """Both ends of a request, of which ``count`` is told what work there is.

        Of a large body only what has come: the rest may take long or never come. None is left once
        the answer begins, however slowly it is read.
        """
        headers = Headers(scope=scope)
        media_type = headers.get("content-type", "").partition(";")[0]
        expected, came, is_answered = min(declared_size(headers), _PIECE_BYTES), 0, False
        count(self._context.intake.expected_work(media_type, expected))

        async def receive_counted() -> Message:
            nonlocal came
            event = await receive()
            came += len(event.get("body", b""))
            if came > expected and not is_answered:
                count(self._context.intake.expected_work(media_type, came))
            return event

        async def send_counted(message: Message) -> None:
            nonlocal is_answered
            if not is_answered:
                is_answered = True
                count(0)
            await send(message)

        return receive_counted, send_counted

    async def _is_passed_on(self, worker: int, scope: Scope, receive: Receive, send: Send) -> bool:
        """Pass a request on, if it is for another worker and that one is there."""
        if worker == self._siblings.number:
            return False
        address, began_at = address_in(scope, self._context.trusted_proxies), time.perf_counter()
        try:
            request = _request(scope, address)
            path = str(self._siblings.requests_path(worker))
            reader, writer = await asyncio.open_unix_connection(path)
        except (OSError, h11.LocalProtocolError):
            return False  # being started again, or stricter than we are: it is served here
        try:
            relay = Relay(reader, writer, self._longest_s(scope))
            await relay.pass_on(request, scope, receive, send)
        except (DeadlineExceeded, Unavailable) as error:
            answer = answer_to(error)
            answer.headers[REQUEST_ID] = begin_request(Headers(scope=scope).get(REQUEST_ID))
            self._context.metrics.request_unread(answer.status_code)
            log_other("http", answer.status_code, time.perf_counter() - began_at, address)
            await answer(scope, receive, send)
        finally:
            writer.close()
        return True

    def _longest_s(self, scope: Scope) -> float:
        """How long the other worker may take for a request, before it has given it up itself."""
        said_s, longest_s = None, self._context.request_timeout_s
        with suppress(InvalidInput):  # which that worker tells
            said_s = timeout_in(scope)
        return longest_s if said_s is None else min(said_s, longest_s)


class Relay:
    """One request on its way."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        longest_s: float,
        silent_s: float = _SILENT_S,
    ) -> None:
        """The other worker has ``longest_s`` to begin its answer, ``silent_s`` for each piece."""
        self._reader = reader
        self._writer = writer
        self._longest_s = longest_s
        self._silent_s = silent_s
        self._http = h11.Connection(h11.CLIENT)
        self._has_begun = False

    async def pass_on(
        self, request: h11.Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on, and its answer back.

        Where the other worker hangs or ends in the middle of it, the caller's connection ends.

        Raises:
            DeadlineExceeded, Unavailable: the other worker hangs or has ended, without an answer.
        """
        asking = asyncio.create_task(self._ask(request, receive))
        try:
            await self._answer(send)
        except (OSError, h11.RemoteProtocolError):
            if self._has_begun:
                scope["state"][ABORT]()
            else:
                raise Unavailable("the worker that was to do it ended") from None
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
        event = await self._first()
        while not isinstance(event, h11.EndOfMessage):
            if isinstance(event, h11.Response):
                self._has_begun = True
                headers = list(_kept(event.headers.raw_items(), {b"transfer-encoding"}))
                start = {"status": event.status_code, "headers": headers}
                await send({"type": "http.response.start", **start})
            elif isinstance(event, h11.Data):
                body = bytes(event.data)
                await send({"type": "http.response.body", "body": body, "more_body": True})
            async with asyncio.timeout(self._silent_s):  # its TimeoutError is an OSError
                event = await self._next()
        await send({"type": "http.response.body"})

    async def _first(self) -> object:
        try:
            async with asyncio.timeout(self._longest_s + _GRACE_S):
                return await self._next()
        except TimeoutError:
            said = f"no answer within {self._longest_s:.3g} s"
            raise DeadlineExceeded(said) from None

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_PIECE_BYTES))
        return event


def _request(scope: Scope, address: str) -> h11.Request:
    """The same request, which tells whom it is from.

    The connection is ended here, after the answer: by the other worker, with body that has come and
    was not read, it would take the answer along.
    """
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    headers = [
        *_kept(scope["headers"], _TOLD_ANEW),
        (b"x-forwarded-for", address.encode()),
        (b"x-forwarded-proto", scope["scheme"].encode()),
    ]
    if not any(name == b"host" for name, _ in headers):  # as in HTTP/1.0
        headers.append((b"host", b""))
    return h11.Request(method=scope["method"], target=target, headers=headers)


def _kept(
    headers: Iterable[tuple[bytes, bytes]], besides: set[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    left_out = _OF_CONNECTION | besides
    return ((name, value) for name, value in headers if name.lower() not in left_out)
