"""A service in a process of its own, and every way to reach it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.transports import Grpc, JsonOverHttp, ProtobufOverHttp, Transport
from tests.serving import ServiceProcess, service_process

LIMITS = {
    "MAX_BODY_BYTES": str(16 * 1024 * 1024),
    "MAX_FRAMES_PER_REQUEST": "20000",
    "MAX_CLIPS_PER_REQUEST": "50",
}


@pytest.fixture(scope="session")
def service(models: Path) -> Iterator[ServiceProcess]:
    """A service without keys and with limits that tests can reach."""
    with service_process(models, DEFAULT_MODEL="symmetric", THREADS="1", **LIMITS) as running:
        yield running


@pytest.fixture(scope="session")
def transports(service: ServiceProcess) -> Iterator[dict[str, Transport]]:
    """The transports by name."""
    every = {
        "json": JsonOverHttp(service),
        "protobuf": ProtobufOverHttp(service),
        "grpc": Grpc(service),
    }
    yield dict(every)
    for transport in every.values():
        transport.close()
