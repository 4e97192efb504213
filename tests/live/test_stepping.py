"""Live frames against whole clips: the same poses, with any other sessions."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from poselift.cameras import Camera
from poselift.codec import Codec, ModelInput, Preprocessing
from poselift.imputation import Quality
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.step import StepModel
from service.batcher import Observer
from service.live import records
from service.live.records import FrameHead
from service.live.step_batcher import FrameJob, RebuildJob, StepBatcher
from service.live.tracks import Tracks
from service.request_errors import Overloaded
from service.requests import CameraOptions, Clip, LiftOptions, LiftRequest
from tests.models import model_folder, person_clip, running_service

SIZE = (1000.0, 800.0)
FPS = 20.0


class Unobserved(Observer):
    def watch_load(self, load):
        pass

    def refused(self):
        pass

    def batch_done(self, items, cost, waited_s, ran_s):
        pass

    def batch_failed(self):
        pass


@asynccontextmanager
async def live_model(folder, capacity=8):
    lifter = ClipModel.load(folder, "cpu", threads=1)
    stepper = StepModel.load(folder, lifter.card, RunOptions("cpu", threads=1))
    tracks = Tracks(stepper.rings, len(lifter.card.input.joints), capacity)
    live = StepBatcher(lifter.card, stepper, tracks, Unobserved())
    live.warm_up()
    live.batcher.start()
    try:
        yield live
    finally:
        await live.batcher.stop(1)


async def step(live, job):
    with live.batcher.admit(1) as admission:
        return await admission.submit(job)


def frame_job(session, index, codec, tracks, keypoints):
    """A frame of which nothing but its people is known."""
    head = FrameHead(index, len(tracks))
    return FrameJob(session, head, codec, tracks, keypoints, [-1] * len(tracks))


def preprocessing(keypoint_format="coco17", camera=None, max_gap_frames=5):
    lens = None if camera is None else Camera.of(SIZE, **dict(camera))
    return Preprocessing(keypoint_format, SIZE, lens, 0.05, max_gap_frames / FPS, FPS)


@lru_cache
def codec(live, how=None):
    """One for all sessions of a batcher that are read alike."""
    return Codec(ModelInput.of(live.card), how or preprocessing())


async def play(live, clip, how):
    """Send a clip as one session's only track."""
    session, tracks = object(), {"a": live.tracks.begin()}
    return [
        await step(live, frame_job(session, index, codec(live, how), tracks, frame[None]))
        for index, frame in enumerate(clip)
    ]


async def lifted(folder, clip, keypoint_format="coco17", camera=None):
    async with running_service(folder.parent) as context:
        options = LiftOptions(
            model=folder.name,
            image_size=SIZE,
            keypoint_format=keypoint_format,
            camera=camera,
            fps=FPS,
        )
        return (await context.engine.lift(LiftRequest(options, (Clip("a", clip),)))).clips[0]


def with_losses(clip, seed=0):
    """Joints missing here and there, and gaps that are short and long."""
    clip, random = clip.copy(), np.random.default_rng(seed)
    clip[..., 2] *= random.random(clip.shape[:2]) > 0.1
    clip[20:24, :, 2] = 0
    clip[40:50, :, 2] = 0
    return clip


CAMERA = CameraOptions(focal_length=(900, 910), principal_point=(490, 410), radial=(-0.2, 0.1, 0.0))


