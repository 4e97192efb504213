"""Smoothing of live poses: the filter by itself, and in sessions that move between replicas."""

import math

import numpy as np
import pytest

from service.errors import Invalid
from service.live.steadying import Steadier
from service.pose.lifted import Lifted
from service.wire.options import session_options
from tests.live.replicas import assert_same, options, play, replica, walks

FPS = 50.0
SMOOTHED = {"session_id": "s", "smoothing_s": 0.1, "fps": FPS}


def one_euro(values, fps, rest_hz, hz_per_speed):
    """The authors' algorithm for a point (T, 3), one number at a time."""

    def follow(hz):
        return 1 / (1 + fps / (2 * math.pi * hz))

    points, speeds = [float(v) for v in values[0]], [0.0, 0.0, 0.0]
    out = [list(points)]
    for now in values[1:]:
        for axis in range(3):
            speed = (float(now[axis]) - points[axis]) * fps
            speeds[axis] += follow(1.0) * (speed - speeds[axis])
        share = follow(rest_hz + hz_per_speed * math.hypot(*speeds))
        points = [p + share * (float(v) - p) for p, v in zip(points, now, strict=True)]
        out.append(list(points))
    return np.array(out)


def test_it_is_the_one_euro_filter():
    walk = np.random.default_rng(0).normal(0, 0.05, (80, 1, 3)).cumsum(axis=0)
    steadier = Steadier(0.1, FPS)
    found = [steadier.steady(["a"], Lifted(frame[None].astype(np.float32))) for frame in walk]
    expected = one_euro(walk[:, 0], FPS, 1 / (2 * math.pi * 0.1), 5.0)
    np.testing.assert_allclose([each.poses[0, 0] for each in found], expected, atol=1e-5)


def test_a_point_at_rest_trembles_less_and_a_fast_one_hardly_lags():
    random = np.random.default_rng(0)
    still = random.normal(0, 0.01, (200, 3, 3)).astype(np.float32)
    fast = still + np.arange(200, dtype=np.float32)[:, None, None] * np.float32(2 / FPS)
    for moving, most in ((still, 0.5), (fast, 0.9)):
        steadier = Steadier(0.2, FPS)
        found = [steadier.steady(["a"], Lifted(frame[None])).poses[0] for frame in moving]
        trembling = np.abs(np.diff(found, n=2, axis=0)).mean()
        assert trembling < most * np.abs(np.diff(moving, n=2, axis=0)).mean()
        assert np.abs(np.mean(moving[100:] - found[100:])) < 0.04


def test_tracks_are_smoothed_by_themselves_and_forgotten():
    random = np.random.default_rng(0)
    frames = random.normal(size=(20, 2, 4, 3)).astype(np.float32)
    paths = random.normal(size=(20, 2, 3)).astype(np.float32)
    both, alone = Steadier(0.1, FPS), Steadier(0.1, FPS)
    for poses, path in zip(frames, paths, strict=True):
        together = both.steady(["a", "b"], Lifted(poses, path))
        one = alone.steady(["b"], Lifted(poses[1:], path[1:]))
        np.testing.assert_allclose(together.poses[1], one.poses[0])
        np.testing.assert_allclose(together.trajectory[1], one.trajectory[0])
    both.keep(["a"])
    afresh = both.steady(["b"], Lifted(frames[0, 1:], paths[0, 1:]))
    np.testing.assert_array_equal(afresh.poses, frames[0, 1:])


async def test_a_sessions_poses_are_smoothed_as_they_come(models, one_store):
    frames = walks("anna", "ben", frames=60)
    async with replica(models, one_store.url) as sessions:
        plain = await play(await sessions.open(options(fps=FPS), None), frames)
        smoothed = await play(await sessions.open(options(**SMOOTHED), None), frames)
    steadier = Steadier(0.1, FPS)
    for one, other in zip(plain, smoothed, strict=True):
        expected = steadier.steady(one.track_ids, one.lifted)
        np.testing.assert_allclose(other.lifted.poses, expected.poses, atol=1e-5)
    assert np.abs(smoothed[30].lifted.poses - plain[30].lifted.poses).max() > 1e-4


@pytest.mark.parametrize("broken_at", [1, 20, 90, 250])
async def test_another_replica_goes_on_smoothing(models, one_store, broken_at):
    frames = walks("anna", "ben", frames=broken_at + 12)
    async with replica(models, one_store.url) as sessions:
        expected = await play(
            await sessions.open(options(**SMOOTHED | {"session_id": "whole"}), None), frames
        )
        await play(await sessions.open(options(**SMOOTHED), None), frames[:broken_at])
    async with replica(models, one_store.url) as sessions:
        resumed = await sessions.open(options(**SMOOTHED), None)
        assert_same(await play(resumed, frames[broken_at:]), expected[broken_at:])
        assert_same(await play(resumed, frames[broken_at - 1 :][:1]), expected[broken_at - 1 :][:1])


def test_a_lookahead_needs_no_smoothing():
    fields = {"image_size": [1000, 800], "lookahead_frames": 3, "smoothing_s": 0.1}
    with pytest.raises(Invalid, match="smoothing_s: expected 0 with lookahead_frames"):
        session_options(fields)
