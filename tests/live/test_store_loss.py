"""A store that comes back older, empty or with half a session: nothing acknowledged is lost."""

import asyncio
from functools import partial
from itertools import count
from typing import NamedTuple

import pytest
import pytest_asyncio

from service.live.frame_log import FrameLog, StoredSession
from service.live.registry import LiveSessions
from service.live.session import LiveSettings
from service.live.store import (
    LifeEnded,
    RecordBehind,
    SessionAbsent,
    SessionRecord,
    SessionStore,
    StoredFrame,
    WriterFenced,
)
from service.live.store_server import StoreServer as Server
from service.request_errors import IndexGap, NotFound, Unavailable
from tests.live.replicas import assert_same, options, play, replica, walks
from tests.live.stores import StoreServer, binaries, store_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRAMES = walks("anna", "ben")
HASH, STREAM = "poselift:{%s}:session", "poselift:{%s}:frames"
LOSSES = {
    "everything": [f"DEL {HASH}", f"DEL {STREAM}"],
    "the frames": [f"DEL {STREAM}"],
    "the session": [f"DEL {HASH}"],
    "the session's type": [f"SET {HASH} x"],
    "the frames' type": [f"DEL {STREAM}", f"LPUSH {STREAM} x"],
    "both types": [f"SET {HASH} x", f"SET {STREAM} x"],
    "the index": [f"HSET {HASH} next x"],
    "the latest frames": [f"HSET {HASH} next 10", f"XTRIM {STREAM} MAXLEN 5"],
}
LOOKAHEAD = {"model": "symmetric", "lookahead_frames": 6}


class Setup(NamedTuple):
    """A store, and two replicas that share it."""

    store: StoreServer
    one: LiveSessions
    other: LiveSessions


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def setup(models, tmp_path_factory):
    binary = list(binaries().values())[-1]
    settings = LiveSettings(request_idle_s=0.2)
    how = {"capacity": 256, "timeout_s": 10, "expiry_s": 600}
    with store_server(binary, tmp_path_factory.mktemp("store")) as store:
        async with (
            replica(models, store.url, settings, **how) as one,
            replica(models, store.url, settings, **how) as other,
        ):
            yield Setup(store, one, other)


@pytest.fixture(params=[{}, LOOKAHEAD], ids=["causal", "lookahead"])
def kind(request):
    """A session that is answered at once, and one that is answered later."""
    return request.param


numbers = count()


@pytest.fixture
def how(kind):
    """How a session of its own is opened."""
    return options(session_id=f"s{next(numbers)}", **kind)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(setup):
    """What undisturbed sessions answer to ``FRAMES``, by their lookahead."""
    answers = {}
    for each in ({}, LOOKAHEAD):
        connection = await setup.one.open(options(**each), "")
        lookahead = connection.options.lookahead_frames
        answers[lookahead] = await play(connection, FRAMES) + await connection.waiting()
    return answers


@pytest.fixture
def expected(undisturbed, how):
    return undisturbed[how.lookahead_frames]


def lose(store, how, what):
    for command in LOSSES[what]:
        assert not store.ask(*(command % how.session_id).split()).startswith(b"-")


async def next_index(sessions, how):
    """Where the store has a session; None where it does not."""
    try:
        return (await sessions.look(how.session_id, ""))[2]
    except (NotFound, Unavailable):
        return None


async def until_next_is(sessions, how, index):
    async with asyncio.timeout(60):
        while await next_index(sessions, how) != index:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def resumed(sessions, how, at):
    """The answers of a replica that takes the session over."""
    second = await sessions.open(how, "")
    assert second.next_index == at
    return await play(second, FRAMES[at:]) + await second.waiting()


@pytest.mark.parametrize("pushes", [0, 5])
@pytest.mark.parametrize("is_older", [True, False])
async def test_a_store_restarted_older_or_empty_gets_what_it_lost(
    setup, how, expected, pushes, is_older
):
    store, one, other = setup
    first = await one.open(how, "")
    answers = await play(first, FRAMES[:20])
    store.ask("SAVE" if is_older else "FLUSHALL")
    answers += await play(first, FRAMES[20:40])
    store.stop()
    store.start()
    at = 40 + pushes
    answers += await play(first, FRAMES[40:at])
    await until_next_is(other, how, at)
    assert_same(answers + await resumed(other, how, at), expected)


@pytest.mark.parametrize("what", LOSSES)
async def test_keys_that_are_lost_are_written_again_by_the_holder(setup, how, expected, what):
    store, one, other = setup
    first = await one.open(how, "")
    answers = await play(first, FRAMES[:30])
    lose(store, how, what)
    answers += await play(first, FRAMES[30:31])
    assert all(answer.is_durable for answer in answers)
    assert_same(answers + await resumed(other, how, 31), expected)


