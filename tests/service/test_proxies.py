"""Callers behind a proxy, and connections where there are few descriptors: one small service."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import grpc.aio
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.machine import _OTHER_DESCRIPTORS, MOST_REFUSED
from tests.serving import ServiceProcess, service_process

PROXY, NO_PROXY = "127.0.0.2", "127.0.0.3"
ANNA, BEN = "203.0.113.1", "203.0.113.2"
REQUESTS, CONNECTIONS = 8, 16
REFUSED = {"429", "RESOURCE_EXHAUSTED"}
DESCRIPTORS = _OTHER_DESCRIPTORS + MOST_REFUSED + 2 * CONNECTIONS
PROGRAM = (
    "import resource, runpy\n"
    f"resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))\n"
    "runpy.run_module('service', run_name='__main__', alter_sys=True)\n"
)
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others have no 127.0.0.2")

Ask = Callable[[ServiceProcess, str, str], Awaitable[str]]


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    """A service with few places for requests, and descriptors for few connections."""
    bounds = {"MAX_CONCURRENT_REQUESTS": str(REQUESTS), "KEEP_ALIVE_S": "600"}
    ours = {"TRUSTED_PROXIES": PROXY, "MANAGEMENT_PORT": "0", "THREADS": "1"}
    with service_process(models, program=("-c", PROGRAM), **bounds, **ours) as running:
        yield running


async def until_told(service: ServiceProcess, line: str) -> None:
    """Wait until the metrics have this line."""
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(base_url=service.management_url, timeout=60) as client,
    ):
        while line not in (await client.get("/metrics")).text.splitlines():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def connected(
    port: int, source: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection from this address."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def passing_on(port: int, source: str) -> AsyncIterator[int]:
    """A port of something in between, which asks from this address."""
    ends: list[asyncio.StreamWriter] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with connected(port, source) as (answers, onward):
            await asyncio.gather(copy(reader, onward), copy(answers, writer))

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for end in ends:  # gRPC keeps connections for a while
            end.transport.abort()
            with suppress(ConnectionError):
                await end.wait_closed()


async def over_http(service: ServiceProcess, source: str, forwarded_for: str) -> str:
    """Begin a request and never send all of its body: the status of the refusal, if any."""
    async with connected(service.http_port, source) as (reader, writer):
        head = f"POST /v1/lift HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: {forwarded_for}\r\n"
        head += "content-type: application/json\r\ncontent-length: 30000000\r\n\r\n"
        writer.write(head.encode())
        status = asyncio.create_task(reader.readline())
        while not status.done():
            writer.write(b" " * 16_384)  # slower bodies are given up
            await asyncio.wait([status], timeout=1)
        return (await status).split()[1].decode()


async def over_grpc(service: ServiceProcess, source: str, forwarded_for: str) -> str:
    """The same of a call, its message and its code."""
    async with (
        passing_on(service.grpc_port, source) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        begin = channel.stream_stream("/poselift.v1.PoseLift/Lift")
        code: grpc.StatusCode = await begin(metadata=[("x-forwarded-for", forwarded_for)]).code()
        return code.name


@pytest.mark.parametrize("ask", [over_http, over_grpc])
async def test_callers_behind_a_trusted_proxy_have_shares_of_their_own(
    service: ServiceProcess, ask: Ask
) -> None:
    async with holding_all_places(service, ask, PROXY, ANNA):
        other = asyncio.create_task(ask(service, PROXY, BEN))
        await until_told(service, f"poselift_requests_in_progress {REQUESTS}.0")
        assert not other.done()
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)


@pytest.mark.parametrize("ask", [over_http, over_grpc])
async def test_other_callers_cannot_pretend_to_be_several(
    service: ServiceProcess, ask: Ask
) -> None:
    async with holding_all_places(service, ask, NO_PROXY, ANNA):
        async with asyncio.timeout(60):
            assert await ask(service, NO_PROXY, BEN) in REFUSED


@asynccontextmanager
async def holding_all_places(
    service: ServiceProcess, ask: Ask, source: str, forwarded_for: str
) -> AsyncIterator[None]:
    """Hold all places for requests that one caller may have: the last one is kept for others."""
    await until_told(service, "poselift_requests_in_progress 0.0")
    asked = [asyncio.create_task(ask(service, source, forwarded_for)) for _ in range(REQUESTS)]
    try:
        (refused,), _ = await asyncio.wait(asked, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        assert await refused in REFUSED
        await until_told(service, f"poselift_requests_in_progress {REQUESTS - 1}.0")
        yield
    finally:
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


def test_few_descriptors_mean_few_connections_and_the_log_says_so(service: ServiceProcess) -> None:
    (said,) = [line for line in service.log if "ulimit -n" in line]
    assert f"{DESCRIPTORS} files may be open" in said
    assert f"no more than {CONNECTIONS} connections on each port" in said


async def test_connections_of_a_trusted_proxy_are_not_those_of_one_caller(
    service: ServiceProcess,
) -> None:
    """One of several has few of them, so the last places are for it too."""
    await until_told(service, "poselift_http_connections 0.0")
    of_proxy, of_another = 6, CONNECTIONS - 6
    async with AsyncExitStack() as held:
        for source in [NO_PROXY] * of_another + [PROXY] * of_proxy:
            port = service.http_port
            reader, writer = await held.enter_async_context(connected(port, source))
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            async with asyncio.timeout(60):
                assert (await reader.readline()).split()[1] == b"200"
    await until_told(service, "poselift_http_connections 0.0")


async def test_connections_over_grpc_are_bounded(service: ServiceProcess) -> None:
    async with AsyncExitStack() as held:
        for _ in range(CONNECTIONS):
            peer = await held.enter_async_context(connected(service.grpc_port))
            assert await greeted(*peer)
        async with connected(service.grpc_port) as peer:
            assert not await greeted(*peer)
    async with asyncio.timeout(60):
        while True:
            async with connected(service.grpc_port) as peer:
                if await greeted(*peer):
                    break


async def greeted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether a gRPC server says anything, rather than end the connection."""
    writer.write(GREETING)
    with suppress(ConnectionError):
        async with asyncio.timeout(60):
            return await reader.read(1) != b""
    return False


async def test_open_calls_of_one_caller_are_bounded(service: ServiceProcess) -> None:
    """Health needs no key; the last eighth of 256 is kept for others."""
    serving = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        calls = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(225)]
        async with asyncio.timeout(60):
            first = await asyncio.gather(*(call.read() for call in calls), return_exceptions=True)
    (refused,) = [answer for answer in first if answer != serving]
    assert isinstance(refused, grpc.aio.AioRpcError)
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
