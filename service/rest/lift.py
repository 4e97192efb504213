"""POST /v1/lift."""

from fastapi import Request, Response

from service.context import ServiceContext
from service.handlers import lift_handler
from service.rest.bodies import MemoryBudget, unless_caller_leaves
from service.rest.examples import LIFT_REQUESTS
from service.rest.middleware import admission_of, formats_of
from service.rest.operations import Body, Operations

_LARGEST_BODIES = 4
"""How many of the largest bodies are read and worked on at a time."""


class LiftEndpoint:
    """Lifts clips of 2D keypoints to 3D poses."""

    def __init__(self, context: ServiceContext) -> None:
        limit = context.limits.max_body_bytes
        self._context = context
        self._budget = MemoryBudget(limit, _LARGEST_BODIES * limit)

    def add_to(self, operations: Operations) -> None:
        """Add the route to this endpoint."""
        body = Body("LiftRequest", "LiftRequest", examples=LIFT_REQUESTS)
        answer = Body("LiftResponse", "LiftResponse")
        operations.add("POST", "/v1/lift", self.lift, answer=answer, body=body, budget=self._budget)

    async def lift(self, request: Request) -> Response:
        """Lift clips of 2D keypoints to 3D poses.

        The answer is in the format that `accept` names, else in that of the request.

        `application/x-protobuf` bodies are messages of `poselift.v1`.
        """
        given, wanted = formats_of(request)
        body = await request.body()
        deadline = admission_of(request).deadline
        work = lift_handler.lift(self._context, body, given, wanted, deadline)
        answer = await unless_caller_leaves(request, work)
        return Response(answer, media_type=wanted.media_type)
