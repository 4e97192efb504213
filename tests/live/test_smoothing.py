"""Smoothing of live poses, also in sessions that move between replicas."""

import numpy as np
import pytest

from poselift.errors import InvalidInput
from poselift.postprocess.one_euro import OneEuroFilter
from service.request_errors import Overloaded
from service.wire.options import session_options
from tests.live.replicas import assert_same, options, play, replica, walks

FPS = 50.0
SMOOTHED = {"session_id": "s", "smoothing_s": 0.1, "fps": FPS}


async def test_a_sessions_poses_are_smoothed_as_they_come(models, one_store):
    frames = walks("anna", "ben", frames=60)
    async with replica(models, one_store.url) as sessions:
        plain = await play(await sessions.open(options(fps=FPS), ""), frames)
        smoothed = await play(await sessions.open(options(**SMOOTHED), ""), frames)
    one_euro_filter = OneEuroFilter(0.1, FPS)
    for one, other in zip(plain, smoothed, strict=True):
        expected = one_euro_filter.smooth(one.track_ids, one.poses)
        np.testing.assert_allclose(other.poses.poses, expected.poses, atol=1e-5)
    assert np.abs(smoothed[30].poses.poses - plain[30].poses.poses).max() > 1e-4


@pytest.mark.parametrize("broken_at", [1, 20, 90, 250])
async def test_another_replica_continues_smoothing(models, one_store, broken_at):
    frames = walks("anna", "ben", frames=broken_at + 12)
    async with replica(models, one_store.url) as sessions:
        expected = await play(
            await sessions.open(options(**SMOOTHED | {"session_id": "whole"}), ""), frames
        )
        await play(await sessions.open(options(**SMOOTHED), ""), frames[:broken_at])
    async with replica(models, one_store.url) as sessions:
        resumed = await sessions.open(options(**SMOOTHED), "")
        assert_same(await play(resumed, frames[broken_at:]), expected[broken_at:])
        assert_same(await play(resumed, frames[broken_at - 1 :][:1]), expected[broken_at - 1 :][:1])


async def test_a_queue_full_of_clips_does_not_end_sessions(models, one_store):
    frames = walks("anna", "ben", frames=90)
    async with replica(models, one_store.url) as sessions:
        whole = await sessions.open(options(**SMOOTHED | {"session_id": "whole"}), "")
        expected = await play(whole, frames)
        await play(await sessions.open(options(**SMOOTHED), ""), frames[:40])
    async with replica(models, one_store.url) as sessions:
        clips = sessions._models.named("causal").batcher
        with clips.admit(1e9), pytest.raises(Overloaded):
            clips.admit(1)
        with clips.admit(1e9):
            resumed = await sessions.open(options(**SMOOTHED), "")
            assert_same(await play(resumed, frames[40:]), expected[40:])
            assert_same(await play(resumed, frames[39:40]), expected[39:40])


def test_a_lookahead_needs_no_smoothing():
    fields = {"image_size": [1000, 800], "lookahead_frames": 3, "smoothing_s": 0.1}
    with pytest.raises(InvalidInput, match="smoothing_s: expected 0 with lookahead_frames"):
        session_options(fields)
