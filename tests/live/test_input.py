"""Doubtful input in live sessions: what a clip would make of it, kept across replicas."""

import copy
from dataclasses import replace

import numpy as np
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import Quality, letters
from service.live import records
from service.live.frames import Frame, Person
from tests.live.replicas import SIZE, assert_same, frame, options, play, replica
from tests.models import person_clip

FPS = 20.0
COCO = FORMATS["coco17"]
WRIST = COCO.joints.index("left_wrist")
LEGS = [
    COCO.joints.index(f"{side}_{part}") for side in ("left", "right") for part in ("knee", "ankle")
]


def spoiled(frames=60, seed=3):
    """A walk with single gross errors, swapped sides, missing joints and legs seen late."""
    clip = person_clip(frames, seed)
    clip[9, WRIST, :2] += [300, -200]
    clip[21:23, WRIST + 1, :2] -= 250
    clip[30:33] = clip[30:33][:, COCO.mirror]
    clip[40:44, [5, 7], 2] = 0
    clip[:15, LEGS, 2] = 0
    return clip


def frames_of(clip, **fields):
    return [Frame(i, (Person("anna", keypoints),), **fields) for i, keypoints in enumerate(clip)]


def lifted(models, clip, **wanted):
    return poselift.lift(clip, image_size=SIZE, model=models / "causal", **{"fps": FPS, **wanted})


def check_is(answers, expected):
    """Whether answers about one person are the poses of a clip."""
    told = [a for a in answers if a.track_ids]
    quality = [int(a.poses.quality[0]) for a in told]
    known = expected.quality != Quality.UNKNOWN
    assert quality == expected.quality[known].tolist()
    poses = np.concatenate([a.poses.poses for a in told])
    np.testing.assert_allclose(poses, expected.poses[known], atol=1e-4)
    found = [letters(a.poses.joint_quality)[0] for a in told]
    assert found == np.array(letters(expected.joint_quality))[known].tolist()


async def test_outliers_swaps_and_unseen_limbs_are_those_of_the_clip(models, one_store):
    clip = spoiled()
    expected = lifted(models, clip)
    assert {"m", "f", "r", "n"} == set("".join(letters(expected.joint_quality)))
    assert "sides_swapped" in {warning.code for warning in expected.warnings}
    async with replica(models, one_store.url) as sessions:
        answers = await play(await sessions.open(options(), ""), frames_of(clip))
    check_is(answers, expected)


@pytest.mark.parametrize("at", [10, 22, 31, 42])
async def test_another_replica_remembers_the_motion(models, one_store, at):
    clip = spoiled()
    async with replica(models, one_store.url) as one, replica(models, one_store.url) as other:
        before = await play(await one.open(options(session_id="s"), ""), frames_of(clip)[:at])
        resumed = await other.open(options(session_id="s"), "")
        check_is(before + await play(resumed, frames_of(clip)[at:]), lifted(models, clip))
        # And a frame sent again has the same qualities, lifted once more from the store.
        again = await resumed.push(frames_of(clip)[9])
        assert letters(again.poses.joint_quality)[0][WRIST] == "r"


async def test_lookahead_answers_have_the_qualities_of_the_clip(models, one_store):
    clip = spoiled()
    asked = options(model="symmetric", lookahead_frames=5)
    async with replica(models, one_store.url) as sessions:
        session = await sessions.open(asked, "")
        answers = await play(session, frames_of(clip))
        told = [answer for answer in answers if answer is not None] + await session.waiting()
    for answer in told:
        seen = clip[: answer.index + 6]
        expected = poselift.lift(seen, image_size=SIZE, fps=FPS, model=models / "symmetric")
        row = answer.index
        assert letters(answer.poses.joint_quality) == [letters(expected.joint_quality)[row]]
        np.testing.assert_allclose(answer.poses.poses[0], expected.poses[row], atol=1e-4)


def timed(clip, seed=0):
    times = np.cumsum(np.random.default_rng(seed).uniform(0.02, 0.09, len(clip)))
    times[20:] += 0.2
    times[45:] += 3
    frames = [replace(each, timestamp_s=t) for each, t in zip(frames_of(clip), times, strict=True)]
    return frames, times