@pytest.mark.parametrize(
    ("normalisation", "keypoint_format", "camera"),
    [("screen", "coco17", None), ("person", "coco17", CAMERA), ("person", "halpe26", None)],
)
async def test_live_poses_are_those_of_the_whole_clip(
    tmp_path, normalisation, keypoint_format, camera
):
    folder = tmp_path / "symmetric"
    outputs = {"trajectory": True, "expected_errors": True}
    model_folder(folder, causal=True, normalisation=normalisation, **outputs)
    clips = [
        with_losses(person_clip(80, seed, keypoint_format=keypoint_format), seed)
        for seed in range(4)
    ]
    how = preprocessing(keypoint_format, camera)
    async with live_model(folder) as live:
        played = await asyncio.gather(*(play(live, clip, how) for clip in clips))
    for frames, clip in zip(played, clips, strict=True):
        expected = await lifted(folder, clip, keypoint_format, camera)
        quality = [int(frame.poses.quality[0]) for frame in frames]
        assert quality == expected.poses.quality.tolist()
        assert Quality.UNKNOWN in quality
        found = np.stack([frame.poses.poses[0] for frame in frames])
        np.testing.assert_allclose(found, expected.poses.poses, atol=1e-4)
        known = expected.poses.quality != Quality.UNKNOWN
        trajectory = np.stack([frame.poses.trajectory[0] for frame in frames])
        np.testing.assert_allclose(trajectory[known], expected.poses.trajectory[known], atol=1e-4)
        errors = np.stack([frame.poses.expected_errors[0] for frame in frames])
        np.testing.assert_allclose(errors, expected.poses.expected_errors, rtol=1e-2)
        starts = [0, *(np.flatnonzero(np.diff(known.astype(int)) == 1) + 1)]
        assert [i for i, f in enumerate(frames) if f.recorded.is_fresh_P[0] and known[i]] == starts


async def test_sessions_with_different_preprocessing_share_a_tick(tmp_path):
    folder = model_folder(tmp_path / "symmetric", causal=True, normalisation="person")
    hows = [
        preprocessing(),
        preprocessing("halpe26"),
        preprocessing(camera=CAMERA),
        preprocessing(max_gap_frames=0),
    ]
    clips = [person_clip(30, seed, how.keypoint_format) for seed, how in enumerate(hows)]
    async with live_model(folder) as live:
        together = await asyncio.gather(*map(play, [live] * 4, clips, hows))
    async with live_model(folder) as live:
        for frames, clip, how in zip(together, clips, hows, strict=True):
            alone = await play(live, clip, how)
            for one, other in zip(frames, alone, strict=True):
                np.testing.assert_allclose(one.poses.poses, other.poses.poses, atol=1e-5)


async def test_what_warnings_rest_on_is_counted_where_it_was_asked_for(tmp_path):
    folder = model_folder(tmp_path / "causal", causal=True)
    async with live_model(folder) as live:
        how = codec(live)
        people = np.stack([person_clip(1)[0], person_clip(1)[0] + np.float32(900)])
        jobs = []
        for number, is_observed in enumerate((True, False, True)):
            tracks = {f"{number}-{each}": live.tracks.begin() for each in range(2)}
            job = frame_job(object(), number, how, tracks, people)
            jobs.append(replace(job, is_observed=is_observed))
        alone = how.check.observe(people)
        assert alone.any(axis=1).all()
        for job, stepped in zip(jobs, live._run(jobs), strict=True):
            counts = stepped.tick.observed_PN[stepped.people]
            np.testing.assert_array_equal(counts[:, :-2], alone * job.is_observed)
            measured = people.shape[1] * job.is_observed
            np.testing.assert_array_equal(counts[:, -2:], [[0, measured]] * 2)


@pytest.mark.parametrize("frames", [1, 10, 26, 27, 60])
async def test_a_rebuilt_track_gives_the_same_poses(tmp_path, frames):
    folder = model_folder(tmp_path / "symmetric", causal=True, normalisation="person")
    clip = person_clip(frames + 20)
    clip[..., 2] *= np.random.default_rng(0).random(clip.shape[:2]) > 0.2
    async with live_model(folder) as live:
        expected = await play(live, clip, preprocessing())
        recorded = [frame.recorded for frame in expected[:frames]]
        memory = recorded[-1].memory("a")
        filled = records.history(recorded, "a").filled(live.card.input.joints)[-26:]
        session, track = object(), live.tracks.begin()
        await step(live, RebuildJob(codec(live), track, memory, filled))
        for number in range(frames, frames + 20):
            job = frame_job(session, 0, codec(live), {"a": track}, clip[None, number])
            found = await step(live, job)
            np.testing.assert_allclose(found.poses.poses, expected[number].poses.poses, atol=1e-4)
            assert not found.recorded.is_fresh_P[0]


