"""What a session promises: order, exactly once, one writer, and any replica can continue it."""

import asyncio
import gc
import re
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.imputation import QUALITY
from service.live.frames import Frame, Person
from service.live.session import LiveSession, LiveSettings
from service.request_errors import Fenced, Forbidden, IndexGap, NotFound, Overloaded, Unavailable
from tests.live.replicas import assert_same, frame, options, play, replica, walks
from tests.live.stores import any_store, with_stores
from tests.models import person_clip

FRAMES = walks("anna", "ben")


@pytest.fixture(scope="module")
def expected(models, tmp_path_factory):
    """What an undisturbed session answers to ``FRAMES``."""

    async def undisturbed(url):
        async with replica(models, url) as sessions:
            return await play(await sessions.open(options(), ""), FRAMES)

    with any_store(tmp_path_factory.mktemp("store")) as store:
        return asyncio.run(undisturbed(store.url))


@pytest.mark.parametrize(("at", "store"), with_stores([1, 5, 26, 40]), indirect=["store"])
async def test_any_replica_continues_a_session(models, store, expected, at):
    async with replica(models, store.url) as one, replica(models, store.url) as other:
        first = await one.open(options(session_id="s"), "")
        before = await play(first, FRAMES[:at])
        second = await other.open(options(session_id="s"), "")
        assert second.next_index == at
        assert_same(before + await play(second, FRAMES[at:]), expected)


async def test_the_replica_that_lost_a_session_is_notified_and_cannot_append(
    models, store, expected
):
    async with replica(models, store.url) as one, replica(models, store.url) as other:
        first = await one.open(options(session_id="s"), "")
        await play(first, FRAMES[:10])
        second = await other.open(options(session_id="s"), "")
        with pytest.raises(Fenced):
            await first.push(FRAMES[10])
        with pytest.raises(Fenced):
            await first.push(FRAMES[10])
        assert_same(await play(second, FRAMES[10:]), expected[10:])


async def test_an_idle_stream_is_notified_too(models, one_store):
    settings = LiveSettings(request_idle_s=0.1)
    async with (
        replica(models, one_store.url, settings) as one,
        replica(models, one_store.url) as other,
    ):
        taken = await one.open(options(session_id="s"), "")
        await play(taken, FRAMES[:3])
        alone = await one.open(options(), "")
        await other.open(options(session_id="s"), "")
        await asyncio.wait_for(taken.notified.wait(), 10)
        assert isinstance(taken.reason, Fenced)
        assert one.count == 1
        assert not alone.notified.is_set()


async def test_opening_again_on_the_same_replica_takes_over(models, one_store, expected):
    async with replica(models, one_store.url) as sessions:
        first = await sessions.open(options(session_id="s"), "")
        await play(first, FRAMES[:30])
        second = await sessions.open(options(session_id="s"), "")
        assert first.notified.is_set()
        assert isinstance(first.reason, Fenced)
        with pytest.raises(Fenced):
            await first.push(FRAMES[30])
        assert_same(await play(second, FRAMES[30:]), expected[30:])
        assert sessions.count == 1


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_frame_sent_again_is_answered_again_and_changes_nothing(
    models, one_store, expected, resumed
):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(session_id="s"), "")
        await play(connection, FRAMES[:50])
        if resumed:
            connection = await sessions.open(options(session_id="s"), "")
        for index in (49, 3, 0, 27, 49):
            assert_same([await connection.push(FRAMES[index])], [expected[index]])
        assert connection.next_index == 50
        assert_same(await play(connection, FRAMES[50:]), expected[50:])


async def test_at_least_the_last_64_frames_can_be_repeated(models, one_store):
    frames = walks("anna", frames=150)
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(session_id="s"), "")
        answers = await play(connection, frames)
        resumed = await sessions.open(options(session_id="s"), "")
        for index in (149, 120, 86):
            assert_same([await resumed.push(frames[index])], [answers[index]])
        with pytest.raises(IndexGap, match="expected 150, found 10"):
            await resumed.push(frames[10])


