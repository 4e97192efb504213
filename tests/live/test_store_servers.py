"""Servers of sessions: with TLS, behind Sentinels, with copies, and those that cannot keep any."""

import asyncio
from contextlib import ExitStack

import pytest
import trustme
import uvloop
from prometheus_client import CollectorRegistry

from service.health import ServiceState
from service.live.store import SessionStore
from service.live.store_connection import StoreAway, StoreConnection
from service.live.store_server import StoreServer
from service.metrics import Metrics
from tests.live import stores
from tests.live.replicas import assert_same, options, play, replica, walks
from tests.serving import launch

FRAMES = walks("anna", frames=3000)


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.05)


async def pushed_until(connection, is_durable):
    """The answers to frames, until one is as durable as that."""
    answers = []
    async with asyncio.timeout(60):
        while not answers or answers[-1].is_durable != is_durable:
            answers += await play(connection, [FRAMES[connection.next_index]])
            await asyncio.sleep(0.02)
    return answers


@pytest.fixture
def redis(tmp_path):
    """The arguments of a redis server in a folder of its own."""
    binary = stores.binaries().get("redis")
    if binary is None:
        pytest.skip("there is no redis-server")
    return binary, tmp_path


async def test_sessions_are_kept_over_tls(models, redis):
    authority = trustme.CA()
    ca_file, cert_file, key_file = (redis[1] / name for name in ("ca", "certificate", "key"))
    authority.cert_pem.write_to_path(ca_file)
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(cert_file)
    issued.private_key_pem.write_to_path(key_file)
    port, shown = stores.free_port(), ("--tls-cert-file", str(cert_file), "--tls-key-file")
    tls = "--tls-port", str(port), *shown, str(key_file), "--tls-ca-cert-file", str(ca_file)
    with stores.store_server(*redis, *tls):
        url = f"rediss://127.0.0.1:{port}"
        server = StoreServer(url, (), ca_file, cert_file, key_file)
        async with replica(models, server, timeout_s=10) as sessions:
            connection = await sessions.open(options(), "")
            assert all(answer.is_durable for answer in await play(connection, FRAMES[:3]))
        for untrusted in (StoreServer(url), StoreServer(url, (), ca_file)):  # the CA; the client
            store = SessionStore(untrusted, 60, 100)
            with pytest.raises(StoreAway, match="is away"):
                await store.start()
            await store.stop()


async def test_a_session_goes_on_where_sentinels_promote_a_copy(models, redis):
    binary, folder = redis
    with ExitStack() as stack:
        primary = stack.enter_context(stores.store_server(*redis))
        following = "--replicaof", "127.0.0.1", str(primary.port)
        (folder / "copy").mkdir()
        copy = stack.enter_context(stores.store_server(binary, folder / "copy", *following))
        sentinel = _sentinel(binary, folder, primary.port)
        stack.callback(sentinel.stop)
        sentinel.start()
        await until(lambda: b"num-slaves\r\n$1\r\n1" in sentinel.ask("SENTINEL", "MASTER", "ours"))
        await until(lambda: b"link_status:up" in copy.ask("INFO", "replication"))
        server = StoreServer("redis://ours", (f"redis://127.0.0.1:{sentinel.port}",))
        async with (
            replica(models, server) as one,
            replica(models, server) as other,
        ):
            first = await one.open(options(session_id="s"), "")
            answers = await pushed_until(first, is_durable=True)
            primary.stop()
            answers += await pushed_until(first, is_durable=False)
            await until(lambda: one.is_store_here and other.is_store_here)
            answers += await pushed_until(first, is_durable=True)
            second = await other.open(options(session_id="s"), "")
            assert second.next_index == len(answers)
            answers += await play(second, FRAMES[len(answers) :][:30])
            whole = await other.open(options(), "")
            assert_same(answers, await play(whole, FRAMES[: len(answers)]))


def _sentinel(binary, folder, watched):
    port = stores.free_port()
    settings = [
        f"port {port}",
        f"dir {folder}",
        f"sentinel monitor ours 127.0.0.1 {watched} 1",
        "sentinel down-after-milliseconds ours 500",
        "sentinel failover-timeout ours 5000",
    ]
    file = folder / "sentinel.conf"
    file.write_text("\n".join(settings) + "\n")
    return stores.StoreServer([binary, str(file), "--sentinel"], port)