@pytest.mark.parametrize("at", [None, 25])
async def test_timestamps_measure_the_time_between_frames(models, one_store, at):
    clip = spoiled()
    clip[16:24, :, 2] = 0
    frames, times = timed(clip)
    expected = lifted(models, clip, timestamps_s=times)
    assert (expected.quality == Quality.UNKNOWN).any()
    async with replica(models, one_store.url) as one, replica(models, one_store.url) as other:
        session = await one.open(options(session_id="s"), "")
        answers = await play(session, frames[:at])
        if at is not None:
            answers += await play(await other.open(options(session_id="s"), ""), frames[at:])
    check_is([a for a in answers if a.poses.quality[:1] != Quality.UNKNOWN], expected)


async def test_a_timestamp_that_does_not_rise_is_refused_and_nothing_is_lost(models, one_store):
    frames, times = timed(spoiled())
    async with replica(models, one_store.url) as sessions:
        session = await sessions.open(options(), "")
        answers = await play(session, frames[:5])
        for time in (times[4], None):
            with pytest.raises(InvalidInput, match="timestamp_s"):
                await session.push(replace(frames[5], timestamp_s=time))
        assert session.next_index == 5
        whole = await play(await sessions.open(options(), ""), frames)
        assert_same(answers + await play(session, frames[5:]), whole)


@pytest.mark.parametrize("at", [None, 16, 35])
async def test_gaps_are_frames_without_people(models, one_store, at):
    clip = spoiled()
    nulls = [*range(16, 19), *range(35, 50)]  # shorter and longer than a gap that is filled
    clip[nulls, :, 2] = 0
    sent = [each for each in frames_of(clip) if each.index not in nulls]
    asked = options(session_id="s", allow_gaps=True)
    async with replica(models, one_store.url) as one, replica(models, one_store.url) as other:
        session = await one.open(asked, "")
        answers = []
        for each in sent:
            if at is not None and each.index == at + (3 if at == 16 else 15):
                session = await other.open(asked, "")
            answers.append(await session.push(each))
        expected = lifted(models, clip)
        told = [each.index for each in sent]
        np.testing.assert_allclose(
            np.concatenate([a.poses.poses for a in answers]), expected.poses[told], atol=1e-4
        )
        assert letters(np.concatenate([a.poses.joint_quality for a in answers])) == [
            letters(expected.joint_quality)[index] for index in told
        ]
        assert (await session.push(sent[-1])).index == sent[-1].index
        assert (await session.push(Frame(40, ()))).track_ids == ()
        assert (await session.push(Frame(2**50, ()))).track_ids == ()
        assert session.next_index == 2**50 + 1


@pytest.mark.parametrize("resumed", [False, True])
async def test_smoothing_goes_on_over_gaps(models, one_store, resumed):
    clip = person_clip(40)
    clip[20:24, :, 2] = 0
    frames = frames_of(clip)
    asked = options(session_id="s", smoothing_s=0.1, allow_gaps=True)
    async with replica(models, one_store.url) as one, replica(models, one_store.url) as other:
        whole = await play(await one.open(options(smoothing_s=0.1), ""), frames)
        session = await one.open(asked, "")
        answers = await play(session, frames[:20] + frames[24:26])
        if resumed:
            session = await other.open(asked, "")
            again = await session.push(frames[25])
            np.testing.assert_allclose(again.poses.poses, answers[-1].poses.poses, atol=1e-4)
        answers += await play(session, frames[26:])
    for found, expected in zip(answers, whole[:20] + whole[24:], strict=True):
        np.testing.assert_allclose(found.poses.poses, expected.poses.poses, atol=1e-4)


async def test_the_source_of_an_associated_person_is_their_place_in_the_frame(models, one_store):
    left, right = person_clip(20, 1), person_clip(20, 2)
    left[..., 0] -= 200
    right[..., 0] += 200
    async with replica(models, one_store.url) as sessions:
        session = await sessions.open(options(session_id="s", associate=True), "")
        for index in range(20):
            people = [Person("", left[index], 0), Person("", right[index], 1)]
            if index % 3 == 1:
                people = [Person("", right[index], 0), Person("", left[index], 1)]
            answer = await session.push(Frame(index, tuple(people)))
            by_track = dict(zip(answer.track_ids, answer.sources, strict=True))
            assert by_track == ({"0-0": 1, "0-1": 0} if index % 3 == 1 else {"0-0": 0, "0-1": 1})
        assert (await session.push(Frame(20, ()))).sources == (-1, -1)


