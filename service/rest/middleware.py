"""What an HTTP request passes before its body is read."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poselift.errors import InvalidInput
from service.addresses import Network, caller_address
from service.admission import Admitted, CallerLeft, admitted, presented_key
from service.body_memory import MemoryBudget
from service.context import ServiceContext
from service.rest.bodies import BoundedBody
from service.rest.connections import ABORT, IS_LOST
from service.rest.media import Negotiated, negotiated, refuse_compressed
from service.wire.wire_format import WireFormat

_ADMITTED = "admitted"
_FORMATS = "formats"
_SECONDS = re.compile(r"\d{1,6}(\.\d{1,6})?")
_PIECE_BYTES = 256 * 1024
_SLOWEST_READER_BYTES_PER_S = 32 * 1024


class AdmissionMiddleware:
    """Admission, authentication, deadline and counting of one operation.

    An answer that is streamed is sent as it comes, and its operation keeps the deadlines.
    """

    def __init__(
        self, app: ASGIApp, context: ServiceContext, operation: str, *, is_streamed: bool = False
    ) -> None:
        self._app = app
        self._context = context
        self._operation = operation
        self._is_streamed = is_streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        # Answers are whole before they are sent: a slow reader does not hold up what made them.
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        context = self._context
        key, address = key_in(scope), address_in(scope, context.trusted_proxies)
        remaining_s = timeout_in(scope)
        with admitted(context, "http", self._operation, key, remaining_s, address) as request:
            scope.setdefault("state", {})[_ADMITTED] = request
            if self._is_streamed:
                await self._app(scope, receive, send)
                return
            await request.deadline.bound(self._app(scope, receive, keep))
            await _deliver(answer, scope, send, context.slow_reader_s)


class BodyMiddleware:
    """Format, coding, size and memory of a body; without ``formats`` it may be of any type."""

    def __init__(
        self, app: ASGIApp, formats: Sequence[WireFormat] | None, budget: MemoryBudget
    ) -> None:
        self._app = app
        self._formats = formats
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        if self._formats is None:
            refuse_compressed(headers)
        else:
            scope["state"][_FORMATS] = negotiated(headers, self._formats)
        self._budget.check(declared_size(headers))
        caller = scope["state"][_ADMITTED].caller
        with self._budget.lease(caller.party, caller.quotas.bytes_in_flight) as lease:
            await self._app(scope, BoundedBody(receive, lease), send)


def admission_of(request: Request) -> Admitted:
    """What ``AdmissionMiddleware`` found out about a request."""
    found: Admitted = request.scope["state"][_ADMITTED]
    return found


def formats_of(request: Request) -> Negotiated:
    """What ``BodyMiddleware`` found out about a request."""
    found: Negotiated = request.scope["state"][_FORMATS]
    return found


def declared_size(headers: Headers) -> int:
    """The bytes that a body says it has; 0 where it does not say."""
    declared = headers.get("content-length", "0")
    return int(declared) if declared.isdecimal() else 0


def timeout_in(scope: Scope) -> float | None:
    """How many seconds a caller waits for the answer, where they say.

    Raises:
        InvalidInput: it is no such number.
    """
    said = Headers(scope=scope).get("request-timeout")
    if said is None:
        return None
    if not _SECONDS.fullmatch(said.strip()):
        raise InvalidInput.at("request-timeout", f"seconds, such as 2.5, found {said[:100]!r}")
    return float(said)


def address_in(scope: Scope, trusted_proxies: Sequence[Network]) -> str:
    """The address that a request comes from."""
    peer = scope["client"][0] if scope.get("client") else ""
    forwarded_for = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return caller_address(peer, forwarded_for, trusted_proxies)


def key_in(scope: Scope) -> str | None:
    """The API key in a request's headers, if any."""
    headers = Headers(scope=scope)
    return presented_key(headers.get("authorization"), headers.get("x-api-key"))


async def _deliver(answer: Iterable[Message], scope: Scope, send: Send, patience_s: float) -> None:
    """Send an answer piece by piece, as fast as it is read; it must be within some time.

    Raises:
        CallerLeft: the connection was lost before all of it was sent.
    """
    size = sum(len(message.get("body", b"")) for message in answer)
    late_s = patience_s + size / _SLOWEST_READER_BYTES_PER_S
    state = scope["state"]
    abort, is_lost = state.get(ABORT, _nothing), state.get(IS_LOST, _nothing)
    # The connection ends first, and with it whatever waits for it.
    late = asyncio.get_running_loop().call_later(late_s, abort)
    try:
        for message in answer:
            for piece in _pieces(message):
                await send(piece)
                if is_lost():
                    raise CallerLeft
    finally:
        late.cancel()


def _pieces(message: Message) -> Iterator[Message]:
    body = message.get("body", b"")
    if len(body) <= _PIECE_BYTES:
        yield message
        return
    for start in range(0, len(body), _PIECE_BYTES):
        end = start + _PIECE_BYTES
        yield {**message, "body": body[start:end], "more_body": end < len(body)}


def _nothing() -> None:
    """Where no server of ours is around the app, as in tests of it."""