async def test_a_gap_is_refused_and_nothing_is_lost(models, one_store, expected):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(), "")
        await play(connection, FRAMES[:5])
        with pytest.raises(IndexGap, match="expected 5, found 7") as caught:
            await connection.push(FRAMES[7])
        assert caught.value.next_index == 5
        assert_same(await play(connection, FRAMES[5:]), expected[5:])


async def test_frames_may_be_left_out_with_drop_oldest(models, one_store):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(session_id="s", when_behind="drop_oldest"), "")
        sent = FRAMES[:10] + FRAMES[15:30]
        answers = await play(connection, sent)
        whole = await sessions.open(options(), "")
        renumbered = [Frame(i, each.people) for i, each in enumerate(sent)]
        for one, other in zip(answers, await play(whole, renumbered), strict=True):
            np.testing.assert_allclose(one.poses.poses, other.poses.poses, atol=1e-5)
        assert (await connection.push(FRAMES[12])).track_ids == ()
        resumed = await sessions.open(options(session_id="s", when_behind="drop_oldest"), "")
        assert resumed.next_index == 30
        assert (await resumed.push(FRAMES[12])).track_ids == ()


async def test_people_come_and_go(models, one_store):
    clip = person_clip(40)
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(), "")  # gaps of up to 5 frames
        answers = []
        for i in range(40):
            people = {"always": clip[i]}
            if i < 10 or 13 <= i < 20 or i >= 30:
                people["sometimes"] = clip[i]
            answers.append(await connection.push(frame(i, **people)))
        present = [("sometimes" in answer.track_ids) for answer in answers]
        assert present == [True] * 25 + [False] * 5 + [True] * 10
        place = answers[30].track_ids.index("sometimes")
        alone = await sessions.open(options(), "")
        fresh = await alone.push(frame(0, only=clip[30]))
        np.testing.assert_allclose(answers[30].poses.poses[place], fresh.poses.poses[0], atol=1e-5)
        quality = answers[11].poses.quality[answers[11].track_ids.index("sometimes")]
        assert QUALITY[quality] == "filled"


async def test_a_listed_person_without_keypoints_is_unknown(models, one_store):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(), "")
        answer = await connection.push(frame(0, absent=np.zeros((17, 3), np.float32)))
        assert [QUALITY[q] for q in answer.poses.quality] == ["unknown"]
        assert (await connection.push(frame(1))).track_ids == ()


async def test_a_session_belongs_to_its_key(models, one_store):
    async with replica(models, one_store.url) as sessions:
        await sessions.open(options(session_id="s"), "mine")
        for attempt in (
            sessions.open(options(session_id="s"), "yours"),
            sessions.continued("s", "yours"),
            sessions.look("s", "yours"),
            sessions.delete("s", "yours"),
        ):
            with pytest.raises(Forbidden):
                await attempt
        assert (await sessions.look("s", "mine"))[2] == 0


async def test_ids_that_the_service_makes_cannot_be_guessed(models, one_store):
    async with replica(models, one_store.url) as sessions:
        ids = {(await sessions.open(options(), "")).id for _ in range(20)}
        assert len(ids) == 20
        assert min(map(len, ids)) >= 24


async def test_an_open_session_is_resumed_only_as_it_was_opened(models, one_store):
    async with replica(models, one_store.url) as sessions:
        await sessions.open(options(session_id="s"), "")
        with pytest.raises(InvalidInput, match=r"fps: expected 20\.0, with which"):
            await sessions.open(options(session_id="s", fps=30), "")
        with pytest.raises(InvalidInput, match="model: expected a causal model"):
            await sessions.open(options(model="symmetric"), "")
        with pytest.raises(InvalidInput, match="model: expected one of"):
            await sessions.open(options(model="no-such"), "")
        with pytest.raises(NotFound, match="'other'"):
            await sessions.continued("other", "")


async def test_a_closed_session_does_not_exist_for_its_former_writers(models, store):
    async with replica(models, store.url) as one, replica(models, store.url) as other:
        first = await one.open(options(session_id="s"), "")
        await play(first, FRAMES[:3])
        await other.delete("s", "")
        with pytest.raises(Fenced):
            await first.push(FRAMES[3])
        with pytest.raises(NotFound):
            await other.look("s", "")
        again = await one.open(options(session_id="s"), "")
        assert again.next_index == 0