@pytest.mark.parametrize("what", ["all sessions", "everything", "the frames"])
async def test_a_quiet_session_is_written_again_before_anyone_asks(setup, how, expected, what):
    store, one, other = setup
    first = await one.open(how, "")
    answers = await play(first, FRAMES[:30])
    if what == "all sessions":
        store.ask("FLUSHALL")
    else:
        lose(store, how, what)
    await until_next_is(other, how, 30)
    assert_same(answers + await resumed(other, how, 30), expected)


@pytest.mark.parametrize("ending", ["the client leaves", "the replica drains", "it is looked at"])
async def test_what_the_store_forgot_is_there_after(models, setup, how, expected, ending):
    store, _, other = setup
    async with replica(models, store.url, timeout_s=10) as one:
        first = await one.open(how, "")
        answers = await play(first, FRAMES[:30])
        lose(store, how, "everything")
        if ending == "the client leaves":
            one.leave(first)
        elif ending == "the replica drains":
            await one.drain()
            assert await next_index(other, how) == 30
        else:
            assert await next_index(one, how) == 30
        await until_next_is(other, how, 30)
        assert_same(answers + await resumed(other, how, 30), expected)


async def test_single_requests_find_a_session_that_the_store_forgot(setup, undisturbed):
    store, one, _ = setup
    how = options(session_id="single")
    await one.open(how, "", is_stream=False)
    for at in range(0, 60, 20):
        lose(store, how, "everything")
        session = await one.continued("single", "")
        assert_same(await play(session, FRAMES[at : at + 20]), undisturbed[0][at : at + 20])
    lose(store, how, "everything")
    await one.delete("single", "")
    assert await next_index(one, how) is None


@pytest.mark.parametrize("what", [*LOSSES, "the owner"])
async def test_a_session_without_its_frames_begins_again_and_says_so(
    models, setup, how, expected, what
):
    store, one, other = setup
    await until_stored(one, await one.open(how, ""), FRAMES[:30])
    if what == "the owner":
        store.ask("HDEL", HASH % how.session_id, "owner")
    else:
        lose(store, how, what)
    assert await next_index(other, how) in {0, None}
    second = await other.open(how, "")
    assert second.next_index == 0
    with pytest.raises(IndexGap):
        await second.push(FRAMES[30])
    answers = await play(second, FRAMES)
    if what in {"the frames", "the frames' type"}:
        (warning,) = answers[0].warnings
        assert (warning.code, warning.frames) == ("frames_lost", (0, 29))
    assert_same(answers + await second.waiting(), expected)
    assert (await one.open(how, "")).next_index == 60


async def until_stored(sessions, connection, frames):
    """Have the store alone hold a session."""
    await play(connection, frames)
    sessions.leave(connection)
    async with asyncio.timeout(60):
        while sessions._finishing:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_session_with_a_hole_goes_on_from_there(setup, how, expected):
    store, one, other = setup
    await until_stored(one, await one.open(how, ""), FRAMES[:30])
    assert store.ask("XDEL", STREAM % how.session_id, "21-1") == b":1\r\n"
    assert await next_index(other, how) == 20
    second = await other.open(how, "")
    assert second.next_index == 20
    answers = await play(second, FRAMES[20:])
    assert answers[0].warnings[0].frames == (20, 29)
    found = answers + await second.waiting()
    assert_same(found, expected[-len(found) :])


async def test_lost_frames_are_counted_and_logged(setup, how, caplog):
    """And told once, by a session that ends before another frame comes too."""
    store, one, other = setup
    await until_stored(one, await one.open(how, ""), FRAMES[:30])
    store.ask("XDEL", STREAM % how.session_id, "21-1")
    metrics = other._live_models[how.model].warned.__self__
    counted = partial(
        metrics.registry.get_sample_value, "poselift_warnings_total", {"code": "frames_lost"}
    )
    before = counted() or 0
    second = await other.open(how, "")
    assert counted() == before + 1
    assert "the session store has lost frames 20 to 29" in caplog.text
    waiting = await second.waiting()
    told = [each.warnings[0].frames for each in waiting if each.warnings]
    assert told == ([(20, 29)] if how.lookahead_frames else [])
    assert all(not each.warnings for each in await second.waiting())


