"""POST /v1/lift."""

import asyncio

from fastapi import APIRouter, Request, Response

from service.context import ServiceContext
from service.gate import gate
from service.rest.access import api_key
from service.rest.bodies import Intake, Place, unless_caller_leaves
from service.rest.media import answer_codec, request_codec
from service.wire.exchange import Exchange

_LARGEST_BODIES = 4
"""How many of the largest bodies are read and worked on at a time."""


class LiftEndpoint:
    """Lifts clips of 2D keypoints to 3D poses."""

    def __init__(self, context: ServiceContext) -> None:
        limit = context.limits.max_body_bytes
        self._context = context
        self._exchange = Exchange(context)
        self._intake = Intake(limit, _LARGEST_BODIES * limit)

    def router(self) -> APIRouter:
        """The route to this endpoint."""
        router = APIRouter()
        router.add_api_route("/v1/lift", self.lift, methods=["POST"])
        return router

    async def lift(self, request: Request) -> Response:
        """Answer one request, in JSON or protobuf."""
        with gate(self._context, "http", "lift", api_key(request)), self._intake.place() as place:
            return await self._answer(request, place)

    async def _answer(self, request: Request, place: Place) -> Response:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._context.request_timeout_s
        given = request_codec(request)
        wanted = answer_codec(request, same=given)
        body = await place.read(request, self._context.request_timeout_s)
        work = self._exchange.lift(body, given, wanted, timeout_s=deadline - clock())
        answer = await unless_caller_leaves(request, work)
        return Response(answer, media_type=wanted.media_type)
