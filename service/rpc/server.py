"""The gRPC server."""

from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from poselift.v1 import poselift_pb2 as messages
from service.context import ServiceContext
from service.rpc.health import HealthServicer
from service.rpc.poselift import PoseLift

_UNLIMITED = -1
_LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024
"""gRPC takes a message in whole before anybody can refuse it: 150,000 frames, and no more."""


def create_server(context: ServiceContext) -> grpc.aio.Server:
    """A server of poselift.v1, health and reflection; it has no address yet."""
    server = grpc.aio.server(options=_options(context))
    service = messages.DESCRIPTOR.services_by_name["PoseLift"].full_name
    health = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    server.add_generic_rpc_handlers((PoseLift(context).handlers(service),))
    servicer = HealthServicer(context.state, (service,))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((service, health, reflection.SERVICE_NAME), server)
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
