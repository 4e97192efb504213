"""A chosen latency: frames answered some frames later, by a model that uses those too."""

import asyncio
import signal

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.imputation import Quality
from poselift.lifting import lift
from service.live.frames import Frame
from service.request_errors import Fenced, IndexGap
from tests.live.replicas import SIZE, assert_same, frame, options, play, replica, walks
from tests.live.stores import with_stores
from tests.models import person_clip

FRAMES = walks("anna", "ben")


def lifted(models, name, keypoints_TJ3):
    """What /v1/lift gives by frame, None where unknown."""
    poses = lift(keypoints_TJ3, image_size=SIZE, fps=20, model=models / name)
    return [
        None if quality == Quality.UNKNOWN else poses.rows(frame)
        for frame, quality in enumerate(poses.quality)
    ]


def poses_of(models, name, keypoints_TJ3):
    return [found and found.poses for found in lifted(models, name, keypoints_TJ3)]


def clip_of(frames, name):
    """The keypoints of one person throughout, zeros where there are none."""
    empty = np.zeros((17, 3), np.float32)
    return np.stack(
        [next((p.keypoints_J3 for p in f.people if p.track_id == name), empty) for f in frames]
    )


async def answers_with(sessions, frames, **fields):
    connection = await sessions.open(options(**fields), "")
    return await play(connection, frames) + await connection.waiting()


@pytest.mark.parametrize("model", ["symmetric", "person", "rooted"])
@pytest.mark.parametrize("lookahead", [1, 4, 13])
async def test_a_frame_is_lifted_as_in_the_clip_that_ends_so_many_frames_after_it(
    models, one_store, model, lookahead
):
    async with replica(models, one_store.url) as sessions:
        answers = await answers_with(sessions, FRAMES, model=model, lookahead_frames=lookahead)
    assert [answer.index for answer in answers] == list(range(len(FRAMES)))
    for index in (0, 1, 5, 20, 40, 55, 59):
        for name in ("anna", "ben"):
            clip = clip_of(FRAMES, name)[: index + lookahead + 1]
            found = answers[index].poses.rows(answers[index].track_ids.index(name))
            expected = lifted(models, model, clip)[index]
            np.testing.assert_allclose(found.poses, expected.poses, atol=1e-4)
            if model == "rooted":
                np.testing.assert_allclose(found.trajectory, expected.trajectory, atol=1e-3)
                np.testing.assert_allclose(
                    found.expected_errors, expected.expected_errors, rtol=1e-2
                )
    assert all((answer.poses.trajectory is not None) == (model == "rooted") for answer in answers)


async def test_a_full_lookahead_is_the_whole_clip(models, one_store):
    frames = walks("anna", frames=250)  # longer than is kept
    async with replica(models, one_store.url) as sessions:
        answers = await answers_with(sessions, frames, model="symmetric", lookahead_frames=13)
    expected = poses_of(models, "symmetric", clip_of(frames, "anna"))
    np.testing.assert_allclose([a.poses.poses[0] for a in answers], expected, atol=1e-4)


async def test_tracks_that_come_and_go_are_lifted_from_their_own_frames(models, one_store):
    clip = person_clip(60)
    gone = [*range(10, 13), *range(20, 30)]  # filled, and unknown after a while
    frames = [frame(i) if i in gone else frame(i, anna=clip[i]) for i in range(60)]
    async with replica(models, one_store.url) as sessions:
        answers = await answers_with(sessions, frames, model="symmetric", lookahead_frames=13)
    expected = poses_of(models, "symmetric", clip_of(frames, "anna"))
    assert [i for i, pose in enumerate(expected) if pose is None] == list(range(25, 30))
    for answer, pose in zip(answers, expected, strict=True):
        assert answer.track_ids == (() if pose is None else ("anna",))
        if pose is not None:
            np.testing.assert_allclose(answer.poses.poses[0], pose, atol=1e-4)


async def test_no_frame_is_answered_before_its_lookahead(models, one_store):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(model="symmetric", lookahead_frames=6), "")
        found = [await connection.push(each) for each in FRAMES[:10]]
        assert [answer and answer.index for answer in found] == [None] * 6 + [0, 1, 2, 3]
        assert [answer.index for answer in await connection.waiting()] == [4, 5, 6, 7, 8, 9]
        # A caller may continue after a flush, and gets those frames again.
        later = await connection.push(FRAMES[10])
        assert later is not None
        assert later.index == 4


@pytest.mark.parametrize(("at", "store"), with_stores([3, 6, 7, 40]), indirect=["store"])
async def test_any_replica_continues_a_session(models, store, at):
    fields = {"session_id": "s", "model": "person", "lookahead_frames": 6}
    async with replica(models, store.url) as one, replica(models, store.url) as other:
        expected = await answers_with(one, FRAMES, **fields | {"session_id": "whole"})
        before = await play(await one.open(options(**fields), ""), FRAMES[:at])
        second = await other.open(options(**fields), "")
        assert second.next_index == at
        found = before + await play(second, FRAMES[at:]) + await second.waiting()
        assert_same(found, expected)


