"""The paper's metrics and Human3.6M's camera, against VideoPose3D's implementation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training import losses, metrics
from training.data.projection import project, world_to_camera

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "metrics_camera.npz")


@pytest.mark.parametrize("name", ["mpjpe", "p_mpjpe", "n_mpjpe", "mpjve"])
def test_metric_agrees_with_the_reference(name):
    value = getattr(metrics, name)(GOLDEN["predicted"], GOLDEN["target"])
    assert value == pytest.approx(float(GOLDEN[name]), rel=1e-6)


def test_weighted_mpjpe_agrees_with_the_reference():
    arrays = (torch.from_numpy(GOLDEN[name]) for name in ("predicted", "target", "weight"))
    value = losses.weighted_mpjpe(*arrays)
    assert value == pytest.approx(float(GOLDEN["weighted_mpjpe"]), rel=1e-6)


def test_p_mpjpe_ignores_rotation_scale_and_translation_but_not_reflection():
    rng = np.random.default_rng(0)
    target = rng.normal(size=(20, 17, 3))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    assert metrics.p_mpjpe(2.5 * target @ rotation + [1, 2, 3], target) == pytest.approx(
        0, abs=1e-9
    )
    assert metrics.p_mpjpe(target * [-1, 1, 1], target) > 0.1


def test_n_mpjpe_ignores_scale_alone():
    target = np.random.default_rng(0).normal(size=(20, 17, 3))
    assert metrics.n_mpjpe(0.4 * target, target) == pytest.approx(0, abs=1e-9)
    assert metrics.n_mpjpe(target + 1, target) > 0.1


def test_a_collapsed_prediction_has_finite_errors():
    target = np.random.default_rng(0).normal(size=(3, 17, 3))
    for metric in metrics.METRICS.values():
        assert np.isfinite(metric.of(np.zeros_like(target), target))


def test_pck_and_auc_count_joints_within_a_distance():
    target = np.zeros((2, 2, 3))
    predicted = np.zeros((2, 2, 3))
    predicted[..., 0] = [[0.0, 0.149], [0.151, 0.075]]  # metres
    assert metrics.pck(predicted, target) == 0.75
    # Of the 31 thresholds from 0 to 150 mm: all, one, none, and 16 from 75 mm on.
    assert metrics.auc(predicted, target) == pytest.approx((31 + 1 + 0 + 16) / (4 * 31))


def test_a_single_frame_has_no_velocity():
    assert np.isnan(metrics.mpjve(np.zeros((1, 17, 3)), np.zeros((1, 17, 3))))


@pytest.mark.parametrize(("name", "linear"), [("projected", False), ("projected_linear", True)])
def test_projection_agrees_with_the_reference(name, linear):
    points, camera = (torch.from_numpy(GOLDEN[each]) for each in ("points", "camera"))
    projected = project(points, camera[:, None] if points.ndim == 4 else camera, linear)
    np.testing.assert_allclose(projected, GOLDEN[name], rtol=1e-6, atol=1e-7)


def test_world_to_camera_agrees_with_the_reference():
    moved = world_to_camera(GOLDEN["world"], GOLDEN["rotation"], GOLDEN["translation"])
    np.testing.assert_allclose(moved, GOLDEN["camera_space"], rtol=1e-6, atol=1e-6)


def test_foot_slip_is_the_motion_of_standing_feet():
    true = np.zeros((11, 2, 3))
    true[:, 1, 0] = 0.01 * np.arange(11)  # one stands, one goes
    predicted = true + np.float64([0, 0, 3])
    predicted[:, 0, 2] += 0.02 * (np.arange(11) % 2)
    assert metrics.foot_slip(predicted, true) == pytest.approx(0.02)
    assert np.isnan(metrics.foot_slip(predicted[:, 1:], true[:, 1:]))
