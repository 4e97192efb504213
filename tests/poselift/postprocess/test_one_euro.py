"""The one-euro filter."""

import math

import numpy as np

from poselift.poses import Poses
from poselift.postprocess.one_euro import OneEuroFilter

FPS = 50.0


def poses_of(poses, trajectory=None):
    return Poses(poses, trajectory, quality=np.zeros(len(poses), np.uint8))


def one_euro(values, fps, min_cutoff_hz, beta):
    """The authors' algorithm for a point (T, 3), one number at a time."""

    def follow(hz):
        return 1 / (1 + fps / (2 * math.pi * hz))

    points, speeds = [float(v) for v in values[0]], [0.0, 0.0, 0.0]
    out = [list(points)]
    for now in values[1:]:
        for axis in range(3):
            speed = (float(now[axis]) - points[axis]) * fps
            speeds[axis] += follow(1.0) * (speed - speeds[axis])
        share = follow(min_cutoff_hz + beta * math.hypot(*speeds))
        points = [p + share * (float(v) - p) for p, v in zip(points, now, strict=True)]
        out.append(list(points))
    return np.array(out)


def test_it_is_the_one_euro_filter():
    walk = np.random.default_rng(0).normal(0, 0.05, (80, 1, 3)).cumsum(axis=0)
    one_euro_filter = OneEuroFilter(0.1, FPS)
    found = [
        one_euro_filter.smooth(["a"], poses_of(frame[None].astype(np.float32))) for frame in walk
    ]
    expected = one_euro(walk[:, 0], FPS, 1 / (2 * math.pi * 0.1), 5.0)
    np.testing.assert_allclose([each.poses[0, 0] for each in found], expected, atol=1e-5)


def test_a_resting_point_has_less_jitter_and_a_fast_one_hardly_lags():
    random = np.random.default_rng(0)
    still = random.normal(0, 0.01, (200, 3, 3)).astype(np.float32)
    fast = still + np.arange(200, dtype=np.float32)[:, None, None] * np.float32(2 / FPS)
    for moving, most in ((still, 0.5), (fast, 0.9)):
        one_euro_filter = OneEuroFilter(0.2, FPS)
        found = [one_euro_filter.smooth(["a"], poses_of(frame[None])).poses[0] for frame in moving]
        jitter = np.abs(np.diff(found, n=2, axis=0)).mean()
        assert jitter < most * np.abs(np.diff(moving, n=2, axis=0)).mean()
        assert np.abs(np.mean(moving[100:] - found[100:])) < 0.04


def test_tracks_are_smoothed_independently_and_forgotten():
    random = np.random.default_rng(0)
    frames = random.normal(size=(20, 2, 4, 3)).astype(np.float32)
    trajectories = random.normal(size=(20, 2, 3)).astype(np.float32)
    both, alone = OneEuroFilter(0.1, FPS), OneEuroFilter(0.1, FPS)
    for poses, trajectory in zip(frames, trajectories, strict=True):
        together = both.smooth(["a", "b"], poses_of(poses, trajectory))
        one = alone.smooth(["b"], poses_of(poses[1:], trajectory[1:]))
        np.testing.assert_allclose(together.poses[1], one.poses[0])
        np.testing.assert_allclose(together.trajectory[1], one.trajectory[0])
    both.keep(["a"])
    afresh = both.smooth(["b"], poses_of(frames[0, 1:], trajectories[0, 1:]))
    np.testing.assert_array_equal(afresh.poses, frames[0, 1:])
