"""Errors as gRPC statuses, with the problem details in a trailer."""

import asyncio
import logging
from typing import Any, NoReturn, TypeAlias

import grpc
import grpc.aio
import orjson

from poselift.errors import PoseliftError
from service.error_table import kind_of, problem, retry_after, shortened, told

PROBLEM_KEY = "problem-bin"
"""The trailer that holds the problem details as JSON."""
RETRY_KEY = "retry-after"
"""The trailer that says how many seconds to wait, where the queue was full."""

_ROOM_FOR_PROBLEM = 3_000
"""Bytes; clients refuse more than 8 kB of trailers in all unless told otherwise."""
_log = logging.getLogger(__name__)

_Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


async def abort(call: _Call, error: Exception) -> NoReturn:
    """End a call with the status of an error; one that is not the caller's is only logged."""
    known = told(error)
    if known is not error:
        _log.error("a call failed", exc_info=error)
    code = grpc.StatusCode[kind_of(known).grpc_code]
    try:
        await call.abort(code, shortened(known.detail), _trailers(known))
    except grpc.aio.AbortError:
        raise
    except Exception:
        # The caller left without having read what came before.
        raise asyncio.CancelledError from None


def _trailers(error: PoseliftError) -> tuple[tuple[str, str | bytes], ...]:
    trailer = (PROBLEM_KEY, _compact(problem(error)))
    seconds = retry_after(error)
    return (trailer,) if seconds is None else (trailer, (RETRY_KEY, seconds))


def _compact(details: dict[str, Any]) -> bytes:
    """The details as JSON, without the last places of a long list of faults."""
    encoded = orjson.dumps(details)
    while len(encoded) > _ROOM_FOR_PROBLEM and details.get("errors"):
        details = details | {"errors": details["errors"][:-1]}
        encoded = orjson.dumps(details)
    return encoded
