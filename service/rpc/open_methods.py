"""Methods that are open to all, health and reflection: so many calls at a time of each caller."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

import grpc
import grpc.aio

from service.request_errors import Overloaded
from service.rpc.errors import abort
from service.rpc.messages import inflated
from service.shares import Pool

_MOST_CALLS = 256
_LARGEST_MESSAGE_BYTES = 64 * 1024

_Call: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Unary: TypeAlias = Callable[[Any, _Call], Awaitable[Any]]
_Stream: TypeAlias = Callable[[Any, _Call], AsyncIterator[Any]]


class OpenMethods:
    """Bounds the calls of methods that it is given."""

    def __init__(self, party_of: Callable[[_Call], str]) -> None:
        self._party_of = party_of
        self._calls = Pool("open calls", _MOST_CALLS)

    def bounded(self, found: Any) -> Any:  # noqa: ANN401 - grpc's
        """The same method, bounded."""
        read = partial(_read, found.request_deserializer)
        if found.unary_unary is not None:
            unary = partial(self._unary, found.unary_unary)
            return grpc.unary_unary_rpc_method_handler(unary, read, found.response_serializer)
        stream: Any = partial(self._stream, found.unary_stream or found.stream_stream)
        make = (
            grpc.unary_stream_rpc_method_handler
            if found.unary_stream is not None
            else grpc.stream_stream_rpc_method_handler
        )
        return make(stream, read, found.response_serializer)

    async def _unary(self, method: _Unary, request: object, call: _Call) -> Any:  # noqa: ANN401
        try:
            with self._calls.holding(self._party_of(call)):
                return await method(request, call)
        except Overloaded as error:
            await abort(call, error)

    async def _stream(self, method: _Stream, request: object, call: _Call) -> AsyncIterator[Any]:
        try:
            with self._calls.holding(self._party_of(call)):
                async for answer in method(request, call):
                    yield answer
        except Overloaded as error:
            await abort(call, error)


def _read(deserialize: Callable[[bytes], Any], message: bytes) -> Any:  # noqa: ANN401
    return deserialize(inflated(message, _LARGEST_MESSAGE_BYTES))
