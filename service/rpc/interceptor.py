"""What a gRPC call passes before its handler: admission, authentication, deadline, counting."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import unquote

import grpc
import grpc.aio

from service.addresses import caller_address, hostname
from service.admission import Admitted, admitted, presented_key
from service.context import ServiceContext
from service.logs import REQUEST_ID, begin_request, id_headers
from service.rpc.errors import abort

_FIRST_WRITE_S = 1.0

_Call: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class RpcChannel:
    """A stream's messages as those of a gRPC call."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._has_read = False

    async def receive(self) -> bytes | None:
        """The client's next message; None at the end."""
        self._has_read = True
        message = await self._call.read()
        return message if isinstance(message, bytes) else None  # at the end it is EOF

    async def send(self, content: bytes) -> None:
        """Send a message."""
        await self._call.write(content)

    async def let_write(self) -> None:
        """Take in what the caller is just sending, if nothing was read yet.

        Else they may learn of a broken call and not why.
        """
        if not self._has_read:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST_WRITE_S):
                    await self.receive()


UnaryHandler: TypeAlias = Callable[[bytes, Admitted], Awaitable[bytes]]
StreamHandler: TypeAlias = Callable[[RpcChannel, Admitted], Awaitable[None]]


class AdmissionInterceptor(grpc.aio.ServerInterceptor):
    """Stands before the methods that it knows; health and reflection are open to all.

    Their handlers are a ``UnaryHandler`` or a ``StreamHandler``, and raise errors as they are.

    ``operations`` are methods by their full names, with their names in metrics.
    """

    def __init__(self, context: ServiceContext, operations: Mapping[str, str]) -> None:
        self._context = context
        self._operations = operations

    async def intercept_service(  # noqa: D102
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401
        found = await continuation(handler_call_details)
        operation = self._operations.get(handler_call_details.method)
        if found is None or operation is None:
            return found
        if found.stream_stream is not None:
            stream = partial(self._stream, operation, found.stream_stream)
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(
            partial(self._unary, operation, found.unary_unary)
        )

    async def _unary(
        self, operation: str, handler: UnaryHandler, body: bytes, call: _Call
    ) -> bytes:
        try:
            with self._admitted(operation, call) as request:
                return await request.deadline.bound(handler(body, request))
        except Exception as error:
            await abort(call, error)

    async def _stream(self, operation: str, handler: StreamHandler, _: object, call: _Call) -> None:
        channel = RpcChannel(call)
        try:
            with self._admitted(operation, call) as request:
                await handler(channel, request)
        except Exception as error:
            await channel.let_write()
            await abort(call, error)

    def _admitted(self, operation: str, call: _Call) -> AbstractContextManager[Admitted]:
        metadata = {name: _text(value) for name, value in call.invocation_metadata() or ()}
        begin_request(metadata.get(REQUEST_ID))
        call.set_trailing_metadata(id_headers())
        key = presented_key(metadata.get("authorization"), metadata.get("x-api-key"))
        remaining_s = call.time_remaining()
        forwarded_for = metadata.get("x-forwarded-for")
        address = caller_address(_host(call.peer()), forwarded_for, self._context.trusted_proxies)
        return admitted(self._context, "grpc", operation, key, remaining_s, address)


def _host(peer: str) -> str:
    """The address in ``ipv4:HOST:PORT`` or ``ipv6:[HOST]:PORT``, where brackets are escaped."""
    return hostname(unquote(peer).partition(":")[2])


def _text(text: str | bytes) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text
