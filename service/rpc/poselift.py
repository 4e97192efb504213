"""The methods of poselift.v1.PoseLift.

Messages are parsed here rather than by gRPC, so that one that cannot be is answered like any other
bad input, and so that lifting has one way in with HTTP's protobuf bodies.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import grpc

from poselift.card import Card
from poselift.v1 import poselift_pb2 as messages
from service.admission import Admitted
from service.body_memory import Lease, MemoryBudget
from service.context import ServiceContext
from service.handlers import lift_handler
from service.handlers.live_stream import LiveStream
from service.rpc.interceptor import RpcChannel
from service.wire.description import model_details, model_summary
from service.wire.protobuf_reading import parse
from service.wire.served_formats import PROTOBUF

_USUAL_READ_S = 2.0

OPERATIONS = {"Lift": "lift", "ListModels": "list_models", "LiftStream": "lift_stream"}
"""The methods, with their names in metrics."""


class PoseLift:
    """Bytes in, bytes out; each call has passed the ``AdmissionInterceptor``."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._budget = MemoryBudget(context.limits.max_body_bytes, context.shares.body_bytes)

    def handlers(self, service: str) -> grpc.GenericRpcHandler:
        """The methods by name, to be added to a server."""
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Lift": grpc.unary_unary_rpc_method_handler(self.lift),
            "ListModels": grpc.unary_unary_rpc_method_handler(self.list_models),
            "LiftStream": grpc.stream_stream_rpc_method_handler(self.lift_stream),
        }
        return grpc.method_handlers_generic_handler(service, methods)

    async def lift(self, channel: RpcChannel, request: Admitted) -> bytes:
        """Lift clips."""
        lift_handler.expect(self._context, 0, PROTOBUF, request)
        quota = request.caller.quotas.bytes_in_flight
        with self._budget.lease(request.caller.party, quota) as lease:
            body = await self._body(channel, lease)
            with self._counted(len(body)):
                return await lift_handler.lift(self._context, body, PROTOBUF, PROTOBUF, request)

    def _counted(self, size: int) -> AbstractContextManager[object]:
        """Count a request of so many bytes for this worker, where there are several."""
        siblings = self._context.siblings
        if siblings is None:
            return nullcontext()
        work = self._context.intake.expected_work(PROTOBUF.media_type, size)
        return siblings.loads.given(work=work)

    async def lift_stream(self, channel: RpcChannel, request: Admitted) -> None:
        """Lift a live session's frames as they come."""
        await LiveStream(self._context, PROTOBUF, channel, request).run()

    async def list_models(self, channel: RpcChannel, _: Admitted) -> bytes:
        """List the models served."""
        parse(messages.ListModelsRequest, await channel.receive() or b"")
        models = self._context.engine.models
        described = [_described(model.card, models.aliases) for model in models]
        return messages.ListModelsResponse(models=described).SerializeToString()

    async def _body(self, channel: RpcChannel, lease: Lease) -> bytes:
        """The one message of a call.

        Its size is known once it is here, in whole: one that takes long to come counts as large.
        """
        reading = asyncio.ensure_future(channel.receive())
        try:
            await asyncio.wait({reading}, timeout=_USUAL_READ_S)
            if not reading.done():
                lease.extend(channel.largest)
            body = await reading or b""
        finally:
            reading.cancel()
        lease.extend(len(body))
        return body


def _described(card: Card, aliases: Mapping[str, str]) -> messages.Model:
    details = messages.ModelDetails(**model_details(card, aliases))
    return messages.Model(**model_summary(card), details=details)
