"""Trajectories of walkers whose feet slide, against where their feet stand."""

import numpy as np
import pytest

from poselift.postprocess.foot_contact import clean_foot_skate, solve_tridiagonal

FPS = 50
STEP = 30
"""Frames that each foot stands while the other swings."""


def walker(frames=300, speed=0.012):
    """A trajectory, and two feet relative to it that stand in turns while the body moves on."""
    trajectory = np.zeros((frames, 3), np.float32)
    trajectory[:, 0] = speed * np.arange(frames)
    trajectory[:, 2] = 4
    feet = np.zeros((frames, 2, 3), np.float32)
    feet[..., 1] = 0.9
    for foot in range(2):
        place = 0.0
        for frame in range(frames):
            phase = (frame + foot * STEP) % (2 * STEP)
            if phase >= STEP:  # it swings, twice as fast as the body
                place += 2 * speed
                feet[frame, foot, 1] -= 0.1 * np.sin(np.pi * (phase - STEP) / STEP)
            feet[frame, foot, 0] = place - trajectory[frame, 0]
    return trajectory, feet


def standing(frames, foot):
    phase = (np.arange(frames) + foot * STEP) % (2 * STEP)
    return (phase > 3) & (phase < STEP - 3)


def slip(trajectory, feet):
    steps = np.linalg.norm(np.diff(trajectory[:, None] + feet, axis=0), axis=-1)
    chosen = np.stack([standing(len(trajectory), foot)[1:] for foot in range(2)], axis=1)
    return steps[chosen].mean()


def test_standing_feet_slide_less_and_the_trajectory_continues():
    trajectory, feet = walker()
    wrong = trajectory + np.random.default_rng(0).normal(0, 0.01, trajectory.shape).astype(
        np.float32
    )
    kept = clean_foot_skate(wrong, feet, FPS)
    assert slip(kept, feet) < 0.4 * slip(wrong, feet)
    assert np.abs(kept - trajectory).mean() < np.abs(wrong - trajectory).mean()


def test_a_correct_trajectory_is_unchanged():
    trajectory, feet = walker()
    np.testing.assert_allclose(clean_foot_skate(trajectory, feet, FPS), trajectory, atol=0.03)


def test_a_person_in_the_air_is_unchanged():
    frames = np.arange(40, dtype=np.float32)
    trajectory = np.stack([0.05 * frames, -0.02 * frames, 4 + 0 * frames], axis=1)
    feet = np.broadcast_to(np.float32([[-0.1, 0.9, 0], [0.1, 0.9, 0]]), (40, 2, 3))
    np.testing.assert_allclose(clean_foot_skate(trajectory, feet, FPS), trajectory, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 10])
def test_short_clips(frames):
    trajectory, feet = walker(frames)
    kept = clean_foot_skate(trajectory, feet, FPS)
    assert kept.shape == trajectory.shape
    assert kept.dtype == np.float32
    assert np.isfinite(kept).all()


def test_the_tridiagonal_solver_agrees_with_numpy():
    random = np.random.default_rng(0)
    off_diagonal = random.normal(size=29)
    diagonal = 4 + random.uniform(size=30)
    matrix = np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)
    right = random.normal(size=(30, 3))
    found = solve_tridiagonal(diagonal, off_diagonal, right)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right), atol=1e-12)
