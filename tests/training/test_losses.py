"""Each term of the loss on examples computed from the paper's definitions."""

import math

import pytest
import torch

from poselift.skeletons import H36M17
from training import losses
from training.config.train_config import TrainConfig
from training.data.projection import project
from training.data.windows import Batch
from training.loop.objective import Objective, hinges, in_front, in_metres, shared_joints
from training.model.networks import Predicted


def test_the_position_error_is_the_mean_distance_of_joints():
    predicted = torch.zeros(2, 1, 2, 3)
    target = torch.tensor([[[[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]]], [[[0.0, 0.0, 0.0], [2.0, 0, 0]]]])
    assert losses.mpjpe(predicted, target) == pytest.approx((5 + 1 + 0 + 2) / 4)


def test_the_trajectory_error_weighs_by_distance():
    """Equation 1: 1/y_z · ‖f(x) − y‖, here 0.5/5 and 0.4/2."""
    target = torch.tensor([[1.0, 0.0, 5.0], [0.0, 1.0, 2.0]])
    predicted = target + torch.tensor([[0.3, 0.4, 0.0], [0.0, 0.0, -0.4]])
    assert losses.trajectory_error(predicted, target) == pytest.approx((0.1 + 0.2) / 2)


def test_steps_of_the_trajectory_are_those_between_neighbouring_rows():
    target = torch.tensor([[0.0, 0.0, 4.0], [0.1, 0.0, 4.0], [0.0, 0.0, 2.0], [0.0, 0.0, 2.0]])
    predicted = target + torch.tensor(
        [[0.5, 0.0, 0.0], [0.5, 0.0, 0.2], [0.0, 0.0, 0.0], [0.0, 0.3, 0.0]]
    )
    found = losses.trajectory_velocity_error(predicted, target)
    assert found == pytest.approx((0.2 / 4 + 0.3 / 2) / 2)


def test_the_projection_error_is_a_distance_in_the_image():
    projected = torch.tensor([[0.0, 0.0], [0.3, 0.4]])
    keypoints = torch.tensor([[0.0, 0.1], [0.0, 0.0]])
    assert losses.projection_error(projected, keypoints) == pytest.approx((0.1 + 0.5) / 2)


def test_bone_lengths_are_compared_by_their_means():
    """Two frames with bones of 1 and 3 have the mean of frames with bones of 2."""
    bones = ((0, 1), (1, 2))
    poses, others = torch.zeros(2, 3, 3), torch.zeros(2, 3, 3)
    poses[:, 1, 0] = torch.tensor([1.0, 3.0])
    poses[:, 2, 0] = torch.tensor([1.5, 3.5])  # the second bone is 0.5 long
    others[:, 1, 1] = 2.0
    others[:, 2, 1] = 2.2  # and 0.2 long here
    assert losses.bone_length_error(poses, others, bones) == pytest.approx((0 + 0.3) / 2)


def test_bones_are_compared_as_vectors():
    bones = [(0, 1), (1, 2)]
    target = torch.zeros(1, 1, 3, 3)
    predicted = target.clone()
    predicted[..., 1, 0] = 0.3  # moves the end of one bone and the beginning of the other
    assert losses.bone_error(predicted, target, bones) == pytest.approx(0.3)
    assert losses.bone_error(predicted + 1, target, bones) == pytest.approx(0.3)


def test_the_bone_loss_has_gradients_at_any_pose_size():
    poses = torch.randn(4, 1, 17, 3, requires_grad=True)
    losses.bone_length_error(poses, torch.randn(4, 1, 17, 3), H36M17.bones).backward()
    assert torch.isfinite(poses.grad).all()


def test_points_behind_the_camera_have_finite_gradients():
    points = torch.tensor([[0.5, 0.2, -3.0], [0.1, 0.1, 4.0], [0.0, 0.0, 0.0]], requires_grad=True)
    camera = torch.tensor([2.3, 2.3, 0.0, 0.0, -0.2, 0.2, 0.0, 0.0, 0.0])
    projected = project(in_front(points), camera)
    assert torch.isfinite(projected).all()
    projected.sum().backward()
    assert torch.isfinite(points.grad).all()


def test_the_likeliest_expected_error_is_the_mean_of_the_errors():
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(400, 5, 3, generator=generator)
    target = target - target[:, :1]
    predicted = target + torch.randn(400, 5, 3, generator=generator).cumsum(dim=1)
    rooted = predicted - predicted[:, :1]
    means = torch.linalg.vector_norm(rooted - target, dim=-1).mean(dim=0).clamp(min=0.001)
    best = losses.exponential_nll(means.log().expand(400, 5), predicted, target)
    for factor in (0.9, 1.1):
        estimated = means.clone()
        estimated[1:] *= factor
        assert losses.exponential_nll(estimated.log().expand(400, 5), predicted, target) > best


def test_a_trajectory_in_units_of_a_depth():
    trajectory = torch.tensor([[[0.1, -0.2, 0.5]]])
    assert in_metres(trajectory, torch.tensor([[8.0]])).tolist() == [
        [[pytest.approx(0.1), pytest.approx(-0.2), 4.0]]
    ]


def test_keypoints_and_poses_share_joints_by_name():
    inputs, known = shared_joints("coco17", "h36m17")
    assert len(inputs) == 12  # shoulders, elbows, wrists, hips, knees and ankles
    assert H36M17.joints[known[-1]] == "right_foot"
    assert shared_joints("h36m17", "h36m17") == (list(range(17)), list(range(17)))


def objective(**settings):
    return Objective(TrainConfig(trajectory=True, **settings), "h36m17", "h36m17")