async def test_frames_of_one_session_are_stepped_in_order(tmp_path):
    folder = model_folder(tmp_path / "symmetric", causal=True)
    clip = person_clip(30)
    async with live_model(folder) as live:
        expected = await play(live, clip, preprocessing())
        session, track = object(), live.tracks.begin()
        with live.batcher.admit(30) as admission:
            futures = [
                admission.submit(frame_job(session, 0, codec(live), {"a": track}, frame[None]))
                for frame in clip
            ]
            burst = await asyncio.gather(*futures)
    for one, other in zip(burst, expected, strict=True):
        np.testing.assert_allclose(one.poses.poses, other.poses.poses, atol=1e-5)


async def test_tracks_are_bounded_and_released(tmp_path):
    folder = model_folder(tmp_path / "symmetric", causal=True)
    async with live_model(folder, capacity=2) as live:
        clip = person_clip(3)
        first, second = live.tracks.begin(), live.tracks.begin()
        with pytest.raises(Overloaded, match="of 2 are taken"):
            live.tracks.begin()
        job = frame_job(
            object(), 0, codec(live), {"a": first, "b": second}, np.stack([clip[0], clip[0]])
        )
        await step(live, job)
        live.tracks.end(first)
        live.tracks.end(first)
        third = live.tracks.begin()
        found = await step(live, frame_job(object(), 0, codec(live), {"a": third}, clip[None, 0]))
        assert found.recorded.is_fresh_P.all()  # and without the state of the track before
        assert {second.slot, third.slot} == {0, 1}
        assert live.tracks.begun == 2


async def test_a_session_that_ended_meanwhile_changes_no_other(tmp_path):
    folder = model_folder(tmp_path / "symmetric", causal=True)
    async with live_model(folder, capacity=1) as live:
        clip = person_clip(5)
        gone = live.tracks.begin()
        live.tracks.end(gone)
        track, session = live.tracks.begin(), object()
        await step(live, frame_job(object(), 0, codec(live), {"a": gone}, clip[None, 0]))
        found = await step(live, frame_job(session, 0, codec(live), {"a": track}, clip[None, 0]))
        assert found.recorded.is_fresh_P.all()
        assert found.poses.poses.shape == (1, 17, 3)


async def test_extreme_keypoints_change_only_their_own_pose(tmp_path):
    folder = model_folder(tmp_path / "symmetric", causal=True, normalisation="person")
    clip = person_clip(20, 1)
    extreme = np.full((1, 17, 3), 3e38, np.float32)
    async with live_model(folder) as live:
        expected = await play(live, clip, preprocessing())

        async def disturb():
            track, session = live.tracks.begin(), object()
            return [
                await step(live, frame_job(session, 0, codec(live), {"a": track}, extreme))
                for _ in range(20)
            ]

        frames, disturbed = await asyncio.gather(play(live, clip, preprocessing()), disturb())
    for one, other in zip(frames, expected, strict=True):
        np.testing.assert_allclose(one.poses.poses, other.poses.poses, atol=1e-5)
    assert all(np.isfinite(frame.poses.poses).all() for frame in disturbed)


async def test_a_frame_that_fails_in_a_batch_fails_alone(tmp_path):
    folder = model_folder(tmp_path / "symmetric", causal=True)
    clip = person_clip(20)
    async with live_model(folder) as live:
        expected = await play(live, clip, preprocessing())

        async def fail():
            track = live.tracks.begin()
            wrong = frame_job(object(), 0, codec(live), {"a": track}, clip[None, 0, :5])
            with pytest.raises(Exception, match="out of bounds"):
                await step(live, wrong)
            live.tracks.end(track)

        frames, *_ = await asyncio.gather(
            play(live, clip, preprocessing()), *(fail() for _ in range(5))
        )
    for one, other in zip(frames, expected, strict=True):
        np.testing.assert_allclose(one.poses.poses, other.poses.poses, atol=1e-5)
