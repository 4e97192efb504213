"""What the service says about itself: models, health and metrics."""

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from poselift.card import Card
from service.context import ServiceContext
from service.gate import gate
from service.request_errors import Unavailable
from service.rest.access import api_key
from service.wire.description import model_details, model_summary


class StatusEndpoints:
    """Everything that is asked for with GET."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def router(self) -> APIRouter:
        """The routes to these endpoints."""
        router = APIRouter()
        router.add_api_route("/v1/models", self.models)
        router.add_api_route("/v1/models/{name}", self.model)
        router.add_api_route("/healthz", self.alive, methods=["GET", "HEAD"])
        router.add_api_route("/readyz", self.ready, methods=["GET", "HEAD"])
        router.add_api_route("/metrics", self.metrics)
        return router

    async def models(self, request: Request) -> Response:
        """All models served."""
        with gate(self._context, "http", "list_models", api_key(request)):
            cards = self._context.engine.cards()
            return _json({"models": [self._described(card) for card in cards]})

    async def model(self, request: Request, name: str) -> Response:
        """The model of a name or alias."""
        with gate(self._context, "http", "get_model", api_key(request)):
            return _json(self._described(self._context.engine.card(name)))

    async def alive(self) -> Response:
        """Whether the process answers at all."""
        return _json({"status": "alive"})

    async def ready(self) -> Response:
        """Whether requests should be sent here."""
        if not self._context.state.ready:
            raise Unavailable("the service is starting or shutting down")
        sessions = self._context.sessions
        if sessions is not None and not sessions.is_store_here:
            # Clips are lifted and live sessions go on for a while: still better than nowhere.
            return _json({"status": "degraded", "detail": "the session store is away"})
        return _json({"status": "ready"})

    async def metrics(self) -> Response:
        """What the service counts, for Prometheus."""
        text = generate_latest(self._context.metrics.registry)
        return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})

    def _described(self, card: Card) -> dict[str, Any]:
        return model_summary(card) | model_details(card, self._context.engine.aliases())


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