async def test_memory_is_freed_on_leaving_and_sessions_expire(models, one_store):
    async with replica(models, one_store.url, capacity=2, expiry_s=0.5) as sessions:
        connection = await sessions.open(options(session_id="s"), "")
        await play(connection, FRAMES[:3])
        other = await sessions.open(options(), "")
        answer = await other.push(FRAMES[0])
        assert answer.track_ids == ()
        assert {error.track_id: type(error.error) for error in answer.errors} == {
            "anna": Overloaded,
            "ben": Overloaded,
        }
        sessions.leave(connection)
        assert sorted((await other.push(FRAMES[1])).track_ids) == ["anna", "ben"]
        assert (await sessions.look("s", ""))[2] == 3
        await asyncio.sleep(0.7)
        with pytest.raises(NotFound):
            await sessions.look("s", "")


async def test_single_requests_take_a_session_from_a_stream_and_leave_when_idle(
    models, one_store, expected
):
    settings = LiveSettings(request_idle_s=0.2)
    async with replica(models, one_store.url, settings) as sessions:
        stream = await sessions.open(options(session_id="s"), "")
        await play(stream, FRAMES[:10])
        request = await sessions.continued("s", "")
        assert stream.notified.is_set()
        assert await sessions.continued("s", "") is request
        assert_same(await play(request, FRAMES[10:30]), expected[10:30])
        async with asyncio.timeout(10):
            while sessions.count:  # noqa: ASYNC110 - the sweeper has no event to wait for
                await asyncio.sleep(0.05)
        request = await sessions.continued("s", "")
        assert_same(await play(request, FRAMES[30:]), expected[30:])


async def test_a_store_may_forget_the_scripts_at_any_time(models, store, expected):
    async with replica(models, store.url) as sessions:
        store.ask("SCRIPT", "FLUSH")
        connection = await sessions.open(options(session_id="s"), "")
        answers = await play(connection, FRAMES[:10])
        store.ask("SCRIPT", "FLUSH")
        answers += await play(connection, FRAMES[10:])
        assert all(answer.is_durable for answer in answers)
        assert_same(answers, expected)


async def test_sessions_continue_on_another_replica_after_draining(models, one_store, expected):
    async with replica(models, one_store.url) as one, replica(models, one_store.url) as other:
        first = await one.open(options(session_id="s"), "")
        await play(first, FRAMES[:20])
        await one.drain()
        assert isinstance(first.reason, Unavailable)
        with pytest.raises(Unavailable):
            await one.open(options(), "")
        second = await other.open(options(session_id="s"), "")
        assert_same(await play(second, FRAMES[20:]), expected[20:])


async def test_crossing_people_are_associated_without_a_tracker(models, one_store):
    clip = person_clip(60)
    clip[..., 0] -= clip[:, :1, 0].mean()

    def people(i):
        one, other = clip[i].copy(), clip[i].copy()
        one[:, 0] += 100 + 12 * i
        other[:, 0] += 800 - 12 * i
        other[:, 1] += 15
        pair = [Person("", one), Person("", other)]
        return tuple(pair[::-1] if i % 3 == 0 else pair)

    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(session_id="s", associate=True), "")
        answers = [await connection.push(Frame(i, people(i))) for i in range(30)]
        connection = await sessions.open(options(session_id="s", associate=True), "")
        answers += [await connection.push(Frame(i, people(i))) for i in range(30, 60)]
        ids = {frozenset(answer.track_ids) for answer in answers}
        assert ids == {frozenset({"0-0", "0-1"})}
        straight = await sessions.open(options(), "")
        for i, answer in enumerate(answers):
            one, other = sorted(people(i), key=lambda person: person.keypoints_J3[0, 1])
            named = frame(i, upper=one.keypoints_J3, lower=other.keypoints_J3)
            lifted = await straight.push(named)
            # Frame 0 lists the lower one first.
            order = [answer.track_ids.index(name) for name in ("0-1", "0-0")]
            np.testing.assert_allclose(answer.poses.poses[order], lifted.poses.poses, atol=1e-4)


