"""Errors as gRPC statuses, with the problem details in a trailer."""

import asyncio
import logging
from typing import Any, NoReturn, TypeAlias

import grpc
import grpc.aio
import orjson
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from poselift.errors import PoseliftError
from service.error_table import kind_of, problem, retry_after, retry_delay_s, shortened, told
from service.logs import id_headers

PROBLEM_KEY = "problem-bin"
"""The trailer that holds the problem details as JSON."""
RETRY_KEY = "retry-after"
"""The trailer that says how many seconds to wait, where the queue was full."""
DETAILS_KEY = "grpc-status-details-bin"
"""The trailer that holds a ``google.rpc.Status``, as gRPC's libraries read it."""

_ROOM_FOR_PROBLEM = 3_000
"""Bytes; clients refuse more than 8 kB of trailers in all unless told otherwise."""
_TOLD_S = 5.0
_log = logging.getLogger(__name__)

_Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


def end(call: _Call, error: Exception) -> None:
    """End a stream with the status of an error, as soon as its handler returns.

    Nothing is raised, which takes a third of the time of a refused call: tracebacks that hold each
    other are left to the garbage collector.
    """
    known = _told(error)
    code = grpc.StatusCode[kind_of(known).grpc_code]
    call.set_code(code)
    call.set_details(shortened(known.detail))
    call.set_trailing_metadata(_trailers(code, known))


async def abort(call: _Call, error: Exception) -> NoReturn:
    """End a call with the status of an error, at once."""
    known = _told(error)
    code = grpc.StatusCode[kind_of(known).grpc_code]
    try:
        async with asyncio.timeout(_TOLD_S):
            await call.abort(code, shortened(known.detail), _trailers(code, known))
    except grpc.aio.AbortError:
        raise
    except Exception:
        # The caller left without having read what came before, or does not read.
        raise asyncio.CancelledError from None


def _told(error: Exception) -> PoseliftError:
    """The error as callers may see it; one that is not theirs is only logged."""
    known = told(error)
    if known is not error:
        _log.error("a call failed", exc_info=error)
    return known


def _trailers(code: grpc.StatusCode, error: PoseliftError) -> tuple[tuple[str, str | bytes], ...]:
    trailers: dict[str, str | bytes] = {PROBLEM_KEY: _compact(problem(error)), **dict(id_headers())}
    if (seconds := retry_after(error)) is not None:
        trailers[RETRY_KEY] = seconds
    if (delay_s := retry_delay_s(error)) is not None:
        trailers[DETAILS_KEY] = _with_retry_info(code, error, delay_s)
    return tuple(trailers.items())


def _with_retry_info(code: grpc.StatusCode, error: PoseliftError, delay_s: float) -> bytes:
    """A ``google.rpc.Status``; readers want its code and message to be those of the call."""
    delay = Duration()
    delay.FromMilliseconds(round(1000 * delay_s))
    info = AnyMessage()
    info.Pack(RetryInfo(retry_delay=delay))
    number: int = code.value[0]
    status = Status(code=number, message=shortened(error.detail), details=[info])
    return status.SerializeToString()


def _compact(details: dict[str, Any]) -> bytes:
    """The details as JSON, without the last places of a long list of faults."""
    encoded = orjson.dumps(details)
    while len(encoded) > _ROOM_FOR_PROBLEM and details.get("errors"):
        details = details | {"errors": details["errors"][:-1]}
        encoded = orjson.dumps(details)
    return encoded
