"""What the service says about itself: models, health and metrics."""

import asyncio
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from poselift.card import Card
from service.context import ServiceContext
from service.health import Status
from service.latest import Latest
from service.rest.operations import Body, Operations
from service.siblings import merged
from service.wire.description import model_details, model_summary


class StatusEndpoints:
    """Everything that is asked for with GET."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._models = context.engine.models
        self._has_metrics = not context.is_managed
        self._latest_metrics = Latest(self._collected)
        self._latest_life, self._latest_readiness = Latest(self._alive), Latest(self._ready)

    def add_to(self, operations: Operations) -> None:
        """Add the routes to these endpoints."""
        models, model, status = Body("Models"), Body("Model"), Body("Status")
        operations.add("GET", "/v1/models", self.list_models, answer=models)
        operations.add("GET", "/v1/models/{name}", self.get_model, answer=model, errors=(404,))
        operations.add_open("/healthz", self.alive, answer=status, errors=(503,))
        operations.add_open("/readyz", self.ready, answer=status, errors=(503,))
        text = PlainTextResponse
        if self._has_metrics:
            operations.add_open("/metrics", self.metrics, answer=None, response_class=text)

    async def list_models(self, _: Request) -> Response:
        """List the models served, with where their weights come from and their errors."""
        return _json({"models": [self._described(model.card) for model in self._models]})

    async def get_model(self, request: Request) -> Response:
        """Describe the model of a name or alias."""
        return _json(self._described(self._models.named(request.path_params["name"]).card))

    async def alive(self, _: Request) -> Response:
        """Is the process alive?"""
        return _json((await self._latest_life()).told())

    async def ready(self, _: Request) -> Response:
        """Should requests be sent here?"""
        return _json((await self._latest_readiness()).told())

    async def metrics(self, _: Request) -> Response:
        """Metrics for Prometheus."""
        headers = {"content-type": CONTENT_TYPE_LATEST}
        return Response(await self._latest_metrics(), headers=headers)

    async def _alive(self) -> Status:
        siblings, state = self._context.siblings, self._context.state
        return await siblings.alive() if siblings else state.alive()

    async def _ready(self) -> Status:
        siblings, state = self._context.siblings, self._context.state
        return await siblings.readiness() if siblings else state.readiness()

    async def _collected(self) -> bytes:
        siblings = self._context.siblings
        if siblings is None:
            return generate_latest(self._context.metrics.registry)
        return await asyncio.to_thread(merged, await siblings.metrics())

    def _described(self, card: Card) -> dict[str, Any]:
        return model_summary(card) | model_details(card, self._models.aliases)


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
