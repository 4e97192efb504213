"""gRPC, blocking and awaited."""

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from poselift.client.address import Address
from poselift.client.errors import ServerUnavailable, of_status
from poselift.client.messages import parsed
from poselift.client.transport import authorization, needed, retry_after, untrusted_certificate
from poselift.errors import PoseliftError

if TYPE_CHECKING:
    import grpc
    import grpc.aio

_SERVICE: Final = "/poselift.v1.PoseLift/"
_PROBLEM: Final = "problem-bin"
_RETRY_AFTER: Final = "retry-after"
_DETAILS: Final = "grpc-status-details-bin"
_PUSHBACK: Final = "grpc-retry-pushback-ms"
_WRITTEN_TOO_LATE: Final = "Internal error from Core"
"""What grpc.aio says of a call that had ended when a message was written."""
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # The client tries again itself, by its own deadline, and must not find the channel resting.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class RpcTransport:
    """Blocking gRPC."""

    def __init__(self, address: Address, api_key: str | None) -> None:
        grpc = needed("grpc", address)
        self._address = address
        self._metadata = tuple(authorization(api_key).items())
        if address.is_secure:
            credentials = grpc.ssl_channel_credentials(address.authorities)
            self._channel = grpc.secure_channel(address.host, credentials, _OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address.host, _OPTIONS)

    def lift(self, body: bytes, timeout_s: float) -> bytes:
        """See ``Transport``."""
        return self._ask("Lift", body, timeout_s)

    def models(self, timeout_s: float) -> list[dict[str, Any]]:
        """See ``Transport``."""
        return _models(self._ask("ListModels", b"", timeout_s))

    def stream(self) -> "RpcConnection":
        """See ``Transport``."""
        return RpcConnection(self._channel, self._address, self._metadata)

    def sleep(self, seconds: float) -> None:
        """See ``Transport``."""
        time.sleep(seconds)

    def close(self) -> None:
        """See ``Transport``."""
        self._channel.close()

    def _ask(self, method: str, body: bytes, timeout_s: float) -> bytes:
        import grpc  # noqa: PLC0415 - an extra's

        ask: Any = self._channel.unary_unary(_SERVICE + method)
        try:
            answer: bytes = ask(body, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise _error(error, self._address) from error
        return answer


class AsyncRpcTransport:
    """Awaited gRPC; the channel belongs to the event loop that first uses it."""

    def __init__(self, address: Address, api_key: str | None) -> None:
        needed("grpc", address)
        self._address = address
        self._metadata = tuple(authorization(api_key).items())
        self._open: grpc.aio.Channel | None = None

    async def lift(self, body: bytes, timeout_s: float) -> bytes:
        """See ``Transport``."""
        return await self._ask("Lift", body, timeout_s)

    async def models(self, timeout_s: float) -> list[dict[str, Any]]:
        """See ``Transport``."""
        return _models(await self._ask("ListModels", b"", timeout_s))

    def stream(self) -> "AsyncRpcConnection":
        """See ``Transport``."""
        return AsyncRpcConnection(self, self._address, self._metadata)

    async def sleep(self, seconds: float) -> None:
        """See ``Transport``."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """See ``Transport``."""
        if self._open is not None:
            await self._open.close()

    def channel(self) -> "grpc.aio.Channel":
        """The channel, made where there is none yet."""
        import grpc  # noqa: PLC0415 - an extra's
        import grpc.aio  # noqa: PLC0415

        if self._open is None and self._address.is_secure:
            credentials = grpc.ssl_channel_credentials(self._address.authorities)
            self._open = grpc.aio.secure_channel(self._address.host, credentials, _OPTIONS)
        elif self._open is None:
            self._open = grpc.aio.insecure_channel(self._address.host, _OPTIONS)
        return self._open

    async def _ask(self, method: str, body: bytes, timeout_s: float) -> bytes:
        import grpc.aio  # noqa: PLC0415 - an extra's

        ask: Any = self.channel().unary_unary(_SERVICE + method)
        try:
            answer: bytes = await ask(body, timeout=timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _error(error, self._address) from error
        return answer


class RpcConnection:
    """A blocking stream: a thread of its own reads, so that waiting can have an end."""

    def __init__(
        self, channel: "grpc.Channel", address: Address, metadata: tuple[tuple[str, str], ...]
    ) -> None:
        self._address = address
        self._metadata = metadata
        self._begin: Any = channel.stream_stream(_SERVICE + "LiftStream")
        self._call: Any = None
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[bytes | PoseliftError | None] = queue.SimpleQueue()

    def connect(self, timeout_s: float) -> None:  # noqa: ARG002 - the first answer waits for it
        """See ``Connection``."""
        self.disconnect()
        self._outgoing, self._incoming = queue.SimpleQueue(), queue.SimpleQueue()
        self._call = self._begin(_until_none(self._outgoing), metadata=self._metadata)
        reader = threading.Thread(
            target=self._read,
            args=(self._call, self._incoming),
            name="poselift stream",
            daemon=True,
        )
        reader.start()

    def send(self, message: bytes, timeout_s: float) -> None:  # noqa: ARG002 - it is only queued
        """See ``Connection``."""
        if self._call is None or not self._call.is_active():
            raise ServerUnavailable(f"the connection to {self._address} was lost")
        self._outgoing.put(message)

    def receive(self, timeout_s: float) -> bytes | None:
        """See ``Connection``."""
        try:
            found = self._incoming.get(timeout=timeout_s)
        except queue.Empty:
            raise ServerUnavailable(
                f"no answer from {self._address} in {timeout_s:.3g} s"
            ) from None
        if isinstance(found, PoseliftError):
            self._incoming.put(found)  # it is the end, however often one asks
            raise found
        return found

    def disconnect(self) -> None:
        """See ``Connection``."""
        call, self._call = self._call, None
        if call is not None:
            self._outgoing.put(None)
            call.cancel()

    def sleep(self, seconds: float) -> None:
        """See ``Connection``."""
        time.sleep(seconds)

    def _read(
        self,
        call: Any,  # noqa: ANN401 - gRPC has no type for it
        incoming: "queue.SimpleQueue[bytes | PoseliftError | None]",
    ) -> None:
        import grpc  # noqa: PLC0415 - an extra's

        try:
            for message in call:
                incoming.put(message)
            incoming.put(None)
        except grpc.RpcError as error:
            incoming.put(_error(error, self._address))


class AsyncRpcConnection:
    """An awaited stream.

    A task of its own reads: what the server says last must be read before a message that comes too
    late ends the call, and a caller who stops waiting must not end it either.
    """

    def __init__(
        self,
        transport: AsyncRpcTransport,
        address: Address,
        metadata: tuple[tuple[str, str], ...],
    ) -> None:
        self._transport = transport
        self._address = address
        self._metadata = metadata
        self._call: Any = None
        self._incoming: asyncio.Queue[bytes | PoseliftError | None] = asyncio.Queue()
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, timeout_s: float) -> None:  # noqa: ARG002 - the first answer waits for it
        """See ``Connection``."""
        await self.disconnect()
        channel = self._transport.channel()
        self._incoming = asyncio.Queue()
        self._call = channel.stream_stream(_SERVICE + "LiftStream")(metadata=self._metadata)
        self._reading = asyncio.create_task(self._read(self._call, self._incoming))

    async def send(self, message: bytes, timeout_s: float) -> None:
        """See ``Connection``."""
        import grpc.aio  # noqa: PLC0415 - an extra's

        if self._call is None:
            raise self._lost()
        try:
            async with asyncio.timeout(timeout_s):
                await self._call.write(message)
        except asyncio.CancelledError:
            _raise_if_cancelled()
            raise self._lost() from None
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError) as error:
            raise self._lost() from error

    async def receive(self, timeout_s: float) -> bytes | None:
        """See ``Connection``."""
        try:
            async with asyncio.timeout(timeout_s):
                found = await self._incoming.get()
        except TimeoutError:
            raise ServerUnavailable(
                f"no answer from {self._address} in {timeout_s:.3g} s"
            ) from None
        if isinstance(found, PoseliftError):
            self._incoming.put_nowait(found)  # it is the end, however often one asks
            raise found
        return found

    async def disconnect(self) -> None:
        """See ``Connection``."""
        call, self._call = self._call, None
        reading, self._reading = self._reading, None
        if call is not None and reading is not None:
            call.cancel()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def sleep(self, seconds: float) -> None:
        """See ``Connection``."""
        await asyncio.sleep(seconds)

    async def _read(
        self,
        call: Any,  # noqa: ANN401 - gRPC has no type for it
        incoming: "asyncio.Queue[bytes | PoseliftError | None]",
    ) -> None:
        import grpc.aio  # noqa: PLC0415 - an extra's

        try:
            while isinstance(message := await call.read(), bytes):
                incoming.put_nowait(message)
            incoming.put_nowait(None)  # it was EOF
        except asyncio.CancelledError:
            _raise_if_cancelled()
            incoming.put_nowait(self._lost())
        except grpc.aio.AioRpcError as error:
            is_lost = (error.details() or "").startswith(_WRITTEN_TOO_LATE)
            incoming.put_nowait(self._lost() if is_lost else _error(error, self._address))

    def _lost(self) -> ServerUnavailable:
        return ServerUnavailable(f"the connection to {self._address} was lost")


def _raise_if_cancelled() -> None:
    """Raise the cancellation that is being handled if it is the task's, and not the call's."""
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise  # noqa: PLE0704 - called where it is handled


def _until_none(messages: "queue.SimpleQueue[bytes | None]") -> Iterator[bytes]:
    while (message := messages.get()) is not None:
        yield message


def _models(body: bytes) -> list[dict[str, Any]]:
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - an extra's

    from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

    listed = MessageToDict(
        parsed(messages.ListModelsResponse, body),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    models: list[dict[str, Any]] = listed["models"]
    # In JSON the details stand beside the rest.
    return [{**model, **model.pop("details", {})} for model in models]


def _error(error: Any, address: Address) -> PoseliftError:  # noqa: ANN401 - it is a call as well
    """What a status tells, with the problem and the time to wait in its trailers."""
    if (untrusted := untrusted_certificate(error.details() or "", address)) is not None:
        return untrusted
    trailers = dict(error.trailing_metadata() or ())
    problem = trailers.get(_PROBLEM)
    told = problem if isinstance(problem, bytes) else None
    wait_s = _wait_s(trailers)
    return of_status(error.code().name, error.details() or "", told, wait_s, str(address))


def _wait_s(trailers: dict[str, str | bytes]) -> float | None:
    """The time to wait, in one of the three ways that servers and proxies tell it."""
    details = trailers.get(_DETAILS)
    wait_s = _retry_delay_s(details) if isinstance(details, bytes) else None
    if wait_s is None:
        wait_s = retry_after(_text(trailers.get(_RETRY_AFTER)))
    pushback_ms = retry_after(_text(trailers.get(_PUSHBACK)))
    if wait_s is None and pushback_ms is not None:
        wait_s = pushback_ms / 1000
    return wait_s


def _retry_delay_s(details: bytes) -> float | None:
    """The delay of a ``RetryInfo`` among the details of a ``google.rpc.Status``."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - an extra's
    from google.rpc.error_details_pb2 import RetryInfo  # noqa: PLC0415
    from google.rpc.status_pb2 import Status  # noqa: PLC0415

    info = RetryInfo()
    try:
        if any(each.Unpack(info) for each in Status.FromString(details).details):
            return max(0.0, info.retry_delay.ToMilliseconds() / 1000)
    except DecodeError:
        pass
    return None


def _text(value: str | bytes | None) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value
