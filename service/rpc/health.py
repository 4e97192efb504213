"""The standard health service, which says what ``/readyz`` says."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.health import ServiceState

_Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Response = health_pb2.HealthCheckResponse

_WATCH_INTERVAL_S = 0.5


class HealthServicer(health_pb2_grpc.HealthServicer):
    """Answers for the whole server, named by the empty string, and for each of its services."""

    def __init__(self, state: ServiceState, services: tuple[str, ...]) -> None:
        self._state = state
        self._services = ("", *services)

    async def Check(  # noqa: D102, N802
        self, request: health_pb2.HealthCheckRequest, call: _Call
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._services:
            await call.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return self._response()

    async def List(self, _: object, __: _Call) -> Any:  # noqa: D102, N802, ANN401
        statuses = {name: self._response() for name in self._services}
        return health_pb2.HealthListResponse(statuses=statuses)  # type: ignore[attr-defined]

    async def Watch(  # noqa: D102, N802
        self, request: health_pb2.HealthCheckRequest, _: _Call
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        if request.service not in self._services:
            yield _Response(status=_Response.SERVICE_UNKNOWN)
            return
        last = None
        while True:
            response = self._response()
            if response != last:
                yield response
                last = response
            if last is not None and not self._state.accepting:
                return  # a stream that stays open would hold up the server's end
            await asyncio.sleep(_WATCH_INTERVAL_S)

    def _response(self) -> health_pb2.HealthCheckResponse:
        ready = self._state.ready
        return _Response(status=_Response.SERVING if ready else _Response.NOT_SERVING)
