"""Routes with what OpenAPI says of them, behind the middleware that their requests pass."""

import inspect
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.body_memory import MemoryBudget
from service.context import ServiceContext
from service.error_table import ERROR_KINDS, PROBLEM_TYPE
from service.rest.middleware import AdmissionMiddleware, BodyMiddleware
from service.wire.served_formats import JSON, PROTOBUF

Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Schema: TypeAlias = dict[str, Any]

_ERRORS = (401, 403, 503)
_BODY_ERRORS = (400, 413, 415, 422, 429, 504)
_SECURITY: Sequence[Schema] = ({}, {"bearer": []}, {"header": []})
"""The empty alternative: a service without keys is open to all."""
_SECONDS = {"type": "integer"}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": _SECONDS, "required": True}
_PATH_PARAMETERS = {
    "session_id": ("The id of an open session.", "anna"),
    "name": ("A model's name or alias.", "default"),
}
"""The parameters in paths, with what they are and an example."""


@dataclass(frozen=True)
class Body:
    """A body: a class of ``service.rest.schemas`` in JSON, a message of ``poselift.v1``."""

    schema: str
    message: str | None = None
    example: Mapping[str, Any] | None = None
    examples: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """What else it may be, by its media type."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the headers are that may come with it."""

    def content(self) -> Schema:
        """The content by media type."""
        json: Schema = {"schema": {"$ref": f"#/components/schemas/{self.schema}"}}
        if self.example is not None:
            json["example"] = dict(self.example)
        if self.examples:
            json["examples"] = {name: {"value": each} for name, each in self.examples.items()}
        content = {JSON.media_type: json}
        if self.message is not None:
            said = f"A serialised `poselift.v1.{self.message}`."
            content[PROTOBUF.media_type] = {"schema": _bytes(said)}
        return content | {name: {"schema": _bytes(said)} for name, said in self.files.items()}


@dataclass(frozen=True)
class File:
    """A body of any content type."""

    description: str

    def content(self) -> Schema:
        """The content by media type."""
        return {"application/octet-stream": {"schema": _bytes(self.description)}}


@dataclass(frozen=True)
class Lines:
    """A body of lines, each a class of ``service.rest.schemas`` in JSON, sent as they come."""

    schema: str
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: ClassVar[str] = "application/x-ndjson"

    def content(self) -> Schema:
        """The content by media type."""
        return {self.media_type: {"schema": {"$ref": f"#/components/schemas/{self.schema}"}}}


class Operations:
    """Adds the operations of one service to its app."""

    def __init__(self, app: FastAPI, context: ServiceContext) -> None:
        self._app = app
        self._context = context

    def add(
        self,
        method: str,
        path: str,
        endpoint: Endpoint,
        *,
        answer: Body | Lines | None,
        errors: Sequence[int] = (),
        status: int = 200,
        body: Body | File | None = None,
        budget: MemoryBudget | None = None,
        query: Mapping[str, tuple[str, Schema]] = MappingProxyType({}),
    ) -> None:
        """Add a route to an endpoint, behind its middleware.

        The endpoint's name is that of the operation in metrics, its docstring the description. It
        finds path parameters in ``request.path_params``. What reads a ``body`` into memory needs a
        ``budget`` for it; ``errors`` are those that not every request may meet;
        ``query`` tells the parameters of the query with their descriptions and schemas.
        """
        extra: Schema = {"security": list(_SECURITY)}
        parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
        parameters += [_query_parameter(name, *told) for name, told in query.items()]
        if parameters:
            extra["parameters"] = parameters
        if body is not None:
            extra["requestBody"] = {"required": True, "content": body.content()}
        errors = (*_ERRORS, *(_BODY_ERRORS if body else ()), *errors)
        route = self._route(
            path, endpoint, answer, errors, status, methods=[method], openapi_extra=extra
        )
        # As Starlette's own routes do it with ``middleware``: around the route, which is found.
        if budget is not None:
            formats = None if isinstance(body, File) else self._context.formats
            route.app = BodyMiddleware(route.app, formats, budget)
        route.app = AdmissionMiddleware(
            route.app, self._context, endpoint.__name__, is_streamed=isinstance(answer, Lines)
        )

    def add_open(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        answer: Body | Lines | None,
        errors: Sequence[int] = (),
        response_class: type[Response] = Response,
    ) -> None:
        """Add a route for GET that is open to all, whatever the service's state."""
        self._route(path, endpoint, answer, errors, response_class=response_class)

    def _route(
        self,
        path: str,
        endpoint: Endpoint,
        answer: Body | Lines | None,
        errors: Sequence[int],
        status: int = 200,
        **options: Any,  # noqa: ANN401
    ) -> APIRoute:
        summary, _, description = inspect.cleandoc(endpoint.__doc__ or "").partition("\n")
        responses: dict[int | str, Schema] = {each: _problem(each) for each in sorted(errors)}
        responses[status] = _answer(answer) if answer else {}
        self._app.add_api_route(
            path,
            endpoint,
            operation_id=_camel_case(endpoint.__name__),
            summary=summary,
            description=description.strip(),
            status_code=status,
            response_description="Done.",
            responses=responses,
            **options,
        )
        route = self._app.routes[-1]
        assert isinstance(route, APIRoute)
        # FastAPI would look for parameters and dependencies, of which endpoints have none.
        route.app = _answered_by(endpoint)
        return route


def _answered_by(endpoint: Endpoint) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return answer


def _bytes(description: str) -> Schema:
    return {"type": "string", "format": "binary", "description": description}


def _answer(body: Body | Lines) -> Schema:
    headers = {
        name: {"description": said, "schema": {"type": "string"}}
        for name, said in body.headers.items()
    }
    return {"content": body.content()} | ({"headers": headers} if headers else {})


def _path_parameter(name: str) -> Schema:
    description, example = _PATH_PARAMETERS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    }


def _query_parameter(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _problem(status: int) -> Schema:
    titles = [kind.title for kind in ERROR_KINDS.values() if kind.http_status == status]
    problem: Schema = {
        "description": f"{titles[0]}.",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == 429:
        problem["headers"] = {"retry-after": _RETRY_AFTER}
    return problem
