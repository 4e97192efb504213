"""What a gRPC call passes before its handler: admission, authentication, deadline, counting.

All methods are served as streams, also those with one message and one answer, which are the same to
callers: so messages are read here, once it is known that they are wanted.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import unquote

import grpc
import grpc.aio

from service.addresses import caller_address, hostname, network_of
from service.admission import Admitted, CallerLeft, admitted, presented_key
from service.context import ServiceContext
from service.intake import REFUSED_AFTER_S
from service.logs import REQUEST_ID, begin_request, id_headers, log_other
from service.request_errors import DeadlineExceeded, Overloaded
from service.rpc.errors import end
from service.rpc.messages import inflated, is_compressed
from service.rpc.open_methods import OpenMethods
from service.traces import continue_trace

LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024
"""gRPC takes a message in whole before it can be refused: 150,000 frames, and no more."""

_FIRST_WRITE_S = 1.0
_SLOWEST_READER_BYTES_PER_S = 32 * 1024

_Call: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class RpcChannel:
    """A stream's messages as those of a gRPC call, none of which is larger than ``largest``."""

    def __init__(self, call: _Call, largest: int) -> None:
        self._call = call
        self.largest = largest
        self.came_at = 0.0
        """See ``Channel``: gRPC tells only when a message is taken."""
        self._has_read = False

    async def receive(self) -> bytes | None:
        """The client's next message; None at the end.

        Raises:
            TooLarge, Unreadable: it came compressed, and has too much in it, or nothing readable.
        """
        self._has_read = True
        message = await self._call.read()
        self.came_at = time.perf_counter()
        if not isinstance(message, bytes):
            return None  # at the end it is EOF
        if is_compressed(message):
            return await asyncio.to_thread(inflated, message, self.largest)
        return message

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
                    await self._call.read()


UnaryHandler: TypeAlias = Callable[[RpcChannel, Admitted], Awaitable[bytes]]
StreamHandler: TypeAlias = Callable[[RpcChannel, Admitted], Awaitable[None]]


class _Unread(CallerLeft):
    """An answer was not read in time.

    gRPC cannot be told to drop it. The request is over, and nothing waits for it; but until the
    answer is read, or the caller leaves, it has its ``place`` among those of its caller.
    """

    def __init__(self, writing: asyncio.Task[None], place: ExitStack) -> None:
        super().__init__()
        self.writing = writing
        self.place = place


class AdmissionInterceptor(grpc.aio.ServerInterceptor):
    """Stands before the methods that it knows; health and reflection are open to all.

    Their handlers are a ``UnaryHandler`` or a ``StreamHandler``, and raise errors as they are.

    ``operations`` are methods by their full names, with their names in metrics; ``waited_s`` tells
    for how long a call has waited that is handed over now.
    """

    def __init__(
        self,
        context: ServiceContext,
        operations: Mapping[str, str],
        waited_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._context = context
        self._operations = operations
        self._waited_s = waited_s
        self._open_methods = OpenMethods(lambda call: network_of(_host(call.peer())))
        self._served: dict[str, Any] = {}
        """What is served, by method."""
        self._calls = 0
        self.idle = asyncio.Event()
        """Set while no call is in progress."""
        self.idle.set()
        self._largest = min(context.limits.max_body_bytes, LARGEST_MESSAGE_BYTES)
        self._unknown: Any = grpc.stream_stream_rpc_method_handler(self._refuse_unknown)
        """Of methods that there are not."""

    async def intercept_service(  # noqa: D102
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401
        method = handler_call_details.method
        if method not in self._served:
            found = await continuation(handler_call_details)
            if found is None:
                return self._unknown
            self._served[method] = self._bounded(method, found)
        return self._served[method]

    def _bounded(self, method: str, found: Any) -> Any:  # noqa: ANN401 - grpc's
        operation = self._operations.get(method)
        if operation is None:
            return self._open_methods.bounded(found)

        # Of anything but a plain function gRPC takes long to find out what it is, in each call.
        async def serve(_: object, call: _Call) -> None:
            if found.stream_stream is not None:
                await self._stream(operation, found.stream_stream, call)
            else:
                await self._unary(operation, found.unary_unary, call)

        return grpc.stream_stream_rpc_method_handler(serve)

    async def _refuse_unknown(self, _: object, call: _Call) -> None:
        """End a call of a method that there is not, as gRPC would."""
        _, address = self._begin(call)
        call.set_code(grpc.StatusCode.UNIMPLEMENTED)
        call.set_details("Method not found!")
        self._context.metrics.request_unread(HTTPStatus.NOT_FOUND)
        log_other("grpc", HTTPStatus.NOT_FOUND, 0.0, address)

    async def _unary(self, operation: str, handler: UnaryHandler, call: _Call) -> None:
        channel, unread = RpcChannel(call, self._largest), None
        with self._counted():
            try:
                with self._admitted(operation, call) as request:
                    answer = await request.deadline.bound(handler(channel, request))
                    await self._deliver(channel, answer, request)
            except _Unread as error:
                unread = error
            except Exception as error:
                if isinstance(error, Overloaded):
                    await asyncio.sleep(REFUSED_AFTER_S)
                end(call, error)
        if unread is not None:
            with unread.place:
                await asyncio.gather(unread.writing, return_exceptions=True)
            end(call, DeadlineExceeded("the answer was not read in time"))

    async def _stream(self, operation: str, handler: StreamHandler, call: _Call) -> None:
        channel = RpcChannel(call, self._largest)
        try:
            with self._counted(), self._admitted(operation, call) as request:
                await handler(channel, request)
            call.set_trailing_metadata(id_headers())  # by now with the session's
        except Exception as error:
            await channel.let_write()
            end(call, error)

    async def _deliver(self, channel: RpcChannel, answer: bytes, request: Admitted) -> None:
        """Send an answer.

        Raises:
            _Unread: it was not read in time.
        """
        patience_s = self._context.slow_reader_s + len(answer) / _SLOWEST_READER_BYTES_PER_S
        writing = asyncio.create_task(channel.send(answer))
        try:
            async with asyncio.timeout(patience_s):
                await asyncio.shield(writing)
        except TimeoutError:
            raise _Unread(writing, request.place.pop_all()) from None
        except asyncio.CancelledError:
            writing.cancel()
            raise

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._calls += 1
        self.idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self.idle.set()

    def _admitted(self, operation: str, call: _Call) -> AbstractContextManager[Admitted]:
        metadata, address = self._begin(call)
        key = presented_key(metadata.get("authorization"), metadata.get("x-api-key"))
        remaining_s, waited_s = call.time_remaining(), self._waited_s()
        return admitted(self._context, "grpc", operation, key, remaining_s, address, waited_s)

    def _begin(self, call: _Call) -> tuple[Mapping[str, str], str]:
        """Give a call its id; what came with it, and from where."""
        metadata = {name: _text(value) for name, value in call.invocation_metadata() or ()}
        begin_request(metadata.get(REQUEST_ID))
        continue_trace(metadata)
        call.set_trailing_metadata(id_headers())
        forwarded_for = metadata.get("x-forwarded-for")
        proxies = self._context.trusted_proxies
        return metadata, caller_address(_host(call.peer()), forwarded_for, proxies)


@lru_cache(maxsize=4096)
def _host(peer: str) -> str:
    """The address in ``ipv4:HOST:PORT`` or ``ipv6:[HOST]:PORT``, where brackets are escaped."""
    return hostname(unquote(peer).partition(":")[2])


def _text(text: str | bytes) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text