def truth():
    """Windows whose poses and trajectory are known, projected by a camera with distortion."""
    torch.manual_seed(0)
    poses = torch.randn(6, 1, 17, 3) * 0.3
    poses[..., 0, :] = 0
    trajectory = torch.tensor([0.3, 0.1, 4.0]) + 0.2 * torch.randn(6, 1, 3)
    camera = torch.tensor([2.3, 2.2, 0.02, -0.01, -0.2, 0.25, -0.003, -0.001, 0.002]).expand(
        6, 1, 9
    )
    keypoints = project(poses + trajectory[..., None, :], camera)
    depth = torch.ones(6, 1)
    return Batch(keypoints, poses, trajectory, camera, depth, keypoints), Predicted(
        poses, trajectory
    )


def test_the_true_poses_have_no_loss():
    batch, predicted = truth()
    terms = objective(bone_weight=1.0).supervised(predicted, batch)
    terms |= objective().unsupervised(predicted, predicted, batch)
    assert set(terms) == {"MPJPE", "bones", "trajectory", "projection", "bone length"}
    assert all(float(term) == pytest.approx(0, abs=1e-6) for term in terms.values())


def test_each_term_measures_its_own_error():
    batch, true = truth()
    moved = Predicted(true.poses, true.trajectory + torch.tensor([0.1, 0.0, 0.0]))
    terms = objective().supervised(moved, batch) | objective().unsupervised(moved, true, batch)
    assert float(terms["MPJPE"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["bone length"]) == pytest.approx(0, abs=1e-6)
    assert float(terms["trajectory"]) == pytest.approx(0.1 / 4.0, rel=0.05)
    assert float(terms["projection"]) == pytest.approx(2.3 * 0.1 / 4.0, rel=0.2)
    # Twice as large and twice as far projects to the same keypoints, but no person has such bones.
    large = Predicted(2 * true.poses, 2 * true.trajectory)
    terms = objective().unsupervised(large, true, batch)
    assert float(terms["projection"]) == pytest.approx(0, abs=1e-5)
    assert float(terms["bone length"]) > 0.1


@pytest.mark.parametrize(
    ("switched_off", "name"),
    [("projection_weight", "projection"), ("bone_length_weight", "bone length")],
)
def test_terms_can_be_switched_off_and_weighted(switched_off, name):
    batch, true = truth()
    wrong = Predicted(true.poses * 1.1, true.trajectory)
    plain = objective().unsupervised(wrong, true, batch)
    assert set(plain) - set(objective(**{switched_off: 0}).unsupervised(wrong, true, batch)) == {
        name
    }
    double = objective(**{switched_off: 2}).unsupervised(wrong, true, batch)
    assert float(double[name]) == pytest.approx(2 * float(plain[name]))


def bent(degrees):
    """A leg along y whose shank is turned by so much at the knee."""
    angles = torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float32))
    poses = torch.zeros(*angles.shape, 3, 3)
    poses[..., 1, 1] = 0.5
    poses[..., 2, 1] = 0.5 + 0.4 * torch.cos(angles)
    poses[..., 2, 2] = 0.4 * torch.sin(angles)
    return poses


def test_directions_do_not_depend_on_lengths():
    bones = [(0, 1), (1, 2)]
    target = bent([0.0])
    assert losses.direction_error(2 * target + 1, target, bones) == pytest.approx(0, abs=1e-6)
    found = losses.direction_error(bent([30.0]), target, bones)
    assert found == pytest.approx((0 + 2 * math.sin(math.radians(15))) / 2)


@pytest.mark.parametrize(("found", "true"), [(20, 0), (0, 20), (90, 100), (175, 180), (60, 60)])
def test_flexion_errors_are_about_the_difference_of_angles(found, true):
    error = losses.flexion_error(bent([found]), bent([true]), [(0, 1, 2)])
    expected = 2 * math.sin(math.radians(abs(found - true)) / 2)
    assert error == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("degrees", [0.0, 0.01, 5.0, 90.0, 179.99])
def test_flexion_has_a_finite_gradient_that_does_not_vanish_near_straight_limbs(degrees):
    leg = bent([degrees]).requires_grad_()
    losses.flexion_error(leg, bent([45.0]), [(0, 1, 2)]).backward()
    assert leg.grad.isfinite().all()
    if degrees:
        assert 1 / 0.4 * 0.3 < leg.grad[0, 2].norm() < 1 / 0.4 * 1.01
    nothing = torch.zeros(1, 3, 3, requires_grad=True)
    losses.flexion_error(nothing, bent([45.0]), [(0, 1, 2)]).backward()
    assert nothing.grad.isfinite().all()


def test_knees_and_elbows_are_hinges():
    chains = [[H36M17.joints[joint] for joint in chain] for chain in hinges("h36m17")]
    assert chains[0] == ["right_hip", "right_knee", "right_foot"]
    assert [chain[1] for chain in chains] == [
        *("right_knee", "left_knee", "left_elbow", "right_elbow")
    ]
    assert len(hinges("humaneva15")) == 4


def test_terms_of_bones_are_weighed():
    loss = {"bone_direction_weight": 0.5, "joint_angle_weight": 0.25}
    objective = Objective(TrainConfig(loss=loss), "coco17", "h36m17")
    poses = torch.randn(4, 1, 17, 3)
    known = torch.randn(4, 1, 17, 3)
    empty = torch.zeros(4, 1, 3)
    batch = Batch(empty, known, empty, empty, empty, empty)
    terms = objective.supervised(Predicted(poses), batch)
    directions = losses.direction_error(poses, known, H36M17.bones)
    angles = losses.flexion_error(poses, known, hinges("h36m17"))
    assert terms["bone directions"] == pytest.approx(0.5 * float(directions))
    assert terms["joint angles"] == pytest.approx(0.25 * float(angles))
