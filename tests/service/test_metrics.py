"""Metrics of a running service, read before and after what they count."""

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import grpc
import grpc.aio
import httpx
import pytest
from prometheus_client import CollectorRegistry

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from service.metrics import Metrics
from tests.live.clients import Ended, Requests, lifted, opened, stream
from tests.live.replicas import walks
from tests.models import person_clip
from tests.serving import ServiceProcess, descendants, program, service_process

LARGE = 400
"""Frames that are decoded in another process."""


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    chosen = {"DEFAULT_MODEL": "symmetric", "LIVE_MODEL": "causal", "MANAGEMENT_PORT": "0"}
    with service_process(models, SLOW_READER_TIMEOUT_S="0.5", **chosen) as running:
        yield running


class Counts(dict[str, float]):
    """What a service has counted, by name and labels; 0 for what it has not."""

    def __missing__(self, _: str) -> float:
        return 0.0


def counts(service: ServiceProcess) -> Counts:
    text = httpx.get(f"{service.management_url}/metrics", timeout=60).text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return Counts({name: float(value) for name, _, value in lines})


async def until(service: ServiceProcess, found: Callable[[Counts], bool]) -> None:
    """Wait until the counts are as they should be."""
    late = time.monotonic() + 60
    while not found(now := counts(service)):
        assert time.monotonic() < late, "\n".join(f"{name} {now[name]}" for name in sorted(now))
        await asyncio.sleep(0.05)


@asynccontextmanager
async def rising(service: ServiceProcess, rises: Mapping[str, float]) -> AsyncIterator[None]:
    """These counts rise by so much, soon after."""
    before = counts(service)
    yield
    expected = {name: before[name] + more for name, more in rises.items()}
    await until(service, lambda now: {name: now[name] for name in rises} == expected)


def clip(frames: int) -> dict[str, Any]:
    keypoints = person_clip(frames).tolist()
    return {"image_size": [1000, 800], "clips": [{"id": "a", "keypoints": keypoints}]}


async def lift(service: ServiceProcess, frames: int) -> httpx.Response:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        return await client.post("/v1/lift", json=clip(frames))


def lift_head(media_type: str, size: int) -> bytes:
    """The head of a request to be answered in JSON."""
    head = "POST /v1/lift HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n"
    return f"{head}content-type: {media_type}\r\ncontent-length: {size}\r\n\r\n".encode()


async def test_decoding_and_frames(service: ServiceProcess) -> None:
    expected = {
        'poselift_decode_seconds_count{where="here"}': 1,
        'poselift_decode_seconds_count{where="elsewhere"}': 1,
        'poselift_frames_lifted_total{model="symmetric"}': 4 + LARGE,
        'poselift_requests_total{operation="lift",outcome="ok",transport="http"}': 2,
    }
    async with rising(service, expected):
        for frames in (4, LARGE):
            assert (await lift(service, frames)).status_code == 200


async def test_frames_of_sessions(service: ServiceProcess) -> None:
    name = 'poselift_frames_lifted_total{model="causal"}'
    async with rising(service, {name: 4}), Requests(service) as requests:
        session_id = (await requests.open()).json()["session_id"]
        await requests.frames(session_id, walks("anna", "ben", frames=2))


async def test_what_becomes_of_sessions(service: ServiceProcess) -> None:
    event = 'poselift_live_session_events_total{event="%s"}'
    rises = {event % "opened": 1, event % "resumed": 1, event % "fenced": 1, event % "refused": 1}
    async with rising(service, rises), stream(service, "grpc") as first:
        session_id = (await opened(first))["session_id"]
        await lifted(first, walks("anna", frames=1))
        async with stream(service, "grpc") as second, stream(service, "grpc") as third:
            await opened(second, session_id=session_id)
            with pytest.raises(Ended, match="fps"):
                await opened(third, session_id=session_id, fps=50)


async def test_what_cannot_be_read(service: ServiceProcess) -> None:
    name = 'poselift_unread_requests_total{status="400"}'
    async with rising(service, {name: 1}):
        with socket.create_connection(("127.0.0.1", service.http_port)) as peer:
            peer.sendall(b"nonsense\r\n\r\n")
            answer = await asyncio.to_thread(peer.recv, 10_000)
    assert answer.startswith(b"HTTP/1.1 400")
    assert re.search(rb"\r\nx-request-id: [0-9a-f]{16}\r\n", answer)


