"""The HTTP application."""

from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from service.context import ServiceContext
from service.health import PROBES
from service.rest.browsers import guard_browsers
from service.rest.convert import ConvertEndpoint
from service.rest.detect import DetectEndpoints
from service.rest.errors import answer_errors
from service.rest.lift import LiftEndpoint
from service.rest.operations import Operations
from service.rest.page import page_routes
from service.rest.request_ids import RequestIdMiddleware, tell_of_other
from service.rest.schemas import schemas
from service.rest.sessions import SessionEndpoints
from service.rest.status import StatusEndpoints
from service.rest.stream import stream_route
from service.served_models import ModelSet


def create_app(context: ServiceContext) -> FastAPI:
    """Put the endpoints of one service together."""
    app = _app(context.describes_http)
    operations = Operations(app, context)
    LiftEndpoint(context).add_to(operations)
    ConvertEndpoint(context).add_to(operations)
    DetectEndpoints(context).add_to(operations)
    SessionEndpoints(context).add_to(operations)
    StatusEndpoints(context).add_to(operations)
    app.router.routes.append(stream_route(context))
    app.router.routes.extend(page_routes())
    answer_errors(app)
    guard_browsers(app, context)
    tell = partial(tell_of_other, context)
    app.add_middleware(RequestIdMiddleware, tell=tell)  # around all of them
    if context.describes_http:
        document = _document(app, context.engine.models)
        app.openapi = lambda: document  # type: ignore[method-assign]
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path in PROBES and route.methods:
            route.methods.add("HEAD")  # the document tells of GET alone
    return app


def _app(is_described: bool) -> FastAPI:
    options: dict[str, Any] = {"title": "poselift", "version": "1", "redirect_slashes": False}
    # FastAPI's own would tell of errors with what callers sent.
    options["telemetry"] = {"tracing": False, "metrics": False, "logs": False}
    if is_described:
        return FastAPIOffline(**options, redoc_url=None)
    return FastAPI(**options, openapi_url=None)


def _document(app: FastAPI, models: ModelSet) -> dict[str, Any]:
    """What FastAPI says of the routes, and the bodies that they read and write themselves."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description="Lifts 2D human keypoints to 3D poses in metres.",
        routes=app.routes,
    )
    document["components"] = {
        "schemas": schemas(models),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
    }
    return document
