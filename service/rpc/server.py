"""The gRPC server."""

import asyncio
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from poselift.v1 import poselift_pb2 as messages
from service.context import ServiceContext
from service.machine import Machine, StartError, authority
from service.rpc.health import HealthServicer
from service.rpc.interceptor import AdmissionInterceptor
from service.rpc.poselift import OPERATIONS, PoseLift

_UNLIMITED = -1
_LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024
"""gRPC takes a message in whole before it can be refused: 150,000 frames, and no more."""


class RpcTransport:
    """gRPC on the port of the settings."""

    def __init__(self, context: ServiceContext, machine: Machine) -> None:
        self._server = create_server(context)
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
        await self._server.stop(timeout_s)


def create_server(context: ServiceContext) -> grpc.aio.Server:
    """A server of poselift.v1, health and reflection; it has no address yet."""
    service = messages.DESCRIPTOR.services_by_name["PoseLift"].full_name
    health = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    operations = {f"/{service}/{method}": name for method, name in OPERATIONS.items()}
    server = grpc.aio.server(
        interceptors=[AdmissionInterceptor(context, operations)], options=_options(context)
    )
    server.add_generic_rpc_handlers((PoseLift(context).handlers(service),))
    servicer = HealthServicer(context.state, (service,))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if context.describes_rpc:
        names = (service, health, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    return server


def _options(context: ServiceContext) -> tuple[tuple[str, Any], ...]:
    return (
        (
            "grpc.max_receive_message_length",
            min(context.limits.max_body_bytes, _LARGEST_MESSAGE_BYTES),
        ),
        ("grpc.max_send_message_length", _UNLIMITED),
        # Else a second server on the same port would start and take half of the calls.
        ("grpc.so_reuseport", 0),
    )
