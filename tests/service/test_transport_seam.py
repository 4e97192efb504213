"""The recipe of a transport: a class and its entry in the worker; no other change."""

import asyncio
import gc
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from service.admission import admitted
from service.context import ServiceContext
from service.error_table import problem, told
from service.handlers import lift_handler
from service.machine import Machine, prepared_machine
from service.settings import Settings
from service.wire.served_formats import JSON
from service.worker import TRANSPORTS, work
from tests.contract.scenarios import request


class LinesTransport:
    """One JSON request a line over TCP; an empty line ends the service."""

    def __init__(self, context: ServiceContext, machine: Machine) -> None:
        self._context = context
        self._host = machine.settings.host
        self._end = asyncio.Event()

    def bind(self) -> str:
        self._socket = socket.create_server((self._host, 0))
        return f"lines on {self._socket.getsockname()[1]}"

    async def start(self) -> asyncio.Task[bool]:
        self._server = await asyncio.start_server(self._serve, sock=self._socket)
        return asyncio.create_task(self._end.wait())

    async def drain(self, timeout_s: float) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).strip():
            writer.write(await self._answer(line) + b"\n")
        writer.close()
        self._end.set()

    async def _answer(self, line: bytes) -> bytes:
        try:
            with admitted(self._context, "lines", "lift", None) as admission:
                lifting = lift_handler.lift(self._context, line, JSON, JSON, admission)
                return await admission.deadline.bound(lifting)
        except Exception as error:
            return orjson.dumps(problem(told(error)))


@pytest.fixture(autouse=True)
def _own_garbage_collector() -> Iterator[None]:
    """A worker configures the garbage collector of its process, here that of the tests."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


async def test_an_added_transport_is_served(models: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="poselift")
    settings = Settings(
        models_dir=models, http_port=0, grpc_port=0, threads=1, default_model="symmetric"
    )
    async with prepared_machine(settings) as machine:
        working = asyncio.create_task(work(machine, (*TRANSPORTS, LinesTransport)))
        while not (ready := re.search(r"ready: .*lines on (\d+)", caplog.text)):
            await asyncio.sleep(0.05)
            assert not working.done(), working.result()
        answers = await ask(int(ready[1]), orjson.dumps(request()), b"{}")
        await asyncio.wait_for(working, 30)
        labels = {"transport": "lines", "operation": "lift", "outcome": "ok"}
        assert machine.registry.get_sample_value("poselift_requests_total", labels) == 1
    assert len(answers[0]["clips"][0]["poses"]) == 3
    assert answers[1]["type"] == "urn:poselift:problem:invalid"
    assert "gRPC on 127.0.0.1" in caplog.text


async def ask(port: int, *lines: bytes) -> list[dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.writelines([*(line + b"\n" for line in lines), b"\n"])
    answers = [orjson.loads(await reader.readline()) for _ in lines]
    writer.close()
    await writer.wait_closed()
    return answers
