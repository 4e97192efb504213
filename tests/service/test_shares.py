"""No caller takes it all: quotas of keys, and messages that grow once they are decompressed."""

import asyncio
import gzip
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import httpx
import orjson
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from poselift.v1 import poselift_pb2 as messages
from service.keys import hash_of
from service.request_errors import Overloaded
from service.shares import Pool, Rates
from tests.contract.transports import packed
from tests.live.clients import Ended, as_json, opened, stream
from tests.live.replicas import frame
from tests.models import person_clip
from tests.serving import ServiceProcess, service_process

QUOTAS = {
    "rate": "requests_per_s = 0.01",
    "requests": "concurrent_requests = 1",
    "bytes": "bytes_in_flight = 2000",
    "sessions": "live_sessions = 1",
    "people": "live_people = 1",
    "free": "",
}


@pytest.fixture(scope="module")
def service(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service with a key named after each quota."""
    entries = [f'[[keys]]\nname = "{name}"\nsha256 = "{hash_of(name)}"\n' for name in QUOTAS]
    entries += [f"[quotas.{name}]\n{quota}\n" for name, quota in QUOTAS.items()]
    file = tmp_path_factory.mktemp("keys") / "keys.toml"
    file.write_text("".join(entries))
    with service_process(models, API_KEYS_FILE=str(file)) as running:
        yield running


def body(frames: int) -> bytes:
    """A clip in JSON."""
    clips = [{"keypoints": person_clip(frames).astype(float).round(1).tolist()}]
    return orjson.dumps({"image_size": [1000, 800], "clips": clips})


def lift(service: ServiceProcess, key: str, frames: int = 1, **headers: str) -> int:
    """The status of an answer."""
    told = {"content-type": "application/json", "x-api-key": key, **headers}
    url = f"{service.url}/v1/lift"
    return httpx.post(url, content=body(frames), headers=told, timeout=60).status_code


def refused(service: ServiceProcess, reason: str) -> float:
    """How many requests were, for this reason."""
    text = httpx.get(f"{service.url}/metrics", timeout=60).text
    begin = f'poselift_overloaded_requests_total{{reason="{reason}"}} '
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(begin))


def test_requests_a_second(service: ServiceProcess) -> None:
    assert [lift(service, "rate"), lift(service, "rate"), lift(service, "free")] == [200, 429, 200]
    with pytest.raises(grpc.RpcError) as error:
        call(service, "ListModels", b"", key="rate")
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    trailers = dict(error.value.trailing_metadata())
    details, retry = Status.FromString(trailers["grpc-status-details-bin"]).details, RetryInfo()
    assert details[0].Unpack(retry)
    assert retry.retry_delay.seconds > 10
    assert refused(service, "rate") == 2


def test_requests_at_a_time(service: ServiceProcess) -> None:
    with socket.create_connection(("127.0.0.1", service.http_port), 60) as unfinished:
        head = "POST /v1/lift HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        head += "x-api-key: requests\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n"
        unfinished.sendall(head.encode())
        assert unfinished.recv(1000).startswith(b"HTTP/1.1 100 ")  # it is being read
        assert lift(service, "requests") == 429
        assert lift(service, "free") == 200
    assert refused(service, "requests") == 1


def test_bytes(service: ServiceProcess) -> None:
    assert lift(service, "bytes") == 200
    assert lift(service, "bytes", frames=30) == 429
    assert refused(service, "bytes") == 1


@pytest.mark.parametrize("transport", ["grpc", "websocket-json"])
async def test_live_sessions_and_their_people(service: ServiceProcess, transport: str) -> None:
    reasons = "sessions", "people"
    before = [refused(service, reason) for reason in reasons]
    async with stream(service, transport, "sessions") as first:
        await opened(first)
        async with stream(service, transport, "sessions") as second:
            with pytest.raises(Ended, match="sessions: you may have 1"):
                await opened(second)
    async with stream(service, transport, "people") as live:
        await opened(live)
        clip = person_clip(1)
        await live.send({"frame": as_json(frame(0, anna=clip[0], berta=clip[0]))})
        people = (await live.receive())["pose"]["people"]
        assert "people: you may have 1" in str(people)
    expected = [each + 1 for each in before]
    async with asyncio.timeout(60):  # a stream is counted once it has ended
        while [refused(service, each) for each in reasons] != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("said", "status"), [("0.000001", 504), ("30", 200), ("soon", 422)])
def test_a_caller_says_how_long_it_waits(service: ServiceProcess, said: str, status: int) -> None:
    assert lift(service, "free", **{"request-timeout": said}) == status


def call(service: ServiceProcess, method: str, message: bytes, key: str = "") -> bytes:
    """The answer to a message that is sent compressed."""
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        ask = channel.unary_unary(f"/poselift.v1.PoseLift/{method}")
        metadata = (("x-api-key", key),) if key else ()
        zipped = grpc.Compression.Gzip
        answer: bytes = ask(message, metadata=metadata, timeout=60, compression=zipped)
        return answer


def test_compressed_messages_are_read(service: ServiceProcess) -> None:
    clip = messages.Clip(keypoints=packed(person_clip(30).tolist()))
    asked = messages.LiftRequest(image_size=[1000, 800], clips=[clip]).SerializeToString()
    assert len(gzip.compress(asked)) < len(asked)
    answer = messages.LiftResponse.FromString(call(service, "Lift", asked, key="free"))
    assert len(answer.clips) == 1


@pytest.mark.parametrize(("key", "code"), [("", "UNAUTHENTICATED"), ("free", "RESOURCE_EXHAUSTED")])
def test_messages_that_grow_are_refused(service: ServiceProcess, key: str, code: str) -> None:
    """A quarter of a gigabyte, of which a thousandth is sent."""
    before = resident_bytes(service)
    with pytest.raises(grpc.RpcError) as error:
        call(service, "Lift", bytes(256 * 1024**2), key)
    assert error.value.code().name == code
    assert peak_bytes(service) - before < 128 * 1024**2


def resident_bytes(service: ServiceProcess) -> int:
    return _memory(service, "VmRSS")


def peak_bytes(service: ServiceProcess) -> int:
    return _memory(service, "VmHWM")


def _memory(service: ServiceProcess, line: str) -> int:
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(each.split()[1]) * 1024 for each in lines if each.startswith(line))


def test_the_last_places_of_a_pool_go_to_those_who_have_few() -> None:
    pool = Pool("places", 80)
    taken = 0
    for _ in range(80):
        with suppress(Overloaded):
            pool.take("much")
            taken += 1
    assert taken == 70
    pool.take("few", 5)
    pool.give_back("much", 70)
    pool.give_back("few", 5)
    assert pool.taken == 0


def test_a_rate_may_be_saved_up_for_a_second() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])

    def asked(times: int) -> int:
        for number in range(times):
            try:
                rates.spend("a", 2)
            except Overloaded:
                return number
        return times

    assert asked(5) == 2
    now[0] += 0.5
    assert asked(5) == 1
    now[0] += 100
    assert asked(5) == 2
