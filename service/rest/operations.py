"""Routes with what OpenAPI says of them, behind the middleware that their requests pass."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from service.context import ServiceContext
from service.error_table import ERROR_KINDS
from service.rest.bodies import MemoryBudget
from service.rest.errors import PROBLEM_TYPE
from service.rest.middleware import AdmissionMiddleware, BodyMiddleware
from service.wire.served_formats import JSON, PROTOBUF

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]
Schema: TypeAlias = dict[str, Any]

_SECURITY: Sequence[Schema] = ({}, {"bearer": []}, {"header": []})
"""The empty alternative: a service without keys is open to all."""
_RETRY_AFTER = {
    "description": "Seconds to wait.",
    "schema": {"type": "integer"},
    "required": True,
}


@dataclass(frozen=True)
class Body:
    """A body: a class of ``service.rest.schemas`` in JSON, a message of ``poselift.v1``."""

    schema: str
    message: str | None = None
    example: Mapping[str, Any] | None = None
    examples: Mapping[str, Any] = field(default_factory=dict)

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
            binary = {"type": "string", "format": "binary", "description": said}
            content[PROTOBUF.media_type] = {"schema": binary}
        return content


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
        operation: str,
        operation_id: str,
        summary: str,
        answer: Body | None,
        errors: Sequence[int],
        status: int = 200,
        parameters: Sequence[Schema] = (),
        body: Body | None = None,
        budget: MemoryBudget | None = None,
    ) -> None:
        """Add a route; the endpoint's docstring is its description.

        Args:
            method: of HTTP.
            path: with parameters in braces, which the endpoint finds in ``request.path_params``.
            endpoint: what answers a request that was admitted.
            operation: its name in metrics.
            operation_id: its name in OpenAPI.
            summary: what it does.
            answer: what it answers with, if anything.
            errors: HTTP statuses of the errors it may answer with.
            status: the status of success.
            parameters: the path's.
            body: what it is asked with; ``budget`` is the memory for it.
            budget: None where it takes no body.
        """
        extra: Schema = {"security": list(_SECURITY)}
        if parameters:
            extra["parameters"] = list(parameters)
        if body is not None:
            extra["requestBody"] = {"required": True, "content": body.content()}
        self._app.add_api_route(
            path,
            endpoint,
            methods=[method],
            operation_id=operation_id,
            summary=summary,
            status_code=status,
            response_description="Done.",
            responses=_responses(status, answer, errors),
            openapi_extra=extra,
        )
        route = self._app.routes[-1]
        assert isinstance(route, APIRoute)
        # As Starlette's own routes do it with ``middleware``: around the route, which is found.
        if budget is not None:
            route.app = BodyMiddleware(route.app, self._context.formats, budget)
        route.app = AdmissionMiddleware(route.app, self._context, operation)

    def add_open(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        operation_id: str,
        summary: str,
        answer: Body | None,
        errors: Sequence[int] = (),
        response_class: type[Response] = Response,
    ) -> None:
        """Add a route for GET that is open to all, whatever the service's state."""
        self._app.add_api_route(
            path,
            endpoint,
            methods=["GET"],
            operation_id=operation_id,
            summary=summary,
            response_description="Done.",
            response_class=response_class,
            responses=_responses(200, answer, errors),
        )


def path_parameter(name: str, description: str, example: str) -> Schema:
    """A parameter in a path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    }


def _responses(
    status: int, answer: Body | None, errors: Sequence[int]
) -> dict[int | str, dict[str, Any]]:
    responses: dict[int | str, dict[str, Any]] = {each: _problem(each) for each in errors}
    if answer is not None:
        responses[status] = {"content": answer.content()}
    return responses


def _problem(status: int) -> Schema:
    titles = [kind.title for kind in ERROR_KINDS.values() if kind.http_status == status]
    problem: Schema = {
        "description": f"{titles[0]}.",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == 429:
        problem["headers"] = {"retry-after": _RETRY_AFTER}
    return problem