async def test_what_is_no_person_in_pixels_is_refused_alone(models, one_store):
    clip = person_clip(3)
    normalised = clip / [*SIZE, 1]
    async with replica(models, one_store.url) as sessions:
        session = await sessions.open(options(), "")
        answer = await session.push(frame(0, anna=clip[0], ben=normalised[0].astype(np.float32)))
        assert answer.track_ids == ("anna",)
        (error,) = answer.errors
        assert error.track_id == "ben"
        assert "normalized" in str(error.error)
        taken = await sessions.open(options(coordinates="normalized"), "")
        told = await taken.push(frame(0, ben=normalised[0].astype(np.float32)))
        np.testing.assert_allclose(told.poses.poses[0], answer.poses.poses[0], atol=1e-4)


async def test_warnings_come_once_for_a_person(models, one_store):
    upside_down = person_clip(60)
    upside_down[..., 1] = SIZE[1] - upside_down[..., 1]
    swapped = upside_down[30:40:2][:, COCO.mirror]
    upside_down[30:40:2] = swapped
    async with replica(models, one_store.url) as sessions:
        session = await sessions.open(options(), "")
        answers = await play(session, frames_of(upside_down))
        told = [warning for answer in answers for warning in answer.warnings]
        codes = sorted((each.code, each.track_id) for each in told)
        assert codes == [*[("sides_swapped", "anna")] * 2, ("upside_down", "anna")]


async def test_many_outliers_are_told_once_they_are_many(models, one_store):
    calm, failing = person_clip(160), person_clip(160)
    failing[3::4, 5:11, :2] += np.random.default_rng(0).normal(0, 300, (40, 6, 2))
    async with replica(models, one_store.url) as sessions:
        session = await sessions.open(options(), "")
        pairs = zip(calm, failing, strict=True)
        answers = [await session.push(frame(i, anna=a, ben=b)) for i, (a, b) in enumerate(pairs)]
        told = [each for answer in answers for each in answer.warnings]
        assert [each.track_id for each in told if each.code == "many_outliers"] == ["ben"]
        assert lifted(models, failing).warnings[0].code == "many_outliers"


async def test_a_persons_height_scales_pose_and_trajectory(models, one_store):
    clip = person_clip(20)
    async with replica(models, one_store.url) as sessions:
        plain = await play(await sessions.open(options(model="causal"), ""), frames_of(clip))
        scaled = await play(await sessions.open(options(person_height_m=1.94), ""), frames_of(clip))
    for one, other in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(other.poses.poses, one.poses.poses * 1.94 / 1.62, rtol=1e-5)


async def test_versions_before_and_after_read_a_record(models, one_store):
    clip = spoiled(30)
    async with replica(models, one_store.url) as sessions:
        session = await sessions.open(options(), "")
        await play(session, frames_of(clip))
        recorded = (await session._log.recorded())[22]
    bare = copy.copy(recorded)
    written = records.encode(recorded)
    # The version before wrote as far as the states, and skips what stands behind.
    states_end = records._HEAD.size + 1 + len("anna") + records._state(17).itemsize
    before = written[:states_end]
    from_before, from_now = (records.decode(22, each, 17) for each in (before, written))
    for found in (from_before, from_now, records.decode(22, written + b"later", 17)):
        assert found.track_ids == bare.track_ids
        np.testing.assert_array_equal(found.state.keypoints_BJ2, bare.state.keypoints_BJ2)
        np.testing.assert_array_equal(found.measured_PJ, bare.measured_PJ)
    np.testing.assert_array_equal(
        from_now.motion.suspects_BJ2[0, WRIST + 1], clip[22, WRIST + 1, :2]
    )
    assert from_now.joint_quality_PC.tolist() == bare.joint_quality_PC.tolist()
    assert from_before.joint_quality_PC.shape == (1, 0)
    assert (from_before.motion.age_BJ[0, WRIST + 1], from_before.sources_P[0]) == (32_000, -1)
