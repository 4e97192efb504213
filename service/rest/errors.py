"""Errors as HTTP answers (RFC 9457), the framework's own included."""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from poselift.errors import PoseliftError
from service.admission import CallerLeft
from service.error_table import PROBLEM_TYPE, problem, retry_after, told
from service.request_errors import NotFound, Unauthenticated, Unavailable, UnsupportedMediaType
from service.rest.connections import ABORT

_CLIENT_CLOSED_REQUEST = 499
_ENDED = Unavailable("the service is shutting down")
"""Of a request that is cancelled: the server ends, and waits for it no longer."""
_log = logging.getLogger(__name__)


def answer_errors(app: FastAPI) -> None:
    """Make every error of the app a problem."""
    app.add_middleware(ErrorMiddleware)
    app.add_exception_handler(HTTPException, _answer_framework_error)
    app.router.default = _answer_nothing


class ErrorMiddleware:
    """Answers a request that raised an error; WebSockets are left to their own middleware.

    Of an answer that has begun by then the connection is ended: callers see that it is not whole.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def begin(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, begin)
        except (Exception, asyncio.CancelledError) as error:
            answer = answer_to(error if isinstance(error, Exception) else _ENDED)
            if not has_begun:
                await answer(scope, receive, send)
            elif not await _is_cut_off(scope, receive):
                raise


async def _is_cut_off(scope: Scope, receive: Receive) -> bool:
    """End the connection of an answer that has begun and cannot be finished, where that can be."""
    abort = scope.get("state", {}).get(ABORT)
    if abort is None:
        return False
    abort()
    while (await receive())["type"] != "http.disconnect":
        pass
    return True


def answer_to(error: Exception) -> Response:
    """The answer to a request that raised an error."""
    if isinstance(error, CallerLeft):
        return Response(status_code=_CLIENT_CLOSED_REQUEST)
    known = told(error)
    if known is not error:
        _log.error("a request failed", exc_info=error)
    return _problem_response(problem(known, with_status=True), _headers(known))


async def _answer_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """No such path, or none for WebSockets."""
    answer = _nothing_at(scope["path"])
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)


async def _answer_framework_error(request: Request, error: Exception) -> Response:
    """No such path, or no such method on it."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _nothing_at(request.url.path)
    details = {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": f"{request.method} {request.url.path}: {error.detail}",
    }
    return _problem_response(details, error.headers or {})


def _nothing_at(path: str) -> Response:
    return answer_to(NotFound(f"there is nothing at {path}"))


def _headers(error: PoseliftError) -> Mapping[str, str]:
    seconds = retry_after(error)
    if seconds is not None:
        return {"retry-after": seconds}
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    if isinstance(error, UnsupportedMediaType) and error.is_compressed:
        return {"accept-encoding": "identity"}
    return {}


def _problem_response(details: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    content, status = orjson.dumps(details), details["status"]
    return Response(content, status, media_type=PROBLEM_TYPE, headers=dict(headers))
