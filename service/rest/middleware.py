"""What an HTTP request passes before its body is read."""

from collections.abc import Sequence

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.addresses import Network, caller_address
from service.admission import Admitted, admitted, presented_key
from service.context import ServiceContext
from service.rest.bodies import BoundedBody, MemoryBudget
from service.rest.media import Negotiated, negotiated, refuse_compressed
from service.wire.wire_format import WireFormat

_ADMITTED = "admitted"
_FORMATS = "formats"


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
        # Answers are whole before they are sent: a slow reader holds up neither clock nor memory.
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        key, address = key_in(scope), address_in(scope, self._context.trusted_proxies)
        with admitted(self._context, "http", self._operation, key, address=address) as request:
            scope.setdefault("state", {})[_ADMITTED] = request
            if self._is_streamed:
                await self._app(scope, receive, send)
                return
            await request.deadline.bound(self._app(scope, receive, keep))
        for message in answer:
            await send(message)


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
        declared = headers.get("content-length", "0")
        self._budget.check(int(declared) if declared.isdecimal() else 0)
        with self._budget.lease() as lease:
            await self._app(scope, BoundedBody(receive, lease), send)


def admission_of(request: Request) -> Admitted:
    """What ``AdmissionMiddleware`` found out about a request."""
    found: Admitted = request.scope["state"][_ADMITTED]
    return found


def formats_of(request: Request) -> Negotiated:
    """What ``BodyMiddleware`` found out about a request."""
    found: Negotiated = request.scope["state"][_FORMATS]
    return found


def address_in(scope: Scope, trusted_proxies: Sequence[Network]) -> str:
    """The address that a request comes from."""
    peer = scope["client"][0] if scope.get("client") else ""
    forwarded_for = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return caller_address(peer, forwarded_for, trusted_proxies)


def key_in(scope: Scope) -> str | None:
    """The API key in a request's headers, if any."""
    headers = Headers(scope=scope)
    return presented_key(headers.get("authorization"), headers.get("x-api-key"))
