"""Failures around a live session, with real processes that end or hang: no frame is lost."""

import asyncio
import signal
import time
from contextlib import contextmanager, suppress

import pytest

from tests.live.clients import (
    TRANSPORTS,
    Ended,
    Requests,
    as_json,
    assert_equal,
    lifted,
    opened,
    stream,
)
from tests.live.replicas import frame, walks
from tests.live.stores import any_store, with_stores
from tests.models import person_clip
from tests.serving import service_process

FRAMES = walks("anna", "ben", frames=60)


@contextmanager
def replica_process(models, store, **settings):
    with service_process(
        models, LIVE_MODEL="causal", REDIS_URL=store.url, STORE_TIMEOUT_S="0.5", **settings
    ) as service:
        yield service


@pytest.fixture(scope="module")
def steady_store(tmp_path_factory):
    """A store that nothing happens to."""
    with any_store(tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest.fixture(scope="module")
def steady(models, steady_store):
    """A replica with this store that nothing happens to."""
    with replica_process(models, steady_store) as replica:
        yield replica


@pytest.fixture(scope="module")
def another(models, steady_store):
    """Another such replica."""
    with replica_process(models, steady_store) as replica:
        yield replica


@pytest.fixture(scope="module")
def expected(steady):
    """What an undisturbed stream answers to ``FRAMES``."""

    async def play(service):
        async with stream(service, "grpc") as live:
            await opened(live)
            return await lifted(live, FRAMES)

    return asyncio.run(play(steady))


@pytest.mark.parametrize(("transport", "store"), with_stores(TRANSPORTS), indirect=["store"])
async def test_a_killed_replica_loses_no_frame(models, store, transport, expected):
    with replica_process(models, store) as one, replica_process(models, store) as other:
        answers = []
        async with stream(one, transport) as live:
            session_id = (await opened(live))["session_id"]
            answers += await lifted(live, FRAMES[:20])
            for each in FRAMES[20:40]:
                await live.send({"frame": as_json(each)})
            answers.append((await live.receive())["pose"])
            one.process.kill()
            answers += await until_ended(live)
        async with stream(other, transport) as live:
            next_index = (await opened(live, session_id=session_id))["next_index"]
            # Answered frames were appended; others may have been too, and are answered again.
            assert len(answers) <= next_index <= 40
            answers += await lifted(live, FRAMES[len(answers) :])
    assert_equal(answers, expected)


async def test_sessions_continue_while_the_store_hangs_and_catch_up(models, store, expected):
    with replica_process(models, store) as one, replica_process(models, store) as other:
        async with stream(one, "grpc") as live, Requests(one) as requests:
            session_id = (await opened(live))["session_id"]
            answers = await lifted(live, FRAMES[:10])
            store.process.send_signal(signal.SIGSTOP)
            try:
                began = time.monotonic()
                while time.monotonic() < began + 3:
                    answers += await lifted(live, FRAMES[len(answers) : len(answers) + 1])
                    assert answers[-1]["durable"] is False
                    await asyncio.sleep(0.2)
                refused = await requests.open()
                assert refused.status_code == 503
                assert "session store is away" in refused.json()["detail"]
                assert (await requests.ask("GET", "/readyz")).json()["status"] == "degraded"
            finally:
                store.process.send_signal(signal.SIGCONT)
            await until_ready(requests)
            answers += await lifted(live, FRAMES[len(answers) : 45])
            assert "durable" not in answers[-1]
        async with stream(other, "grpc") as live:
            assert (await opened(live, session_id=session_id))["next_index"] == 45
            answers += await lifted(live, FRAMES[45:])
    assert_equal(answers, expected)


async def test_a_store_restarted_empty_is_written_again(models, store, expected):
    with replica_process(models, store) as one, replica_process(models, store) as other:
        async with stream(one, "grpc") as live, Requests(one) as requests:
            session_id = (await opened(live))["session_id"]
            answers = await lifted(live, FRAMES[:20])
            store.stop()
            answers += await lifted(live, FRAMES[20:25])
            assert answers[-1]["durable"] is False
            store.start()
            await until_ready(requests)
            answers += await lifted(live, FRAMES[25:40])
            assert "durable" not in answers[-1]
        async with stream(other, "grpc") as live:
            assert (await opened(live, session_id=session_id))["next_index"] == 40
            answers += await lifted(live, FRAMES[40:])
    assert_equal(answers, expected)


@pytest.mark.parametrize(
    ("refuse", "accept"),
    [
        (["CONFIG SET maxmemory 1"], ["CONFIG SET maxmemory 0"]),
        (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
    ],
)
async def test_sessions_continue_while_the_store_refuses_writes(
    models, store, expected, refuse, accept
):
    with replica_process(models, store) as one:
        async with stream(one, "grpc") as live, Requests(one) as requests:
            session_id = (await opened(live))["session_id"]
            answers = await lifted(live, FRAMES[:10])
            for command in refuse:
                store.ask(*command.split())
            answers += await lifted(live, FRAMES[10:20])
            assert answers[-1]["durable"] is False
            for command in accept:
                store.ask(*command.split())
            await until_ready(requests)
            answers += await lifted(live, FRAMES[20:40])
            assert "durable" not in answers[-1]
        async with stream(one, "grpc") as live:
            assert (await opened(live, session_id=session_id))["next_index"] == 40
            answers += await lifted(live, FRAMES[40:])
    assert_equal(answers, expected)


async def test_a_long_store_outage_ends_sessions(models, one_store):
    with replica_process(models, one_store, MAX_STORE_OUTAGE_S="0.5") as service:
        async with stream(service, "grpc") as live:
            await opened(live)
            await lifted(live, FRAMES[:5])
            one_store.stop()
            answers = []
            while not answers or "pose" in answers[-1]:
                await live.send({"frame": as_json(FRAMES[5 + len(answers)])})
                answers.append(await live.receive())
                await asyncio.sleep(0.1)
            assert "has been away" in answers[-1]["notice"]["problem"]["detail"]
            with pytest.raises(Ended, match="UNAVAILABLE"):
                await live.receive()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_frame_that_was_not_kept_is_sent_again(steady, another, transport, expected):
    async with stream(another, transport) as old, stream(steady, transport) as new:
        session_id = (await opened(old))["session_id"]
        await lifted(old, FRAMES[:5])
        await opened(new, session_id=session_id)
        receiving = asyncio.create_task(old.receive())
        with suppress(Ended):  # the notice may come first, and the stream end with it
            await old.send({"frame": as_json(FRAMES[5])})
        notice = (await receiving)["notice"]
        assert notice["problem"]["type"] == "urn:poselift:problem:fenced"
        assert notice["next_index"] == 5
        assert_equal(await lifted(new, FRAMES[5:]), expected[5:])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_draining_sends_streams_their_next_index(
    models, steady_store, steady, transport, expected
):
    with replica_process(models, steady_store) as one:
        async with stream(one, transport) as live:
            session_id = (await opened(live))["session_id"]
            answers = await lifted(live, FRAMES[:12])
            one.process.send_signal(signal.SIGTERM)
            notice = (await live.receive())["notice"]
            assert (notice["session_id"], notice["next_index"]) == (session_id, 12)
            with pytest.raises(Ended) as ended:
                await live.receive()
            assert ended.value.code in {"UNAVAILABLE", 4503, 1012}
        assert one.process.wait(60) == 0
        assert not any("Traceback" in line for line in one.log)
        async with stream(steady, transport) as live:
            assert (await opened(live, session_id=session_id))["next_index"] == 12
            assert_equal(answers + await lifted(live, FRAMES[12:]), expected)


async def test_a_lost_client_frees_its_tracks(models, one_store):
    with replica_process(models, one_store, MAX_LIVE_TRACKS="2") as service:
        for transport in TRANSPORTS * 2:
            async with stream(service, transport) as live:
                await opened(live)
                (answer,) = await lifted(live, FRAMES[:1])
                assert all("problem" not in person for person in answer["people"])
            async with Requests(service) as requests:
                await until(requests, "poselift_live_people", 0)


@pytest.mark.parametrize("transport", ["grpc", "websocket-protobuf"])
async def test_a_client_that_does_not_read_is_disconnected(models, one_store, transport):
    clip = person_clip(1)
    people = {f"p{i}": clip[0] for i in range(200)}
    with replica_process(models, one_store, SLOW_READER_TIMEOUT_S="0.5") as service:
        async with stream(service, transport) as live:
            await opened(live)

            async def send_for_ever():
                index = 0
                while True:
                    await live.send({"frame": as_json(frame(index, **people))})
                    # Sending without a pause would not yield to other tasks.
                    await asyncio.sleep(0.01)
                    index += 1

            sending = asyncio.create_task(send_for_ever())
            async with Requests(service) as requests:
                await until(requests, "poselift_live_sessions", 0)
                await until(requests, 'poselift_overloaded_requests_total{reason="unread"}', 1)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def until_ended(live):
    """The answers that still come."""
    answers = []
    with suppress(Ended):
        while True:
            answers.append((await live.receive())["pose"])
    return answers


async def until_ready(requests):
    async with asyncio.timeout(60):
        while True:
            if (await requests.ask("GET", "/readyz")).json()["status"] == "ready":
                return
            await asyncio.sleep(0.05)


async def until(requests, metric, value):
    """Wait for a metric to come to a value, over all its labels."""
    async with asyncio.timeout(60):
        while True:
            lines = (await requests.ask("GET", "/metrics")).text.splitlines()
            found = [float(line.split()[-1]) for line in lines if line.startswith(metric)]
            if found and sum(found) == value:
                return
            await asyncio.sleep(0.05)
