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
from training.model.networks import Predicted

_NEAREST_M = 0.1
Terms = dict[str, Tensor]
"""Weighted parts of the loss by name."""
UNITS = {
    "MPJPE": "mm",
    "velocity": "mm",
    "bones": "mm",
    "trajectory": "‰",
    "trajectory velocity": "‰",
    "projection": "‰",
    "bone length": "mm",
    "expected errors": "mnat",
}
"""What a thousandth of each term is: a millimetre, a part of the distance or of the image, or of a
logarithm's unit."""


class Objective:
    """Turns predictions into terms to minimise, as a run's settings weigh them."""

    def __init__(self, config: TrainConfig, keypoint_format: str, skeleton: str) -> None:
        self._config = config
        self._bones = SKELETONS[skeleton].bones
        self._shared = shared_joints(keypoint_format, skeleton)

    def supervised(self, predicted: Predicted, batch: Batch) -> Terms:
        """Terms of labelled windows: position, velocity, bones, trajectory, expected errors."""
        terms: Terms = {}
        if not self._config.optimisation.freeze_pose:
            terms["MPJPE"] = losses.mpjpe(predicted.poses, batch.targets_BSK3)
            if self._config.loss.velocity_weight:
                error = losses.velocity_error(predicted.poses, batch.targets_BSK3)
                terms["velocity"] = self._config.loss.velocity_weight * error
            if self._config.loss.bone_weight:
                error = losses.bone_error(predicted.poses, batch.targets_BSK3, self._bones)
                terms["bones"] = self._config.loss.bone_weight * error
        if predicted.trajectory is not None:
            terms |= self._of_trajectory(predicted.trajectory, batch)
        if predicted.log_errors is not None:
            terms["expected errors"] = losses.exponential_nll(
                predicted.log_errors, predicted.poses, batch.targets_BSK3
            )
        return terms

    def _of_trajectory(self, trajectory: Tensor, batch: Batch) -> Terms:
        pair = (
            in_metres(trajectory, batch.depth_BS),
            in_metres(batch.trajectory_BS3, batch.depth_BS),
        )
        terms = {"trajectory": losses.trajectory_error(*pair)}
        if self._config.loss.velocity_weight:
            error = losses.trajectory_velocity_error(*pair)
            terms["trajectory velocity"] = self._config.loss.velocity_weight * error
        return terms

    def unsupervised(self, predicted: Predicted, labelled: Predicted, batch: Batch) -> Terms:
        """Terms of unlabelled windows: do they look like the keypoints, and like a person?

        Args:
            predicted: of the unlabelled windows.
            labelled: of the labelled ones, whose bones these should have.
            batch: the unlabelled windows.
        """
        terms: Terms = {}
        if self._config.semi_supervised.projection_weight and predicted.trajectory is not None:
            trajectory = in_metres(predicted.trajectory, batch.depth_BS)
            points = in_front(predicted.poses + trajectory[..., None, :])
            projected = project(points, batch.camera_BS9)
            seen, found = self._shared
            error = losses.projection_error(
                projected[..., found, :], batch.keypoints_BSJ2[..., seen, :]
            )
            terms["projection"] = self._config.semi_supervised.projection_weight * error
        if self._config.semi_supervised.bone_length_weight:
            error = losses.bone_length_error(predicted.poses, labelled.poses, self._bones)
            terms["bone length"] = self._config.semi_supervised.bone_length_weight * error
        return terms


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
    seen = [_plain(name) for name in FORMATS[keypoint_format].joints]
    known = [_plain(name) for name in SKELETONS[skeleton].joints]
    both = [name for name in seen if name in known]
    return [seen.index(name) for name in both], [known.index(name) for name in both]


def _plain(name: str) -> str:
    """Human3.6M calls the ankle a foot."""
    return name.replace("_foot", "_ankle")