@pytest.mark.parametrize("resumed", [False, True])
async def test_a_frame_sent_again_is_answered_again(models, one_store, resumed):
    fields = {"session_id": "s", "model": "symmetric", "lookahead_frames": 6}
    frames = walks("anna", "ben", frames=120)
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(**fields), "")
        answers = await play(connection, frames)
        if resumed:
            connection = await sessions.open(options(**fields), "")
        for index in (113, 60, 57):
            again = await connection.push(frames[index])
            assert again is not None
            assert_same([again], [answers[index]])
        assert await connection.push(frames[114]) is None  # too early
        with pytest.raises(IndexGap):
            await connection.push(frames[49])
        assert connection.next_index == 120


@pytest.mark.parametrize("lookahead", [5, 13])
async def test_all_answers_of_the_longest_request_can_be_repeated_by_another_replica(
    models, one_store, lookahead
):
    """They are of frames before those that were sent, by as many as the lookahead."""
    fields = {"session_id": "s", "model": "symmetric", "lookahead_frames": lookahead}
    frames = walks("anna", frames=140)
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(**fields), "", is_stream=False)
        await play(connection, frames[:76])
        lost = await play(connection, frames[76:])
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.continued("s", "")
        again = [await connection.push(frames[answer.index]) for answer in lost]
        assert_same(again, lost)
        assert again[0].index == 76 - lookahead


async def test_a_track_missing_for_long_is_answered_alike_by_another_replica(models, one_store):
    """A joint last measured before the window is where it was, also for the oldest answer."""
    fields = {"session_id": "s", "model": "symmetric", "lookahead_frames": 6}
    frames = walks("anna", frames=150)
    for each in frames[10:140]:
        each.people[0].keypoints_J3[9, 2] = 0
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(**fields), "")
        answers = await play(connection, frames)
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(**fields), "")
        for index in (81, 90, 143):
            assert_same([await connection.push(frames[index])], [answers[index]])


async def test_requests_to_any_replica_continue_a_session(models, one_store):
    """No sticky routing: a replica that had the session notices that another has continued it."""
    frames = walks("anna", frames=40)
    fields = {"session_id": "s", "model": "symmetric", "lookahead_frames": 5}
    async with (
        replica(models, one_store.url) as one,
        replica(models, one_store.url) as two,
    ):
        await play(await one.open(options(**fields), "", is_stream=False), frames[:10])
        await play(await two.continued("s", ""), frames[10:20])
        waiting = await (await one.continued("s", "")).waiting()
        assert [answer.index for answer in waiting] == [15, 16, 17, 18, 19]
        await play(await two.continued("s", ""), frames[20:30])
        assert (await (await one.continued("s", "")).push(frames[30])).index == 25


async def test_answers_of_unstored_frames_are_not_durable(models, one_store):
    async with replica(models, one_store.url, timeout_s=0.2) as sessions:
        connection = await sessions.open(options(model="symmetric", lookahead_frames=4), "")
        await play(connection, walks("anna", frames=6))
        one_store.stop()
        assert [
            each.is_durable for each in await play(connection, walks("anna", frames=8)[6:])
        ] == [
            False,
            False,
        ]
        assert [each.is_durable for each in await connection.waiting()] == [False] * 4


async def test_a_session_that_ends_while_its_frame_is_kept_answers_nothing(models, one_store):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(model="symmetric", lookahead_frames=2), "")
        frames = walks("anna", frames=6)
        await play(connection, frames[:4])
        one_store.process.send_signal(signal.SIGSTOP)
        pushed = asyncio.create_task(connection.push(frames[4]))
        await asyncio.sleep(0.1)
        connection.end(Fenced("it was deleted"), notify=True)
        one_store.process.send_signal(signal.SIGCONT)
        with pytest.raises(Fenced):
            await pushed


async def test_errors_come_with_the_poses_of_their_frame(models, one_store):
    async with replica(models, one_store.url) as sessions:
        connection = await sessions.open(options(model="symmetric", lookahead_frames=2), "")
        unnamed = Frame(0, frame(0, **{"": person_clip(1)[0]}).people)
        assert await connection.push(unnamed) is None
        assert await connection.push(frame(1)) is None
        answer = await connection.push(frame(2))
        assert answer is not None
        assert [error.error.field_errors[0].where for error in answer.errors] == ["track_id"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "causal", "lookahead_frames": 1}, "for causal 0: it sees only the past, found"),
        ({"model": "symmetric", "lookahead_frames": 14}, "for symmetric 1 to 13, found 14"),
        ({"model": "symmetric"}, r"a causal model \(causal\), or lookahead_frames from 1 to 13"),
    ],
)
async def test_models_without_lookahead_are_refused(models, one_store, fields, message):
    async with replica(models, one_store.url) as sessions:
        with pytest.raises(InvalidInput, match=message):
            await sessions.open(options(**fields), "")


async def test_an_unnamed_model_is_a_symmetric_one(models, one_store):
    async with replica(models, one_store.url) as sessions:
        asked = options(lookahead_frames=2).model_dump(exclude={"model"})
        connection = await sessions.open(type(options()).model_validate(asked), "")
        assert not connection.card.architecture.causal
