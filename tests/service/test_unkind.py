"""Callers who take more than their part of a running service: what becomes of them and of others.

`python -m bench.unkind` measures how long the others wait; here it is which of them are answered.
"""

import asyncio
import os
import select
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import orjson
import pytest

from service.shares import Party
from tests.live.clients import Ended, Stream, lifted, opened, stream
from tests.live.replicas import frame, options, play, replica, walks
from tests.live.stores import StoreServer, any_store
from tests.models import person_clip
from tests.serving import ServiceProcess, busy_decoders, service_process, stores

HONEST, UNKIND = "honest", "unkind"
JSON = "content-type: application/json"
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
PLACES, CONNECTIONS, BODY_BYTES = 32, 64, 8_000_000
FRAMES = walks("anna", frames=60)


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    """A small service with two callers."""
    bounds = {"MAX_LIVE_TRACKS": str(PLACES), "MAX_CONNECTIONS": str(CONNECTIONS)}
    bounds |= {"MAX_BODY_BYTES": str(BODY_BYTES), "KEEP_ALIVE_S": "1", "STORE_TIMEOUT_S": "0.5"}
    keys = {"API_KEYS": f"{HONEST},{UNKIND}", "MANAGEMENT_PORT": "0"}
    with service_process(models, LIVE_MODEL="causal", **bounds, **keys) as running:
        yield running


def clip_body(frames: int) -> bytes:
    clips = [{"keypoints": person_clip(frames).astype(float).round(1).tolist()}]
    return orjson.dumps({"image_size": [1000, 800], "clips": clips})


async def lift(service: ServiceProcess, key: str, body: bytes) -> int:
    """The status of an answer."""
    headers = {"content-type": "application/json", "x-api-key": key}
    async with httpx.AsyncClient(base_url=service.url, timeout=120) as client:
        return (await client.post("/v1/lift", content=body, headers=headers)).status_code


def begun(service: ServiceProcess, size: int, sent: bytes) -> socket.socket:
    """A connection of the unkind caller, with a part of a body of so many bytes."""
    head = f"POST /v1/lift HTTP/1.1\r\nhost: localhost\r\n{JSON}\r\nx-api-key: {UNKIND}\r\n"
    connection = socket.create_connection(("127.0.0.1", service.http_port), 60, ("127.0.0.2", 0))
    connection.sendall(f"{head}content-length: {size}\r\n\r\n".encode() + sent)
    return connection


def has_answered(connection: socket.socket) -> bool:
    """Whether anything has come, or the end."""
    return bool(select.select([connection], [], [], 0)[0])


async def told(service: ServiceProcess, path: str) -> str:
    """What the management port answers."""
    async with httpx.AsyncClient(base_url=service.management_url, timeout=60) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    return answer.text


