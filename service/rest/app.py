"""The HTTP application."""

from fastapi import FastAPI

from service.context import ServiceContext
from service.rest.docs import DocsPage
from service.rest.errors import register_error_handlers
from service.rest.lift import LiftEndpoint
from service.rest.openapi import openapi_document
from service.rest.sessions import SessionEndpoints
from service.rest.status import StatusEndpoints
from service.rest.stream import StreamEndpoint


def create_app(context: ServiceContext) -> FastAPI:
    """Put the endpoints of one service together."""
    document = openapi_document(context.engine)
    app = FastAPI(title="poselift", redirect_slashes=False, docs_url=None, redoc_url=None)
    app.include_router(LiftEndpoint(context).router())
    app.include_router(SessionEndpoints(context).router())
    app.include_router(StreamEndpoint(context).router())
    app.include_router(StatusEndpoints(context).router())
    app.include_router(DocsPage(document).router())
    register_error_handlers(app)
    # FastAPI would derive a document from signatures, and ours say nothing: bodies are read raw.
    app.openapi = lambda: document  # type: ignore[method-assign]
    return app