async def test_connections_requests_and_bodies_in_progress(service: ServiceProcess) -> None:
    cancelled = 'poselift_requests_total{operation="lift",outcome="cancelled",transport="http"}'
    head = lift_head("application/json", 2_000_000)
    least = {
        "poselift_http_connections": 1,
        "poselift_requests_in_progress": 1,
        "poselift_body_bytes": 1_000_000,
    }
    before = counts(service)
    with socket.create_connection(("127.0.0.1", service.http_port)) as peer:
        peer.sendall(head + bytes(1_000_000))
        await until(service, lambda now: all(now[n] >= before[n] + m for n, m in least.items()))
    await until(service, lambda now: now[cancelled] == before[cancelled] + 1)
    await until(service, lambda now: all(now[name] <= before[name] for name in least))


async def test_small_bodies_count_as_memory_too(service: ServiceProcess) -> None:
    name, before = "poselift_body_bytes", counts(service)
    with socket.create_connection(("127.0.0.1", service.http_port)) as peer:
        peer.sendall(lift_head("application/json", 2_000) + bytes(1_000))
        await until(service, lambda now: now[name] == before[name] + 1_000)
    await until(service, lambda now: now[name] == before[name])


async def test_an_answer_is_ok_once_it_is_delivered(service: ServiceProcess) -> None:
    request = messages.LiftRequest(image_size=[1000, 800])
    request.clips.add(id="a", keypoints=person_clip(20_000).ravel().tolist())
    body = request.SerializeToString()
    head = lift_head("application/x-protobuf", len(body))
    lifted_ = 'poselift_frames_lifted_total{model="symmetric"}'
    outcome = 'poselift_requests_total{operation="lift",outcome="%s",transport="http"}'
    async with rising(service, {outcome % "cancelled": 1, outcome % "ok": 0}):
        with socket.create_connection(("127.0.0.1", service.http_port)) as peer:
            before = counts(service)[lifted_]
            await asyncio.to_thread(peer.sendall, head + body)
            await until(service, lambda now: now[lifted_] == before + 20_000)
            await asyncio.to_thread(peer.recv, 1)  # it is being sent, and larger than all buffers


async def test_an_answer_that_is_not_read_over_grpc_is_given_up_and_not_ok(
    service: ServiceProcess,
) -> None:
    """The caller takes in a little of it; the rest is more than the server holds by itself."""
    asked = messages.LiftRequest(image_size=[1000, 800])
    asked.clips.add(id="a", keypoints=person_clip(400).ravel().tolist())
    outcome = 'poselift_requests_total{operation="lift",outcome="%s",transport="grpc"}'
    little = (("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}", options=little) as channel,
        asyncio.timeout(60),
    ):
        in_progress = {"poselift_requests_in_progress": 1}  # it is still in memory
        async with rising(service, in_progress | {outcome % "cancelled": 1, outcome % "ok": 0}):
            call = channel.stream_stream("/poselift.v1.PoseLift/Lift")()
            await call.write(asked.SerializeToString())
        assert messages.LiftResponse.FromString(await call.read()).clips
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until(service, lambda now: now["poselift_requests_in_progress"] == 0)


async def test_processes_that_end_by_themselves(service: ServiceProcess) -> None:
    assert (await lift(service, LARGE)).status_code == 200
    restarts = 'poselift_process_restarts_total{process="%s"}'
    async with rising(service, {restarts % "decoding": 1, restarts % "store": 1}):
        named = {child: program(child) for child in descendants(service.process.pid)}
        for child, name in named.items():
            if "multiprocessing.spawn" in name or "valkey-server" in name:
                with suppress(ProcessLookupError):  # it ended with one that was ended before
                    os.kill(child, signal.SIGKILL)
        assert (await lift(service, LARGE)).status_code == 200
    await until(service, lambda now: now["poselift_session_store_up"] == 1)


async def test_a_stream_has_its_session_in_its_trailers(service: ServiceProcess) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        opening = messages.OpenSession(image_size=[1000, 800], session_id="mine-1")
        asked = [messages.LiftStreamRequest(open=opening)]
        call = stubs.PoseLiftStub(channel).LiftStream(iter(asked), timeout=60)
        assert len([answer async for answer in call]) == 1
        assert dict(await call.trailing_metadata())["x-session-id"] == "mine-1"


def test_ticks_that_are_late() -> None:
    metrics = Metrics(CollectorRegistry())
    kinds: tuple[Literal["clip", "live", "window"], ...] = ("clip", "live", "window")
    for kind in kinds:
        for waited_s in (0.01, 0.03):
            metrics.batches_of(kind, kind).batch_done(1, 1, waited_s, 0.01)
    late = "poselift_late_ticks_total"
    counted = [metrics.registry.get_sample_value(late, {"model": kind}) for kind in kinds]
    assert counted == [None, 1, 1]
