"""What every request passes on its way in, whatever the transport: readiness, API key, counting."""

import asyncio
import hmac
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager

from service.context import ServiceContext
from service.error_table import kind_of
from service.request_errors import Forbidden, Unauthenticated, Unavailable

_BEARER = "bearer "


class CallerLeft(Exception):
    """Nobody waits for the answer any more."""


@contextmanager
def gate(
    context: ServiceContext, transport: str, operation: str, api_key: str | None
) -> Iterator[None]:
    """Let a request in, and count how it went.

    Raises:
        Unavailable: the service is starting or stopping.
        Unauthenticated: an API key is needed.
        Forbidden: this API key opens nothing.
    """
    started, outcome = time.perf_counter(), "ok"
    try:
        _check_accepting(context)
        _check_key(api_key, context.api_keys)
        yield
    except BaseException as error:
        outcome = _outcome(error)
        raise
    finally:
        seconds = time.perf_counter() - started
        context.metrics.request_answered(transport, operation, outcome, seconds)


def presented_key(authorization: str | None, x_api_key: str | None) -> str | None:
    """The API key in the headers ``authorization: Bearer KEY`` or ``x-api-key: KEY``."""
    if authorization is not None and authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip()
    return x_api_key


def _check_accepting(context: ServiceContext) -> None:
    if not context.state.accepting:
        raise Unavailable("the service is starting or shutting down")


def _check_key(api_key: str | None, accepted: Set[str]) -> None:
    if not accepted:
        return
    if not api_key:
        raise Unauthenticated("give an API key as `authorization: Bearer KEY` or `x-api-key: KEY`")
    given = api_key.encode()
    # All are compared, each in constant time: how long it takes tells nothing about any of them.
    if sum(hmac.compare_digest(given, key.encode()) for key in accepted) == 0:
        raise Forbidden("this API key is not known here")


def _outcome(error: BaseException) -> str:
    if isinstance(error, (asyncio.CancelledError, CallerLeft)):
        return "cancelled"
    return kind_of(error).slug
