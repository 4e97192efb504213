"""Addresses: of two services that take the same one, the second does not start."""

import asyncio
import sys
from pathlib import Path

import pytest
import uvloop

from service.machine import StartError, bound_socket, prepared_machine, reserved_socket
from service.rest.server import HttpTransport
from service.settings import Settings
from service.worker import work


@pytest.mark.skipif(sys.platform != "linux", reason="others do not bind a port twice")
@pytest.mark.parametrize("which", ["HTTP", "management"])
def test_where_another_service_listens_first_it_does_not_start(models: Path, which: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_start_behind_another(models, which))


async def _start_behind_another(models: Path, which: str) -> None:
    settings = Settings(models_dir=models, http_port=0, grpc_port=0, management_port=0, threads=1)
    async with asyncio.timeout(60), prepared_machine(settings) as machine:
        ours = machine.http_socket if which == "HTTP" else machine.management_socket
        assert ours is not None
        port = ours.getsockname()[1]
        with bound_socket(which, "127.0.0.1", port) as other:
            other.listen()
            said = rf"{which} on 127\.0\.0\.1:{port}: .*POSELIFT_{which.upper()}_PORT"
            with pytest.raises(StartError, match=said):
                await work(machine, (HttpTransport,))


def test_what_is_reserved_for_workers_is_for_those_of_one_service() -> None:
    with reserved_socket("HTTP", "127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(StartError, match=str(port)):
            reserved_socket("HTTP", "127.0.0.1", port)
        with pytest.raises(StartError, match=str(port)):
            bound_socket("HTTP", "127.0.0.1", port)
        for _ in range(2):
            with bound_socket("HTTP", "127.0.0.1", port, is_shared=True) as worker:
                worker.listen()