async def until_told(service: ServiceProcess, line: str) -> None:
    """Wait until the metrics have this line."""
    async with asyncio.timeout(60):
        while line not in (await told(service, "/metrics")).splitlines():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_connections_that_say_nothing_are_closed_on_both_ports(
    service: ServiceProcess,
) -> None:
    request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    for port, said in ((service.http_port, request), (service.grpc_port, GREETING)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        async with asyncio.timeout(60):
            assert await reader.read()  # an answer, then the end
        writer.close()


async def test_the_last_connections_are_kept_for_others(service: ServiceProcess) -> None:
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(begun(service, 1_000, b"["))
        last = begun(service, 1_000, b"[")
        assert last.recv(1_000).startswith(b"HTTP/1.1 503 ")
        last.close()
        assert await lift(service, HONEST, clip_body(5)) == 200
    await until_told(service, "poselift_requests_in_progress 0.0")


async def test_memory_for_bodies_is_kept_for_others(service: ServiceProcess) -> None:
    with ExitStack() as held:
        largest = b" " * BODY_BYTES  # of which four would be taken in at a time
        for _ in range(3):
            held.enter_context(begun(service, BODY_BYTES, largest[1:]))
        assert await lift(service, UNKIND, largest) == 429
        assert await lift(service, HONEST, clip_body(2_000)) == 200
        assert 'reason="bytes"' in await told(service, "/metrics")
    await until_told(service, "poselift_requests_in_progress 0.0")


async def test_messages_that_are_never_finished_share_that_memory(service: ServiceProcess) -> None:
    size = 4_000_000  # of which seven are taken in
    async with AsyncExitStack() as held:
        sockets = [
            await held.enter_async_context(stream(service, "websocket-protobuf", UNKIND))
            for _ in range(8)
        ]
        for each in sockets:
            await opened(each)
            each.write(b"\x82\xff" + size.to_bytes(8, "big") + bytes(size))
        answers = [asyncio.create_task(each.receive()) for each in sockets]
        (refused,), waiting = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(Ended, match=r"4429: .*all places that you may have"):
            await refused
        assert await lift(service, UNKIND, clip_body(20_000)) == 429
        assert await lift(service, HONEST, clip_body(2_000)) == 200
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    await until_told(service, "poselift_body_bytes 0.0")
    counted = 'operation="lift_stream",outcome="overloaded",transport="websocket"'
    await until_told(service, f"poselift_requests_total{{{counted}}} 1.0")


async def test_places_for_people_are_kept_for_others(service: ServiceProcess) -> None:
    people = {f"p{number}": person_clip(1)[0] for number in range(PLACES)}
    async with stream(service, "grpc", UNKIND) as many, stream(service, "grpc", HONEST) as one:
        await opened(many)
        (crowd,) = await lifted(many, [frame(0, **people)])
        refused = [person for person in crowd["people"] if "problem" in person]
        assert len(refused) == PLACES // 8
        await opened(one)
        (answer,) = await lifted(one, FRAMES[:1])
        assert answer["people"][0]["pose"] is not None


async def test_bodies_of_others_need_not_wait_for_all_of_one_callers(
    service: ServiceProcess,
) -> None:
    """Nothing can be made of them; probes and a live stream are answered too."""
    junk = b"[" + b"[1,[2],{}," * 150_000
    async with playing(service) as live:
        sent = [asyncio.create_task(lift(service, UNKIND, junk)) for _ in range(16)]
        await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        assert await lift(service, HONEST, clip_body(400)) == 200
        assert not all(each.done() for each in sent)
        await lifted(live, FRAMES[1:11])
        await told(service, "/healthz")
        assert set(await asyncio.gather(*sent)) <= {400, 429}


async def test_a_body_whose_decoding_is_killed_is_decoded_again(service: ServiceProcess) -> None:
    """Another one kills whatever decodes it: it alone is refused."""
    assert await lifted_while_killed(service, kills=1) == 200
    assert await lifted_while_killed(service, kills=1_000) == 413
    assert await lift(service, HONEST, clip_body(2_000)) == 200


async def lifted_while_killed(service: ServiceProcess, kills: int) -> int:
    """The status of an answer for which decoding processes are killed, so many times at most."""
    lifting = asyncio.create_task(lift(service, HONEST, clip_body(5_000)))
    while kills and not lifting.done():
        await asyncio.sleep(0.01)
        with suppress(OSError):  # it has ended
            for pid in busy_decoders(service.process.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
                kills -= 1
    return await lifting


async def test_a_stream_goes_on_while_the_private_store_hangs(service: ServiceProcess) -> None:
    """It waits for half a second: less than the service does for a body, which is ten."""
    async with playing(service) as live:
        (pid,) = stores(service.process.pid)
        with begun(service, 1_000, b"[") as unfinished:
            os.kill(pid, signal.SIGSTOP)
            try:
                answers = await lifted(live, FRAMES[1:2])
                assert not has_answered(unfinished)
                answers += await lifted(live, FRAMES[2:10])
            finally:
                os.kill(pid, signal.SIGCONT)
        assert answers[-1]["durable"] is False
        for each in FRAMES[10:]:
            (answer,) = await lifted(live, [each])
            if answer.get("durable", True):
                break
            await asyncio.sleep(0.2)
        assert answer.get("durable", True)


@asynccontextmanager
async def playing(service: ServiceProcess) -> AsyncIterator[Stream]:
    """An honest live stream that has had its first frame."""
    async with stream(service, "grpc", HONEST) as live:
        await opened(live)
        await lifted(live, FRAMES[:1])
        yield live


async def test_sessions_beyond_what_can_be_served_are_refused_and_others_go_on(
    models: Path,
) -> None:
    """Any frame counts as late here."""
    always = {"MAX_LIVE_LATENESS": "0.000001", "LIVE_MODEL": "causal", "MANAGEMENT_PORT": "0"}
    with service_process(models, **always) as late:
        async with stream(late, "grpc") as one:
            await opened(one)
            await lifted(one, FRAMES[:5])
            for transport in ("grpc", "websocket-json"):
                async with stream(late, transport) as another:
                    with pytest.raises(Ended, match="live frames are late"):
                        await opened(another)
            assert orjson.loads(await told(late, "/readyz"))["status"] == "degraded"
            assert "\nposelift_degraded 1.0\n" in await told(late, "/metrics")
            await lifted(one, FRAMES[5:10])
        await until_told(late, 'poselift_overloaded_requests_total{reason="late"} 2.0')


def test_those_who_never_read_or_finish_do_not_hold_up_the_end(models: Path) -> None:
    large = clip_body(10_000)
    with (
        service_process(models, API_KEYS=UNKIND, DRAIN_TIMEOUT_S="2") as ending,
        ExitStack() as held,
    ):
        held.enter_context(socket.create_connection(("127.0.0.1", ending.grpc_port)))
        for size, sent in ((1_000, b"["), (len(large), large)) * 8:
            held.enter_context(begun(ending, size, sent))
        assert ending.stop(120) == 0
        assert not any("Traceback" in line for line in ending.log), "".join(ending.log)


async def test_a_session_is_resumed_before_all_of_another_callers(
    models: Path, tmp_path: Path
) -> None:
    crowd = walks(*(f"p{number}" for number in range(16)), frames=40)
    names = [f"many-{number}" for number in range(8)]
    with any_store(tmp_path) as store:
        async with replica(models, store.url, capacity=256) as one:
            for name in names:
                await play(await one.open(options(session_id=name), "a", party=Party("a")), crowd)
            await play(await one.open(options(session_id="own"), "b", party=Party("b")), FRAMES[:5])
        order = await resumed_in_order(models, store, names)
    assert sorted(order) == sorted([*names, "own"])
    assert order[-1] != "own"


async def resumed_in_order(models: Path, store: StoreServer, names: list[str]) -> list[str]:
    """The sessions of one caller, and another's that asks last, as they are resumed."""
    order: list[str] = []
    async with replica(models, store.url, capacity=256) as two:

        async def resume(name: str, owner: str) -> None:
            await two.open(options(session_id=name), owner, party=Party(owner))
            order.append(name)

        await asyncio.gather(*(resume(name, "a") for name in names), resume("own", "b"))
    return order
