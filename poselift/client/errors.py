"""What a server answers instead of poses, as errors with a type each."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from poselift.errors import FieldError, InvalidInput, PoseliftError

_TYPE_PREFIX = "urn:poselift:problem:"
_LONGEST_TEXT = 300
"""Of what answers without a problem, such as a proxy's page."""


class ServerError(PoseliftError):
    """The server answered with an error; those with a type of their own are classes of this one."""


class Unauthenticated(ServerError):
    """The server needs an API key."""


class Forbidden(ServerError):
    """The server does not accept the API key, or the session belongs to another one."""


class NotFound(ServerError):
    """There is no such thing at the server."""


class TooLarge(ServerError):
    """The request is over a limit of the server."""


class DeadlineExceeded(ServerError):
    """There was no answer before the deadline."""


class SessionTaken(ServerError):
    """Another connection has opened the session since, and goes on with it."""


class SessionLost(ServerError):
    """The server no longer has the session, or less of it than can be sent again."""


class Temporary(ServerError):
    """What may pass: asked again after ``retry_after_s``, where the server names a time."""

    def __init__(
        self,
        detail: str,
        field_errors: tuple[FieldError, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail, field_errors)
        self.retry_after_s = retry_after_s


class Overloaded(Temporary):
    """The server has too much to do."""


class ServerUnavailable(Temporary):
    """The server cannot be reached, starts, ends, or its session store is away."""


_BY_SLUG: Final[Mapping[str, type[PoseliftError]]] = MappingProxyType(
    {
        "invalid": InvalidInput,
        "unauthenticated": Unauthenticated,
        "forbidden": Forbidden,
        "not-found": NotFound,
        "too-large": TooLarge,
        "fenced": SessionTaken,
        "overloaded": Overloaded,
        "unavailable": ServerUnavailable,
        "deadline-exceeded": DeadlineExceeded,
    }
)
_BY_STATUS: Final[Mapping[int, type[PoseliftError]]] = MappingProxyType(
    {
        401: Unauthenticated,
        403: Forbidden,
        404: NotFound,
        413: TooLarge,
        429: Overloaded,
        502: ServerUnavailable,
        503: ServerUnavailable,
        504: DeadlineExceeded,
    }
)
"""Of answers that are not the service's own: a proxy's, say."""
_BY_CODE: Final[Mapping[str, type[PoseliftError]]] = MappingProxyType(
    {
        "UNAUTHENTICATED": Unauthenticated,
        "PERMISSION_DENIED": Forbidden,
        "UNIMPLEMENTED": NotFound,
        "NOT_FOUND": NotFound,
        "UNAVAILABLE": ServerUnavailable,
        "DEADLINE_EXCEEDED": DeadlineExceeded,
    }
)
"""Of gRPC statuses without a problem."""


def of_problem(problem: Mapping[str, Any], retry_after_s: float | None = None) -> PoseliftError:
    """The error that a problem (RFC 9457) tells, with its places and what was expected there."""
    slug = str(problem.get("type", "")).removeprefix(_TYPE_PREFIX)
    places = tuple(
        FieldError(str(each.get("where", "")), str(each.get("expected", "")))
        for each in problem.get("errors") or ()
        if isinstance(each, Mapping)
    )
    detail = str(problem.get("detail") or problem.get("title") or "the server gave no reason")
    return _error(_BY_SLUG.get(slug, ServerError), detail, places, retry_after_s)


def of_answer(
    status: int, body: bytes, where: str, retry_after_s: float | None = None
) -> PoseliftError:
    """The error of an HTTP answer, of the service or a proxy; ``where`` is the address."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if isinstance(problem, Mapping) and str(problem.get("type")).startswith(_TYPE_PREFIX):
        return of_problem(problem, retry_after_s)
    text = body.decode(errors="replace").strip()[:_LONGEST_TEXT]
    kind = _BY_STATUS.get(status, ServerError)
    return _error(kind, f"{where} answered with status {status}: {text}", (), retry_after_s)


def of_close(code: int | None, reason: str, where: str) -> PoseliftError:
    """The error with which a WebSocket was closed: 4000 + the status that HTTP has for it."""
    kind, _, detail = reason.partition(": ")
    if kind.startswith(_TYPE_PREFIX):
        place, is_place, expected = detail.partition(": expected ")
        errors = [{"where": place, "expected": expected}] if is_place else []
        return of_problem({"type": kind, "detail": detail, "errors": errors})
    if code is not None and 4400 <= code < 4600:
        found = _BY_STATUS.get(code - 4000, ServerError)
        return _error(found, reason or f"{where} closed the stream ({code})", ())
    return ServerUnavailable(f"the connection to {where} was lost ({code or 'without a reason'})")


def of_status(
    code: str, detail: str, problem: bytes | None, retry_after_s: float | None, where: str
) -> PoseliftError:
    """The error of a gRPC status, by the problem in its trailer if there is one."""
    if problem is not None:
        try:
            return of_problem(json.loads(problem), retry_after_s)
        except ValueError:
            pass
    kind = _BY_CODE.get(code, ServerError)
    if code == "RESOURCE_EXHAUSTED" and retry_after_s is not None:
        kind = Overloaded  # else it is too large, which waiting does not change
    return _error(kind, f"{where} answered {code}: {detail[:_LONGEST_TEXT]}", (), retry_after_s)


def _error(
    kind: type[PoseliftError],
    detail: str,
    places: tuple[FieldError, ...],
    retry_after_s: float | None = None,
) -> PoseliftError:
    if issubclass(kind, Temporary):
        return kind(detail, places, retry_after_s)
    return kind(detail, places)
