"""The methods of poselift.v1.PoseLift.

Messages are parsed here rather than by gRPC, so that one that cannot be is answered like any other
bad input, and so that lifting has one way in with HTTP's protobuf bodies.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import grpc
import grpc.aio

from poselift.card import Card
from poselift.v1 import poselift_pb2 as messages
from service.context import ServiceContext
from service.gate import gate, presented_key
from service.rpc.errors import abort
from service.wire.codecs import PROTOBUF
from service.wire.description import model_details, model_summary
from service.wire.exchange import Exchange
from service.wire.live_protobuf import LIVE_PROTOBUF
from service.wire.protobuf_messages import parse
from service.wire.streaming import LiveStream, Pipe

_FIRST_WRITE_S = 1.0

_Call: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class PoseLift:
    """Bytes in, bytes out."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._exchange = Exchange(context)

    def handlers(self, service: str) -> grpc.GenericRpcHandler:
        """The methods by name, to be added to a server."""
        unary = {"Lift": self.lift, "ListModels": self.list_models}
        methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.unary_unary_rpc_method_handler(do) for name, do in unary.items()
        }
        methods["LiftStream"] = grpc.stream_stream_rpc_method_handler(self.lift_stream)
        return grpc.method_handlers_generic_handler(service, methods)

    async def lift(self, body: bytes, call: _Call) -> bytes:
        """Lift clips."""
        timeout_s = self._timeout_s(call)
        return await self._answer(
            "lift", call, lambda: self._exchange.lift(body, PROTOBUF, PROTOBUF, timeout_s)
        )

    async def lift_stream(self, _: object, call: _Call) -> None:
        """Lift a live session's frames as they come."""
        has_read = False

        async def receive() -> bytes | None:
            nonlocal has_read
            has_read = True
            message = await call.read()
            return message if isinstance(message, bytes) else None  # at the end it is EOF

        pipe = Pipe(receive, call.write, self._context.slow_reader_s)
        key = _api_key(call)
        try:
            with gate(self._context, "grpc", "lift_stream", key):
                await LiveStream(self._context.live, LIVE_PROTOBUF, pipe, key).run()
        except Exception as error:
            if not has_read:
                await _let_write(call)
            await abort(call, error)

    async def list_models(self, body: bytes, call: _Call) -> bytes:
        """List the models served."""
        return await self._answer("list_models", call, lambda: self._models(body))

    async def _answer(
        self, operation: str, call: _Call, work: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        try:
            with gate(self._context, "grpc", operation, _api_key(call)):
                return await work()
        except Exception as error:
            await abort(call, error)

    async def _models(self, body: bytes) -> bytes:
        parse(messages.ListModelsRequest, body)
        cards = self._context.engine.cards()
        models = [self._described(card) for card in cards]
        return messages.ListModelsResponse(models=models).SerializeToString()

    def _described(self, card: Card) -> messages.Model:
        details = model_details(card, self._context.engine.aliases())
        return messages.Model(**model_summary(card), details=messages.ModelDetails(**details))

    def _timeout_s(self, call: _Call) -> float:
        remaining_s: float | None = call.time_remaining()
        longest_s = self._context.request_timeout_s
        return longest_s if remaining_s is None else min(remaining_s, longest_s)


async def _let_write(call: _Call) -> None:
    """Take in what the caller is just sending: else they may learn of a broken call and not why."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_FIRST_WRITE_S):
            await call.read()


def _api_key(call: _Call) -> str | None:
    metadata = dict(call.invocation_metadata() or ())
    return presented_key(_text(metadata.get("authorization")), _text(metadata.get("x-api-key")))


def _text(text: str | bytes | None) -> str | None:
    return text.decode("latin-1") if isinstance(text, bytes) else text