async def test_jumps_of_the_index_are_no_holes(setup):
    store, one, other = setup
    how = options(session_id="jumps", allow_gaps=True)
    sent = [each for each in FRAMES if each.index % 7 != 3]
    first = await one.open(how, "")
    answers = await play(first, sent[:30])
    lose(store, how, "everything")
    answers += await play(first, sent[30:40])
    second = await other.open(how, "")
    assert second.next_index == sent[39].index + 1
    answers += await play(second, sent[40:])
    whole = await other.open(options(allow_gaps=True), "")
    assert_same(answers, await play(whole, sent))


async def test_a_session_is_opened_only_once_its_holder_had_time_to_write_it_back(models, setup):
    store, one, _ = setup
    how = options(session_id="unsettled")
    async with replica(models, store.url, timeout_s=10, settle_s=3) as other:
        await play(await one.open(how, ""), FRAMES[:30])
        store.ask("FLUSHALL")
        assert (await other.open(how, "")).next_index == 30


@pytest.mark.parametrize("loss", ["before the opening", "before the frames are read"])
async def test_a_session_is_not_begun_again_where_the_store_forgets_it_during_the_opening(
    setup, loss
):
    store = SessionStore(Server(setup.store.url), 60, 100, timeout_s=10)
    await store.start()
    life, session_id = await store.settled(), f"during-{loss[7:10]}"
    writer = (await store.open(session_id, "", b"{}")).writer
    await store.append(writer, StoredFrame(0, 0, b"x"))
    if loss == "before the opening":
        setup.store.ask("FLUSHALL")
        for question in (store.open(session_id, "", b"{}", life), store.look(session_id, "", life)):
            with pytest.raises(LifeEnded):
                await question
    else:
        writer = (await store.open(session_id, "", b"{}", life)).writer
        setup.store.ask("FLUSHALL")
        log = FrameLog(store, StoredSession(writer, "", b"{}"), 100, 17, max_outage_s=60)
        with pytest.raises(LifeEnded):
            await log.restore(1, life)
    assert not await store.frames(session_id)
    with pytest.raises(SessionAbsent):
        await store.look(session_id, "")
    await store.stop()


async def test_a_session_without_frames_is_written_again_too(setup, how):
    store, one, other = setup
    await one.open(how, "")
    store.ask("FLUSHALL")
    await until_next_is(other, how, 0)


async def test_a_session_that_has_expired_is_not_written_again(models, setup):
    how = options(session_id="expired")
    settings = LiveSettings(request_idle_s=0.1)
    async with replica(models, setup.store.url, settings, expiry_s=0.5, timeout_s=10) as sessions:
        await play(await sessions.open(how, ""), FRAMES[:3])
        await asyncio.sleep(0.6)
        setup.store.ask("FLUSHALL")
        await asyncio.sleep(0.6)  # the store is watched meanwhile
        assert await next_index(sessions, how) is None


async def test_an_older_writer_is_refused_even_by_a_store_that_forgot_the_later_one(setup):
    server = setup.store
    store = SessionStore(Server(server.url), 60, 100, timeout_s=10)
    await store.start()
    older = (await store.open("fences", "", b"{}")).writer
    later = (await store.open("fences", "", b"{}")).writer
    record = SessionRecord(1, b"{}", "", [StoredFrame(0, 0, b"x")])
    for _ in range(2):
        server.ask("FLUSHALL")
        await store.replace(older, record)  # nothing is there to refuse it
        with pytest.raises(RecordBehind):
            await store.append(later, StoredFrame(1, 1, b"y"))
        await store.replace(later, record)
        for attempt in (
            store.append(older, StoredFrame(1, 1, b"y")),
            store.replace(older, record),
            store.close(older),
        ):
            with pytest.raises(WriterFenced):
                await attempt
    server.ask("FLUSHALL")
    newest = (await store.open("fences", "", b"{}")).writer
    assert int(older.fence) < int(later.fence) < int(newest.fence)
    with pytest.raises(WriterFenced):
        await store.replace(later, record)
    await store.close(newest)
    with pytest.raises(WriterFenced):  # closed for good
        await store.replace(newest, record)
    await store.stop()


@pytest.mark.parametrize("index", [1, 3])
async def test_a_frame_out_of_turn_is_not_appended(setup, index):
    store = SessionStore(Server(setup.store.url), 60, 100, timeout_s=10)
    await store.start()
    writer = (await store.open("turns", "", b"{}")).writer
    await store.append(writer, StoredFrame(0, 0, b"0"))
    await store.append(writer, StoredFrame(0, 0, b"0"))  # its answer was lost
    with pytest.raises(RecordBehind):
        await store.append(writer, StoredFrame(index + 1, index + 1, b"x"))
    assert [each.index for each in await store.frames("turns")] == [0]
    await store.close(writer)
    await store.stop()
