"""Several times as many requests as can be answered, with the longest wait that is usual."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from service.intake import REFUSED_AFTER_S
from tests.models import person_clip
from tests.serving import ServiceProcess, service_process

Ask = Callable[[], Awaitable[str]]
_CALLERS, _TIMES = 64, 3
_CALLS_AT_ONCE = 3_000
_FRAMES = 200
_TIMEOUT_S = 120


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    """With the default wait."""
    with service_process(models, MAX_WAIT_S="0.1", DEFAULT_MODEL="symmetric") as running:
        yield running


def lift_request(frames: int = _FRAMES) -> messages.LiftRequest:
    """One that takes longer than reading and refusing it."""
    clip = messages.Clip(keypoints=person_clip(frames).ravel().tolist())
    return messages.LiftRequest(image_size=[1000, 800], clips=[clip])


async def refused_so_far(client: httpx.AsyncClient, reason: str) -> int:
    """How many requests the metrics say were refused for this reason."""
    told = rf'poselift_overloaded_requests_total{{reason="{reason}"}} ([\d.]+)'
    return sum(int(float(count)) for count in re.findall(told, (await client.get("/metrics")).text))


@asynccontextmanager
async def over_http(service: ServiceProcess) -> AsyncIterator[Ask]:
    body = lift_request().SerializeToString()
    headers = {"content-type": "application/x-protobuf"}
    limits = httpx.Limits(max_connections=_CALLERS)
    async with httpx.AsyncClient(
        base_url=service.url, headers=headers, limits=limits, timeout=_TIMEOUT_S
    ) as client:

        async def ask() -> str:
            answer = await client.post("/v1/lift", content=body)
            if answer.status_code == 429:
                return "refused" if int(answer.headers["retry-after"]) > 0 else "without retry"
            return "ok" if answer.status_code == 200 else str(answer.status_code)

        yield ask


@asynccontextmanager
async def over_grpc(service: ServiceProcess) -> AsyncIterator[Ask]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        stub = stubs.PoseLiftStub(channel)  # type: ignore[no-untyped-call]

        async def ask() -> str:
            try:
                await stub.Lift(lift_request(), timeout=_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                has_retry = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and _has_retry(error)
                return "refused" if has_retry else error.code().name
            return "ok"

        yield ask


def _has_retry(error: grpc.aio.AioRpcError) -> bool:
    trailers = dict(error.trailing_metadata() or ())
    (details,) = Status.FromString(trailers["grpc-status-details-bin"]).details
    return details.Is(RetryInfo.DESCRIPTOR)


async def healthy(service: ServiceProcess, until: asyncio.Event) -> set[str]:
    """All that both health services say until then."""
    said = set()
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=_TIMEOUT_S) as client,
        grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)
        while not until.is_set():
            said.add(str((await client.get("/healthz")).status_code))
            answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_S)
            said.add(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
            await asyncio.sleep(0.02)
    return said


@pytest.mark.parametrize("transport", [over_http, over_grpc])
async def test_what_is_too_much_is_refused_and_counted(
    service: ServiceProcess, transport: Callable[[ServiceProcess], AbstractAsyncContextManager[Ask]]
) -> None:
    done = asyncio.Event()
    async with transport(service) as ask, httpx.AsyncClient(base_url=service.url) as client:
        before = await refused_so_far(client, "wait")
        watching = asyncio.create_task(healthy(service, done))

        async def call() -> list[str]:
            return [await ask() for _ in range(_TIMES)]

        outcomes = await asyncio.gather(*(call() for _ in range(_CALLERS)))
        done.set()
        met = Counter(outcome for each in outcomes for outcome in each)
        assert met.keys() == {"ok", "refused"}, met
        assert await watching == {"200", "SERVING"}
        assert await refused_so_far(client, "wait") - before == met["refused"]
        async with asyncio.timeout(_TIMEOUT_S):  # soon all are answered again
            while [await ask() for _ in range(3)] != ["ok"] * 3:
                pass


async def test_more_calls_at_once_than_fit_on_a_connection_are_each_answered(
    service: ServiceProcess,
) -> None:
    async with over_grpc(service) as ask:
        outcomes = await asyncio.gather(*(ask() for _ in range(_CALLS_AT_ONCE)))
    assert Counter(outcomes).keys() == {"ok", "refused"}


async def test_a_request_that_would_be_late_is_refused_the_same_from_its_head(
    service: ServiceProcess,
) -> None:
    """Requests of pages are refused later, with what browsers ask for."""
    headers = {"content-type": "application/x-protobuf", "x-request-id": "mine"}
    late = headers | {"request-timeout": "0.05"}
    page = late | {"origin": service.url}
    body, long = (lift_request(frames).SerializeToString() for frames in (2_000, 40_000))
    async with httpx.AsyncClient(base_url=service.url, timeout=_TIMEOUT_S) as client:
        assert (await client.post("/v1/lift", content=body, headers=headers)).status_code == 200
        working = asyncio.create_task(client.post("/v1/lift", content=long, headers=headers))
        refused: dict[int, httpx.Response] = {}
        while not working.done() and len(refused) < 2:
            for number, sent in enumerate((late, page)):
                answer = await client.post("/v1/lift", content=body, headers=sent)
                if answer.status_code == 429:
                    refused[number] = answer
        early, later = (_compared(refused[number]) for number in range(2))
        assert early == later
        # Who asks again at once is kept from taking all the time there is; timers count in ms.
        assert refused[0].elapsed.total_seconds() >= 0.9 * REFUSED_AFTER_S
        assert (await working).status_code == 200
        assert await refused_so_far(client, "deadline") >= len(refused)


def _compared(answer: httpx.Response) -> tuple[dict[str, str], dict[str, str]]:
    """All headers but the length, and the problem but for its numbers."""
    headers = {name: value for name, value in answer.headers.items() if name != "date"}
    headers.pop("content-length")
    headers.pop("retry-after")
    return headers, answer.json() | {"detail": re.sub(r"[\d.]+", "N", answer.json()["detail"])}
