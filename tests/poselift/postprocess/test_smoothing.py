"""Smoothing and constant bone lengths: signals that must stay, and noise that must fall."""

import itertools

import numpy as np
import pytest

from poselift.postprocess.pipeline import enforce_bone_lengths
from poselift.postprocess.smoothing import half_window, smooth
from poselift.skeletons import H36M17, SKELETONS

TIMES = np.arange(60)


def noise(seed=0, frames=60):
    return np.random.default_rng(seed).standard_normal((frames, 2, 3)).astype(np.float32)


def slow(points, half_frames):
    """Each frame's weighted parabola by NumPy's own fit."""
    smoothed = np.empty_like(points)
    for frame in range(len(points)):
        around = np.arange(max(frame - half_frames, 0), min(frame + half_frames + 1, len(points)))
        places = (around - frame) / (half_frames + 1)
        weights = (1 - np.abs(places) ** 3) ** 1.5
        degree = min(2, len(around) - 1)
        for index in np.ndindex(points.shape[1:]):
            values = points[(around, *index)]
            smoothed[(frame, *index)] = np.polyfit(places, values, degree, w=weights)[-1]
    return smoothed


@pytest.mark.parametrize("half_frames", [1, 2, 5, 29, 30, 100])
def test_it_is_a_weighted_parabola_at_every_frame(half_frames):
    np.testing.assert_allclose(smooth(noise(), half_frames), slow(noise(), half_frames), atol=1e-4)


@pytest.mark.parametrize("half_frames", [0, 1, 4, 40])
def test_parabolas_stay_as_they_are_up_to_the_edges(half_frames):
    motion = np.stack([TIMES, 0.01 * TIMES**2, 3 + 0 * TIMES], axis=-1)[:, None].astype(np.float32)
    np.testing.assert_allclose(smooth(motion, half_frames), motion, rtol=1e-4, atol=1e-3)


def test_noise_falls_and_falls_more_with_longer_windows():
    sizes = [smooth(noise(frames=400), half).std() for half in (0, 3, 10, 40)]
    assert all(after < 0.85 * before for before, after in itertools.pairwise(sizes))


@pytest.mark.parametrize("fps", [5, 10, 24, 50, 240])
def test_smoothing_works_at_any_frame_rate(fps):
    assert half_window(0.0, fps) == 0
    assert smooth(noise(frames=400), half_window(0.2, fps)).std() < 0.85 * noise(frames=400).std()


@pytest.mark.parametrize(("smoothing_s", "fps", "frames"), [(0.2, 50, 5), (0.5, 60, 15)])
def test_half_of_the_window_lies_on_either_side(smoothing_s, fps, frames):
    assert half_window(smoothing_s, fps) == frames


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_short_clips(frames):
    points = noise(frames=frames)
    smoothed = smooth(points, 5)
    assert smoothed.shape == points.shape
    np.testing.assert_allclose(smoothed, points, atol=1e-4)


def test_bones_get_their_median_length_and_keep_their_directions():
    poses = np.random.default_rng(0).normal(size=(50, 17, 3)).astype(np.float32)
    poses -= poses[:, :1]
    known = np.arange(50) < 40
    poses[~known] = 0
    kept = enforce_bone_lengths(poses, H36M17.parents, known)
    for joint, parent in enumerate(H36M17.parents):
        if parent < 0:
            continue
        before = poses[known, joint] - poses[known, parent]
        after = kept[known, joint] - kept[known, parent]
        lengths = np.linalg.norm(after, axis=-1)
        np.testing.assert_allclose(lengths, np.median(np.linalg.norm(before, axis=-1)), rtol=1e-4)
        cosines = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / lengths
        np.testing.assert_allclose(cosines, 1, atol=1e-4)
    np.testing.assert_array_equal(kept[:, 0], poses[:, 0])
    assert np.isfinite(kept).all()


@pytest.mark.parametrize("name", SKELETONS)
def test_parents_come_before_their_children(name):
    assert all(parent < joint for joint, parent in enumerate(SKELETONS[name].parents))