async def test_a_frame_is_durable_once_there_are_enough_copies(models, redis):
    binary, folder = redis
    with stores.store_server(*redis) as primary:
        async with replica(models, primary.url, copies=1) as sessions:
            connection = await sessions.open(options(session_id="s"), "")
            answers = await play(connection, FRAMES[:5])
            assert not any(answer.is_durable for answer in answers)
            (folder / "copy").mkdir()
            following = "--replicaof", "127.0.0.1", str(primary.port)
            with stores.store_server(binary, folder / "copy", *following) as copy:
                await pushed_until(connection, is_durable=True)
                index = connection.next_index
                kept = copy.ask("HGET", "poselift:{s}:session", "next")
                assert kept.split()[1] == str(index).encode()
            await pushed_until(connection, is_durable=False)


EVERYTHING = "on", "nopass", "~*", "+@all"


@pytest.mark.parametrize("missing", ["evalsha", "xadd", "info"])
async def test_a_store_that_refuses_what_sessions_need_is_not_begun_with(one_store, missing):
    one_store.ask("ACL", "SETUSER", "poselift", *EVERYTHING, f"-{missing}")
    store = SessionStore(StoreServer(one_store.url.replace("//", "//poselift:x@")), 60, 100)
    with pytest.raises(StoreAway, match=f"refuses what sessions need: .*{missing}"):
        await store.start()
    await store.stop()


async def test_a_store_that_begins_to_refuse_is_told_of(models, one_store, caplog):
    one_store.ask("ACL", "SETUSER", "poselift", *EVERYTHING)
    async with replica(models, one_store.url.replace("//", "//poselift:x@")) as sessions:
        connection = await sessions.open(options(), "")
        answers = await play(connection, FRAMES[:3])
        one_store.ask("ACL", "SETUSER", "poselift", "-evalsha")
        await until(lambda: sessions.doubt() == "the session store refuses what sessions need")
        answers += await play(connection, FRAMES[3:6])
        assert not answers[-1].is_durable
        one_store.ask("ACL", "SETUSER", "poselift", *EVERYTHING)
        await until(lambda: sessions.doubt() is None)
        answers += await play(connection, FRAMES[6:9])
        assert answers[-1].is_durable
        whole = await sessions.open(options(), "")
        assert_same(answers, await play(whole, FRAMES[:9]))
    assert "has no permissions to run the 'evalsha' command" in caplog.text


def test_the_service_does_not_start_with_a_store_that_refuses(models, one_store):
    one_store.ask("ACL", "SETUSER", "default", "-evalsha")
    process = launch(models, {"REDIS_URL": one_store.url})
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "(POSELIFT_REDIS_URL) refuses what sessions need: " in log.splitlines()[-1]
    assert "Traceback" not in log


async def test_a_store_that_may_evict_sessions_is_told_of(models, one_store, caplog):
    """From when it may, once, until it may not."""
    registry = CollectorRegistry()
    async with replica(models, one_store.url) as sessions:
        Metrics(registry).watch_process(ServiceState(ready=True, doubts=[sessions.doubt]))
        assert sessions.doubt() is None
        assert registry.get_sample_value("poselift_degraded") == 0
        one_store.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        for _ in range(2):
            await sessions._store._check()  # as every few seconds
        wrong = "the session store may evict sessions (maxmemory-policy volatile-lru)"
        assert sessions.doubt() == wrong
        assert registry.get_sample_value("poselift_degraded") == 1
        await sessions.open(options(), "")
        one_store.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await sessions._store._check()
        assert sessions.doubt() is None
    assert caplog.text.count("maxmemory-policy volatile-lru") == 1


def test_a_connection_that_is_closed_before_it_is_written_to_counts_as_away():
    async def write():
        async with await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.1"
        ) as server:
            _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.transport.abort()
            await asyncio.sleep(0.1)
            writer.write(b"PING")

    async def fail():
        raise RuntimeError("a fault of other code")

    async def main():
        connection = StoreConnection(StoreServer("redis://127.0.0.1:1"), 1, 0)
        with pytest.raises(StoreAway, match=r"is away: .*closed"):
            await connection.asked(write())
        with pytest.raises(RuntimeError, match="other code"):
            await connection.asked(fail())

    uvloop.run(main())
