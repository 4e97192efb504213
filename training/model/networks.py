"""The networks of a model: a pose network and, if wanted, a trajectory network like it (§4)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.model.temporal_model import StridedTemporalModel, TemporalModel


class Networks(nn.Module):
    """The networks of one model; they share nothing but their input (the paper, §4)."""

    def __init__(self, pose: TemporalModel, trajectory: TemporalModel | None = None) -> None:
        super().__init__()
        self.pose = pose
        self.trajectory = trajectory

    @property
    def batch_norms(self) -> list[nn.BatchNorm1d]:
        """Every batch normalisation."""
        return [module for module in self.modules() if isinstance(module, nn.BatchNorm1d)]


class Predicted(NamedTuple):
    """What networks predict for a batch of S targets a window."""

    poses: Tensor
    """(B, S, K, 3)"""
    trajectory: Tensor | None = None
    """The root's (B, S, 3), if there is a network for it."""
    log_errors: Tensor | None = None
    """The logarithm of each joint's expected error (B, S, K), if there is a head for it."""

    def part(self, rows: slice | tuple[Tensor, Tensor]) -> "Predicted":
        """The predictions of some of the windows; or of V targets (V, …), by window and target."""
        return Predicted(*(None if each is None else each[rows] for each in self))  # type: ignore[arg-type]

    def float(self) -> "Predicted":
        """All in single precision."""
        return Predicted(*(None if each is None else each.float() for each in self))  # type: ignore[arg-type]


class TrainingForm(nn.Module):
    """The networks as they are trained: windows in, the frames they are about out.

    Windows of one target, or of several ``spacing`` frames apart, go through the strided twins,
    which compute nothing in vain; windows of neighbouring targets, whose spacing is 1, and dense
    networks go through the networks themselves.
    """

    def __init__(
        self, networks: Networks, spacing: int | None = None, freeze_pose: bool = False
    ) -> None:
        super().__init__()
        self.networks = networks
        self._pose = _form(networks.pose, spacing)
        trajectory = networks.trajectory
        self._trajectory = None if trajectory is None else _form(trajectory, spacing)
        self._freeze_pose = freeze_pose
        networks.pose.requires_grad_(not freeze_pose)
        if networks.pose.error_head is not None:
            networks.pose.error_head.requires_grad_(True)

    def train(self, mode: bool = True) -> "TrainingForm":
        """Choose between training and evaluation; a frozen network is always in evaluation."""
        super().train(mode)
        if self._freeze_pose:
            self._pose.eval()
            if self.networks.pose.error_head is not None:
                self.networks.pose.error_head.train(mode)
        return self

    def forward(self, windows_BTJD: Tensor) -> Predicted:
        """What the networks predict.

        While training, a frozen network that nothing else reads predicts nothing: its poses have
        no joints.
        """
        trajectory = None if self._trajectory is None else self._trajectory(windows_BTJD)[:, :, 0]
        head = self.networks.pose.error_head
        if self._freeze_pose and self.training and head is None:
            assert trajectory is not None, "a frozen network is given something to learn"
            return Predicted(trajectory.new_zeros(*trajectory.shape[:2], 0, 3), trajectory)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._freeze_pose):
            features = self._pose.features(windows_BTJD)
            poses = self.networks.pose.poses(features)
        return Predicted(poses, trajectory, None if head is None else head(features))


def _form(model: TemporalModel, spacing: int | None) -> TemporalModel | StridedTemporalModel:
    return model if spacing == 1 or model.dense else StridedTemporalModel(model, spacing)


class BatchNormMomentum:
    """Batch normalisation's momentum, which falls from epoch to epoch (the paper, §5.3).

    Compiled steps are made for one momentum and would be made anew for another. They keep the
    momentum of 1, which leaves each batch's statistics, and these are mixed in afterwards.
    """

    def __init__(self, batch_norms: Sequence[nn.BatchNorm1d], is_compiled: bool) -> None:
        self._batch_norms = batch_norms
        self._is_compiled = is_compiled
        self._value = 1.0

    def set(self, value: float) -> None:
        """Take this momentum from now on."""
        self._value = value
        for batch_norm in self._batch_norms:
            batch_norm.momentum = 1.0 if self._is_compiled else value

    @contextmanager
    def around_step(self) -> Iterator[None]:
        """Run the networks and learn from it within this; the step may need its statistics."""
        if not self._is_compiled:
            yield
            return
        statistics = self._statistics()
        before = [each.clone() for each in statistics]
        yield
        # Towards what was before, by all but the momentum.
        torch._foreach_lerp_(statistics, before, 1 - self._value)

    def _statistics(self) -> list[Tensor]:
        return [
            statistic
            for batch_norm in self._batch_norms
            if batch_norm.training
            for statistic in (batch_norm.running_mean, batch_norm.running_var)
            if statistic is not None
        ]
