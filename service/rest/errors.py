"""Errors as HTTP answers (RFC 9457), the framework's own included."""

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from poselift.errors import PoseliftError
from service.error_table import INTERNAL, kind_of, problem
from service.gate import CallerLeft
from service.request_errors import (
    NotFound,
    Overloaded,
    Unauthenticated,
    UnsupportedMediaType,
)

PROBLEM_TYPE = "application/problem+json"
_CLIENT_CLOSED_REQUEST = 499
_log = logging.getLogger(__name__)


def register_error_handlers(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_exception_handler(PoseliftError, _answer_error)
    app.add_exception_handler(CallerLeft, _answer_nobody)
    app.add_exception_handler(HTTPException, _answer_framework_error)
    app.add_exception_handler(Exception, _answer_surprise)


async def _answer_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, PoseliftError)
    if kind_of(error) is INTERNAL:
        _log.error("a request failed", exc_info=error)
        return _internal()
    return _problem_response(problem(error, with_status=True), _headers(error))


async def _answer_nobody(_: Request, __: Exception) -> Response:
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _answer_framework_error(request: Request, error: Exception) -> Response:
    """No such path, or no such method on it."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return await _answer_error(request, NotFound(f"there is nothing at {request.url.path}"))
    details = {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": f"{request.method} {request.url.path}: {error.detail}",
    }
    return _problem_response(details, error.headers or {})


async def _answer_surprise(_: Request, __: Exception) -> Response:
    """The server logs the error; the caller learns only that there was one."""
    return _internal()


def _internal() -> Response:
    error = PoseliftError("something went wrong inside the service; it has been logged")
    return _problem_response(problem(error, with_status=True), {})


def _headers(error: PoseliftError) -> Mapping[str, str]:
    match error:
        case Overloaded():
            return {"retry-after": str(math.ceil(error.retry_after_s))}
        case Unauthenticated():
            return {"www-authenticate": "Bearer"}
        case UnsupportedMediaType() if error.detail.startswith("content-encoding"):
            return {"accept-encoding": "identity"}
    return {}


def _problem_response(details: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(
        orjson.dumps(details),
        details["status"],
        media_type=PROBLEM_TYPE,
        headers=dict(headers),
    )
