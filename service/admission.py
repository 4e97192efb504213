"""Admission of requests: accepting, authenticated, given a deadline and counted.

The middleware of HTTP and WebSocket and the interceptor of gRPC call it before a body is read.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from poselift.errors import PoseliftError
from service.addresses import network_of
from service.context import ServiceContext
from service.error_table import kind_of
from service.keys import Quotas, name_of
from service.logs import log_access
from service.request_errors import DeadlineExceeded, Overloaded, Unauthenticated, Unavailable
from service.shares import Party
from service.traces import begin_span
from service.validation import Limits

T = TypeVar("T")

_BEARER = "bearer "
_KEY_SUBPROTOCOL = "poselift.key."


class CallerLeft(Exception):
    """The caller no longer waits for the answer."""


@dataclass(frozen=True)
class Caller:
    """Who asks, and how much they may ask for."""

    name: str
    """Of the API key; live sessions belong to it."""
    limits: Limits
    quotas: Quotas = field(default_factory=Quotas)
    address: str = ""
    """Where they are, trusted proxies left out; empty where that is not known."""
    label: str = ""
    """Who they are to people: the key's name, or the beginning of one that no file has."""
    party: str = ""
    """Those with whom they share what there is: the key's name, without keys the network."""

    @property
    def shares_as(self) -> Party:
        """The party, with its quotas."""
        return Party(self.party, self.quotas)


class Deadline:
    """The one moment at which a request is given up: reading, decoding, lifting and encoding."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self.at = asyncio.get_running_loop().time() + timeout_s

    async def bound(self, work: Awaitable[T]) -> T:
        """Do the work, but no longer than until then; raises ``DeadlineExceeded``."""
        try:
            async with asyncio.timeout_at(self.at) as timer:
                return await work
        except TimeoutError:
            if not timer.expired():
                raise
            raise DeadlineExceeded(f"no answer within {self._timeout_s:.3g} s") from None


@dataclass(frozen=True)
class Admitted:
    """A request that may be worked on."""

    caller: Caller
    deadline: Deadline
    place: ExitStack = field(default_factory=ExitStack)
    """What it holds among all requests; closed early by a stream, which has a session instead."""
    waited_s: float = 0.0
    """How long it had waited before anything was known of it."""


@contextmanager
def admitted(
    context: ServiceContext,
    transport: str,
    operation: str,
    api_key: str | None,
    remaining_s: float | None = None,
    address: str = "",
    waited_s: float = 0.0,
) -> Iterator[Admitted]:
    """Let a request in, and count how it went.

    ``transport`` and ``operation`` are labels of metrics; ``remaining_s`` is the caller's limit,
    ``address`` where they are, ``waited_s`` how long the request has waited by now.

    Raises:
        Unavailable: the service is starting or stopping.
        Unauthenticated: a key is needed.
        Forbidden: this key is not known.
        Overloaded: too many keys from this address were not, or there are too many requests.
    """
    attempt, place = Attempt(context, transport, operation, address), ExitStack()
    failed: BaseException | None = None
    try:
        caller = caller_of(context, api_key, address)
        attempt.label = caller.label
        place.enter_context(_place(context, caller))
        yield Admitted(caller, deadline_of(context, remaining_s), place, waited_s)
    except BaseException as error:
        failed = error
        raise
    finally:
        place.close()
        attempt.end(failed)


class Attempt:
    """A request from its beginning to its end, for metrics, the log and traces."""

    def __init__(
        self, context: ServiceContext, transport: str, operation: str, address: str, label: str = ""
    ) -> None:
        """``label`` says who the caller is to people, once that is known."""
        self.label = label
        self._metrics = context.metrics
        self._what = transport, operation
        self._address = address
        self._started = time.perf_counter()
        self._end_span = begin_span(context.tracer, f"{transport} {operation}")

    def end(self, error: BaseException | None) -> None:
        """Count and tell how it went."""
        has_left = isinstance(error, (asyncio.CancelledError, CallerLeft))
        outcome = "cancelled" if has_left else "ok" if error is None else kind_of(error).slug
        if isinstance(error, Overloaded):
            self._metrics.overloaded(error.reason)
        seconds = time.perf_counter() - self._started
        self._metrics.request_answered(*self._what, outcome, seconds)
        log_access(*self._what, outcome, seconds, self.label, self._address)
        self._end_span(outcome)


def deadline_of(context: ServiceContext, remaining_s: float | None) -> Deadline:
    """When a request is given up that begins now; ``remaining_s`` is the caller's limit, if any."""
    longest_s = context.request_timeout_s
    return Deadline(longest_s if remaining_s is None else min(remaining_s, longest_s))


def caller_of(context: ServiceContext, api_key: str | None, address: str) -> Caller:
    """The caller with this API key.

    Raises:
        Unavailable, Unauthenticated, Forbidden, Overloaded: as ``admitted``.
    """
    if not context.state.accepting:
        raise Unavailable("the service is starting or shutting down")
    if not context.keys.are_needed:
        name = "" if api_key is None else name_of(api_key)
        return Caller(name, context.limits, address=address, party=network_of(address))
    if not api_key:
        raise Unauthenticated(
            "give an API key as `authorization: Bearer KEY` or `x-api-key: KEY`; in a browser's "
            "WebSocket as the subprotocol `poselift.key.` + base64url of KEY"
        )
    try:
        holder = context.keys.holder_of(api_key, address)
    except PoseliftError:
        context.metrics.unknown_key_presented()
        raise
    return Caller(holder.name, context.limits, holder.quotas, address, holder.label, holder.name)


def _place(context: ServiceContext, caller: Caller) -> AbstractContextManager[None]:
    """A place among all requests; raises ``Overloaded``."""
    quotas, shares = caller.quotas, context.shares
    if quotas.requests_per_s is not None:
        shares.rates.spend(caller.party, quotas.requests_per_s)
    return shares.requests.holding(caller.party, quota=quotas.concurrent_requests)


def presented_key(authorization: str | None, x_api_key: str | None) -> str | None:
    """The API key in the headers ``authorization: Bearer KEY`` or ``x-api-key: KEY``."""
    if authorization is not None and authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip()
    return x_api_key


def key_in_subprotocols(offered: Iterable[str]) -> str | None:
    """The API key in a WebSocket's subprotocol ``poselift.key.KEY``, for browsers.

    They cannot set headers of a WebSocket. The key's UTF-8 is in base64url without padding, since
    not all characters are allowed there; what cannot be decoded is no key.
    """
    prefix = _KEY_SUBPROTOCOL
    encoded = next((name[len(prefix) :] for name in offered if name.startswith(prefix)), "")
    padded = encoded + "=" * (-len(encoded) % 4)
    try:
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode() or None
    except (binascii.Error, ValueError):
        return None
