"""The gRPC server."""

import asyncio
import math
from typing import Any, Final

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from poselift.v1 import poselift_pb2 as messages
from service.context import ServiceContext
from service.machine import Machine, StartError, authority
from service.rpc.accepting import AcceptQueue
from service.rpc.health import HealthServicer
from service.rpc.interceptor import LARGEST_MESSAGE_BYTES, AdmissionInterceptor
from service.rpc.poselift import OPERATIONS, PoseLift

_SERVICE: Final = messages.DESCRIPTOR.services_by_name["PoseLift"].full_name
_UNLIMITED = -1
_MOST_STREAMS = 4_096
"""Of one connection, at a time."""
_MOST_PENDING = 10_000
"""Calls that wait to be looked at, each of which is answered; gRPC itself ends a thousand at random
and tells no caller why."""
_HANDSHAKE_MS = 10_000
_AGE_MS = 3_600_000
_PING_MS, _PONG_MS = 60_000, 20_000
_PINGS_OF_CLIENTS_MS = 10_000
_LEAVE_S = 1.0


class RpcTransport:
    """gRPC on the port of the settings."""

    def __init__(self, context: ServiceContext, machine: Machine) -> None:
        operations = {f"/{_SERVICE}/{method}": name for method, name in OPERATIONS.items()}
        self._queue = AcceptQueue()
        self._admission = AdmissionInterceptor(context, operations, self._queue.wait_s)
        is_shared = machine.siblings is not None
        bounds = machine.max_connections, machine.settings.keep_alive_s
        self._server = create_server(context, self._admission, *bounds, is_shared)
        self._server.add_generic_rpc_handlers((self._queue.handlers(),))
        self._settings = machine.settings
        self._tls = machine.tls

    def bind(self) -> str:
        """Take the port; the address, for the log.

        Raises:
            StartError: it cannot be used.
        """
        host, port = self._settings.host, self._settings.grpc_port
        try:
            port = self._added_port(authority(host, port))
            self._server.add_insecure_port(self._queue.address)
        except RuntimeError as error:
            raise StartError(
                f"gRPC on {authority(host, port)}: the address cannot be used "
                "(POSELIFT_GRPC_PORT chooses another port)"
            ) from error
        return f"gRPC on {authority(host, port)}"

    def _added_port(self, address: str) -> int:
        if self._tls is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, self._tls.grpc)

    async def start(self) -> asyncio.Task[bool]:
        """Answer calls from now on."""
        await self._server.start()
        return asyncio.create_task(self._server.wait_for_termination(), name="grpc")

    async def drain(self, timeout_s: float) -> None:
        """Let calls in progress finish, no longer than the timeout, and end."""
        stopping = asyncio.create_task(self._server.stop(timeout_s))
        idle = asyncio.create_task(self._admission.idle.wait())
        await asyncio.wait({stopping, idle}, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        # By itself gRPC waits for every peer to take its leave, and some never answer.
        await self._server.stop(_LEAVE_S)
        await stopping
        await self._queue.close()


def create_server(
    context: ServiceContext,
    admission: AdmissionInterceptor,
    max_connections: int,
    keep_alive_s: float,
    is_shared: bool = False,
) -> grpc.aio.Server:
    """A server of poselift.v1, health and reflection; it has no address yet.

    ``is_shared`` is for an address that other processes share.
    """
    health = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    # Shared by itself, a second service on the port would start and take half of the calls.
    shared = ("grpc.so_reuseport", int(is_shared))
    largest = min(context.limits.max_body_bytes, LARGEST_MESSAGE_BYTES)
    options = (*connection_options(largest, max_connections, keep_alive_s), shared)
    server = grpc.aio.server(interceptors=[admission], options=options)
    server.add_generic_rpc_handlers((PoseLift(context).handlers(_SERVICE),))
    servicer = HealthServicer(context.state, (_SERVICE,))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if context.describes_rpc:
        names = (_SERVICE, health, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    return server


def connection_options(
    largest_message: int, max_connections: int, keep_alive_s: float
) -> tuple[tuple[str, Any], ...]:
    """What gRPC is told of connections: how many, how long and what may come on them."""
    return (
        ("grpc.max_receive_message_length", largest_message),
        ("grpc.max_send_message_length", _UNLIMITED),
        # gRPC does so without bounds, and before anybody could be asked for a key.
        ("grpc.per_message_decompression", 0),
        ("grpc.max_allowed_incoming_connections", max_connections),
        ("grpc.max_concurrent_streams", _MOST_STREAMS),
        ("grpc.server.max_pending_requests", _MOST_PENDING),
        ("grpc.server.max_pending_requests_hard_limit", 2 * _MOST_PENDING),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.max_connection_idle_ms", math.ceil(1000 * keep_alive_s)),
        # Streams in progress outlive it: only new calls go to another connection, or replica.
        ("grpc.max_connection_age_ms", _AGE_MS),
        ("grpc.keepalive_time_ms", _PING_MS),
        # The server does not heed ``grpc.keepalive_timeout_ms``.
        ("grpc.http2.ping_timeout_ms", _PONG_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _PINGS_OF_CLIENTS_MS),
    )
