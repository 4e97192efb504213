"""The terms of the loss: supervised ones, and back-projection of unlabelled data (§4)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training import losses
from training.config.train_config import TrainConfig
from training.data.projection import project
from training.data.windows import Batch
from training.metrics import flexed_joints
from training.model.networks import Predicted

_NEAREST_M = 0.1
Terms = dict[str, Tensor]
UNITS = {
    "MPJPE": "mm",
    "velocity": "mm",
    "bones": "mm",
    "bone directions": "mrad",
    "joint angles": "mrad",
    "trajectory": "‰",
    "trajectory velocity": "‰",
    "projection": "‰",
    "bone length": "mm",
    "teacher": "mm",
    "expected errors": "mnat",
}
"""What a thousandth of each term is: a millimetre, a part of a radian, of the distance, of the
image, or of a logarithm's unit."""


class Objective:
    """Turns predictions into terms to minimise, as a run's settings weigh them."""

    def __init__(self, config: TrainConfig, keypoint_format: str, skeleton: str) -> None:
        self._config = config
        self._bones = SKELETONS[skeleton].bones
        self._hinges = hinges(skeleton)
        self._shared = shared_joints(keypoint_format, skeleton)

    def supervised(self, predicted: Predicted, batch: Batch, taught: Tensor | None = None) -> Terms:
        """Terms of labelled windows: position, velocity, bones, trajectory, expected errors.

        ``taught`` are a teacher's poses of them, if there is one.
        """
        terms: Terms = {}
        weights, pair = self._config.loss, (predicted.poses, batch.targets_BSK3)
        if not self._config.optimisation.freeze_pose:
            terms["MPJPE"] = losses.mpjpe(*pair)
            if weights.velocity_weight:
                terms["velocity"] = weights.velocity_weight * losses.velocity_error(*pair)
            terms |= self._of_bones(*pair)
            if taught is not None:
                terms["teacher"] = weights.teacher_weight * losses.mpjpe(pair[0], taught)
        if predicted.trajectory is not None:
            terms |= self._of_trajectory(predicted.trajectory, batch)
        if predicted.log_errors is not None:
            terms["expected errors"] = losses.exponential_nll(predicted.log_errors, *pair)
        return terms

    def _of_bones(self, predicted: Tensor, target: Tensor) -> Terms:
        weights, bones = self._config.loss, self._bones
        terms: Terms = {}
        if weights.bone_weight:
            terms["bones"] = weights.bone_weight * losses.bone_error(predicted, target, bones)
        if weights.bone_direction_weight:
            error = losses.direction_error(predicted, target, bones)
            terms["bone directions"] = weights.bone_direction_weight * error
        if weights.joint_angle_weight:
            error = losses.flexion_error(predicted, target, self._hinges)
            terms["joint angles"] = weights.joint_angle_weight * error
        return terms

    def _of_trajectory(self, trajectory: Tensor, batch: Batch) -> Terms:
        both = trajectory, batch.trajectory_BS3
        pair = [in_metres(each, batch.depth_BS) for each in both]
        terms = {"trajectory": losses.trajectory_error(*pair)}
        if self._config.loss.velocity_weight:
            error = losses.trajectory_velocity_error(*pair)
            terms["trajectory velocity"] = self._config.loss.velocity_weight * error
        return terms

    def unsupervised(self, predicted: Predicted, labelled: Predicted, batch: Batch) -> Terms:
        """Terms of unlabelled windows: do they look like the keypoints, and like a person?

        Bones should be as long as those of the labelled windows' poses.
        """
        terms: Terms = {}
        weights = self._config.semi_supervised
        if weights.projection_weight and predicted.trajectory is not None:
            trajectory = in_metres(predicted.trajectory, batch.depth_BS)
            points = in_front(predicted.poses + trajectory[..., None, :])
            projected = project(points, batch.camera_BS9)
            seen, found = self._shared
            keypoints = batch.keypoints_BSJ2[..., seen, :]
            error = losses.projection_error(projected[..., found, :], keypoints)
            terms["projection"] = weights.projection_weight * error
        if weights.bone_length_weight:
            error = losses.bone_length_error(predicted.poses, labelled.poses, self._bones)
            terms["bone length"] = weights.bone_length_weight * error
        return terms


def hinges(skeleton: str) -> list[tuple[int, int, int]]:
    """Knees and elbows, each between the joint before it and the one after it."""
    found = flexed_joints(SKELETONS[skeleton].joints).values()
    return sorted((start, middle, end) for chains in found for start, middle, end in chains)


def in_metres(trajectory: Tensor, depth: Tensor) -> Tensor:
    """Trajectories (…, 3) whose distances count in units of ``depth`` (…), in metres alone."""
    return torch.cat([trajectory[..., :2], trajectory[..., 2:] * depth[..., None]], dim=-1)


def in_front(points: Tensor) -> Tensor:
    """Points (…, 3) no nearer than a hand's breadth before the camera.

    Early in training some are predicted next to the camera or behind it, where projecting would be
    a division by nothing.
    """
    return torch.cat([points[..., :2], points[..., 2:].clamp(min=_NEAREST_M)], dim=-1)


def shared_joints(keypoint_format: str, skeleton: str) -> tuple[Sequence[int], Sequence[int]]:
    """The joints that both have: their places among keypoints, and among a pose's joints."""
    # Human3.6M calls the ankle a foot.
    seen, known = (
        [name.replace("_foot", "_ankle") for name in layout.joints]
        for layout in (FORMATS[keypoint_format], SKELETONS[skeleton])
    )
    both = [name for name in seen if name in known]
    return [seen.index(name) for name in both], [known.index(name) for name in both]
