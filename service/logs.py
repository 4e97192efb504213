"""The log: lines for people or for programs, each with the request and session it is about.

Of what callers send it has ids alone. What other packages log is left out below warnings: some of
them repeat messages.
"""

import logging
import re
import secrets
import time
from contextvars import ContextVar
from functools import partial
from http import HTTPStatus
from typing import Any, Literal

import orjson

REQUEST_ID = "x-request-id"
"""The header or metadata in which a caller may give one."""

_OURS = ("poselift", "service")
_TAKEN = re.compile(r"[A-Za-z0-9._-]{1,128}")

_request: ContextVar[str] = ContextVar("request", default="")
_session: ContextVar[str] = ContextVar("session", default="")
_is_told: ContextVar[bool] = ContextVar("is_told", default=False)
"""Whether the request's line is in the access log."""

_access = logging.getLogger("poselift.access")


def set_up(level: str, form: Literal["text", "json"], has_access: bool) -> None:
    """Begin to log to the standard error stream."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    handler.addFilter(_add_ids)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # It warns of whatever callers send, and takes text that is none for an error.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_is_not_of_callers)
    _access.setLevel(logging.INFO if has_access else logging.CRITICAL)
    set_level(level)


def name_worker(number: int) -> None:
    """Say in all that this process logs from now on which worker it is."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(partial(_add_worker, number))


def set_level(level: str) -> None:
    """How much of the service's own is logged from now on."""
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())


def begin_request(proposed: str | None) -> str:
    """The id of a request, of which all that is logged in this context is: the caller's, if good.

    One that the service makes cannot be guessed.
    """
    found = _TAKEN.fullmatch(proposed or "")
    given = secrets.token_hex(8) if found is None else found[0]
    _request.set(given)
    _session.set("")
    _is_told.set(False)
    return given


def in_session(session_id: str) -> None:
    """Of which session all that is logged in this context is, if that is an id."""
    if _TAKEN.fullmatch(session_id):
        _session.set(session_id)


def ids() -> dict[str, str]:
    """The ids of the request and of the session in this context, those that there are."""
    found = {"request_id": _request.get(), "session_id": _session.get()}
    return {name: value for name, value in found.items() if value}


def id_headers() -> tuple[tuple[str, str], ...]:
    """The same as headers or metadata of an answer."""
    return tuple((f"x-{name.replace('_', '-')}", value) for name, value in ids().items())


def log_access(
    transport: str, operation: str, outcome: str, seconds: float, caller: str, address: str
) -> None:
    """Tell of a request that was answered."""
    _is_told.set(True)
    if not _access.isEnabledFor(logging.INFO):
        return
    said = "%s %s: %s in %.3f s, caller %s at %s"
    fields: dict[str, Any] = {"transport": transport, "operation": operation}
    fields |= {"outcome": outcome, "seconds": round(seconds, 6)}
    fields |= {"caller": caller, "address": address}
    arguments = transport, operation, outcome, seconds, caller or "unnamed", address or "unknown"
    _access.info(said, *arguments, extra={"fields": fields})


def is_told() -> bool:
    """Whether ``log_access`` was called for the request in this context."""
    return _is_told.get()


def log_other(transport: str, status: int, seconds: float, address: str) -> None:
    """Tell of a request that no operation was there for; its status is 0 if it has no answer."""
    outcome = "cancelled" if not status else "ok"
    if status >= HTTPStatus.BAD_REQUEST:
        outcome = HTTPStatus(status).phrase.lower().replace(" ", "-")
    log_access(transport, "other", outcome, seconds, "", address)


def _is_not_of_callers(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Invalid UTF-8")


def _add_ids(record: logging.LogRecord) -> bool:
    record.ids = ids()
    return True


def _add_worker(number: int, record: logging.LogRecord) -> bool:
    record.ids = {"worker": str(number), **getattr(record, "ids", {})}
    return True


class _TextFormatter(logging.Formatter):
    """Time, level, logger, ids and message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(about)s%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, str] = getattr(record, "ids", {})
        about = " ".join(f"{name.removesuffix('_id')}={value}" for name, value in found.items())
        record.about = f"[{about}] " if about else ""
        return super().format(record)


class _JsonFormatter(logging.Formatter):
    """An object a line."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "ids", {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()