async def test_a_frame_in_flight_while_draining_is_stored_whole_or_not_at_all(
    models, one_store, expected
):
    async with replica(models, one_store.url) as one, replica(models, one_store.url) as other:
        first = await one.open(options(session_id="s"), "")
        answers = await play(first, FRAMES[:20])
        pushing = asyncio.create_task(first.push(FRAMES[20]))
        await asyncio.sleep(0)
        await one.drain()
        (found,) = await asyncio.gather(pushing, return_exceptions=True)
        answers += [] if isinstance(found, Unavailable) else [found]
        second = await other.open(options(session_id="s"), "")
        assert second.next_index == len(answers)
        assert_same(answers + await play(second, FRAMES[len(answers) :]), expected)


async def test_a_refused_open_does_not_change_the_session(models, one_store, expected):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(session_id="s"), "")
        await play(connection, FRAMES[:10])
        with pytest.raises(InvalidInput, match="fps"):
            await sessions.open(options(session_id="s", fps=30), "")
        assert_same(await play(connection, FRAMES[10:]), expected[10:])


async def test_concurrent_opens_leave_one_writer_and_no_tracks(models, one_store):
    async with replica(models, one_store.url, capacity=2) as sessions:
        first = await sessions.open(options(session_id="s"), "")
        await play(first, FRAMES[:5])
        opened = await asyncio.gather(
            *(sessions.open(options(session_id="s"), "") for _ in range(8))
        )
        assert sum(not connection.notified.is_set() for connection in opened) == 1
        assert sessions.count == 1
        last = next(connection for connection in opened if not connection.notified.is_set())
        assert sorted((await last.push(FRAMES[5])).track_ids) == ["anna", "ben"]


async def test_people_without_track_id_are_errors_unless_the_session_associates(models, one_store):
    clip = person_clip(1)
    nameless = Frame(0, (Person("", clip[0]), Person("a", clip[0])))
    async with replica(models, one_store.url) as sessions:
        answer = await (await sessions.open(options(), "")).push(nameless)
        assert answer.track_ids == ("a",)
        assert [error.track_id for error in answer.errors] == [""]


async def test_one_session_cannot_take_all_tracks(models, one_store):
    clip = person_clip(1)
    async with replica(models, one_store.url, capacity=600) as sessions:
        connection = await sessions.open(options(fps=1000), "")
        for i in range(3):
            people = {f"{i}-{number}": clip[0] for number in range(120)}
            answer = await connection.push(frame(i, **people))
        assert len(answer.track_ids) == 256
        assert len(answer.errors) == 360 - 256


async def test_thousands_of_abandoned_sessions_leave_nothing_behind(models, one_store):
    (asked,) = walks("anna", frames=1)

    async def abandon(sessions):
        connection = await sessions.open(options(), "")
        await connection.push(asked)
        sessions.leave(connection)

    async with replica(models, one_store.url, expiry_s=1.0) as sessions:
        before = _used(one_store)
        for done in range(0, 4_000, 50):
            await asyncio.gather(*(abandon(sessions) for _ in range(50)))
            if done == 1_000:
                warm = _resident_mb()
        assert sessions.count == 0
        assert _resident_mb() - warm < 8
        gc.collect()  # what nothing refers to any more is not kept
        kept = sum(type(each) is LiveSession for each in gc.get_objects())
        assert kept <= 100  # the threads of the last ticks keep their jobs until the next
        async with asyncio.timeout(10):
            while one_store.ask("DBSIZE") != b":1\r\n":  # noqa: ASYNC110 - the store has no event to wait for
                await asyncio.sleep(0.1)
        assert _used(one_store) < before + 2_000_000


def _used(store):
    """The bytes of a store's data."""
    return int(re.search(rb"used_memory:(\d+)", store.ask("INFO", "memory"))[1])


def _resident_mb():
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000
