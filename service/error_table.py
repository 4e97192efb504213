"""The one table of errors: problem type, HTTP status, WebSocket and gRPC code of each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from poselift.errors import InvalidInput, PoseliftError
from service.request_errors import (
    DeadlineExceeded,
    Fenced,
    Forbidden,
    ForeignOrigin,
    IndexGap,
    NotAcceptable,
    NotFound,
    Overloaded,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnknownHost,
    Unreadable,
    UnsupportedMediaType,
)

PROBLEM_TYPE = "application/problem+json"
"""The content type of problem details."""

_TYPE_PREFIX = "urn:poselift:problem:"
_CLOSE_CODES = 4000
_SOON_S = 0.1
_LONGEST_TEXT = 1_000
"""Bytes. gRPC sends a text in a trailer, three for one if not ASCII, and 8 kB hold all trailers."""


@dataclass(frozen=True)
class ErrorKind:
    """How one kind of error is told to callers; ``slug`` and ``title`` never change."""

    slug: str
    title: str
    http_status: int
    grpc_code: str
    """The name of a ``grpc.StatusCode``."""

    @property
    def type(self) -> str:
        """The problem type of RFC 9457."""
        return _TYPE_PREFIX + self.slug

    @property
    def close_code(self) -> int:
        """The code that a WebSocket is closed with."""
        return _CLOSE_CODES + self.http_status


ERROR_KINDS: Mapping[type[PoseliftError], ErrorKind] = MappingProxyType(
    {
        Unreadable: ErrorKind("unreadable", "The body cannot be read", 400, "INVALID_ARGUMENT"),
        Unauthenticated: ErrorKind(
            "unauthenticated", "An API key is needed", 401, "UNAUTHENTICATED"
        ),
        Forbidden: ErrorKind("forbidden", "The API key is not accepted", 403, "PERMISSION_DENIED"),
        ForeignOrigin: ErrorKind(
            "foreign-origin", "The page's origin is not allowed", 403, "PERMISSION_DENIED"
        ),
        UnknownHost: ErrorKind(
            "unknown-host", "This service has another name", 421, "INVALID_ARGUMENT"
        ),
        NotFound: ErrorKind("not-found", "Not found", 404, "NOT_FOUND"),
        NotAcceptable: ErrorKind("not-acceptable", "No such answer here", 406, "UNIMPLEMENTED"),
        IndexGap: ErrorKind("index-gap", "Another frame is expected", 409, "FAILED_PRECONDITION"),
        Fenced: ErrorKind("fenced", "The session was taken over", 409, "ABORTED"),
        TooLarge: ErrorKind("too-large", "The request is too large", 413, "RESOURCE_EXHAUSTED"),
        UnsupportedMediaType: ErrorKind(
            "unsupported-media-type", "Unsupported content type", 415, "INVALID_ARGUMENT"
        ),
        InvalidInput: ErrorKind("invalid", "The request is invalid", 422, "INVALID_ARGUMENT"),
        # Retry-After comes with the error: ``service.batcher`` works it out from its queue.
        Overloaded: ErrorKind("overloaded", "Too many requests", 429, "RESOURCE_EXHAUSTED"),
        Unavailable: ErrorKind("unavailable", "Not available right now", 503, "UNAVAILABLE"),
        DeadlineExceeded: ErrorKind(
            "deadline-exceeded", "Deadline exceeded", 504, "DEADLINE_EXCEEDED"
        ),
    }
)
INTERNAL = ErrorKind("internal", "Internal error", 500, "INTERNAL")
"""Of errors that are not in the table: the service's own."""


def kind_of(error: BaseException) -> ErrorKind:
    """The row of an error."""
    return ERROR_KINDS.get(type(error), INTERNAL) if isinstance(error, PoseliftError) else INTERNAL


def told(error: BaseException) -> PoseliftError:
    """The error as callers may see it: of the service's own, they learn only that there was one."""
    if isinstance(error, PoseliftError) and kind_of(error) is not INTERNAL:
        return error
    return PoseliftError("something went wrong inside the service; it has been logged")


def retry_after(error: BaseException) -> str | None:
    """How many seconds to wait before asking again, where that helps: ``Retry-After``."""
    return str(math.ceil(error.retry_after_s)) if isinstance(error, Overloaded) else None


def retry_delay_s(error: BaseException) -> float | None:
    """The same to a fraction of a second, also where the next try may reach another replica."""
    if isinstance(error, Overloaded):
        return error.retry_after_s
    return _SOON_S if isinstance(error, Unavailable) else None


def problem(error: PoseliftError, with_status: bool = False) -> dict[str, Any]:
    """The problem details (RFC 9457) of an error; ``status`` only where the transport is HTTP."""
    kind = kind_of(error)
    details: dict[str, Any] = {"type": kind.type, "title": kind.title}
    if with_status:
        details["status"] = kind.http_status
    details["detail"] = shortened(error.detail)
    if isinstance(error, IndexGap):
        details["next_index"] = error.next_index
    if error.field_errors:
        details["errors"] = [
            {"where": each.where, "expected": shortened(each.expected)}
            for each in error.field_errors
        ]
    return details


def shortened(text: str) -> str:
    """The text, cut where a caller has put too much into it."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= _LONGEST_TEXT:
        return encoded.decode()
    return encoded[:_LONGEST_TEXT].decode(errors="ignore") + "…"
