"""What is trained: the pose network and, if wanted, a trajectory network like it (§4)."""

from torch import Tensor, nn

from training.model import StridedTemporalModel, TemporalModel


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


class TrainingForm(nn.Module):
    """The networks as they are trained: windows in, the frames they are about out.

    Windows of one receptive field go through the strided twins, which compute nothing in vain;
    longer windows, which share frames, and dense networks go through the networks themselves.
    """

    def __init__(self, networks: Networks, stride: int = 1, freeze_pose: bool = False) -> None:
        super().__init__()
        self.networks = networks
        whole = stride > 1 or networks.pose.dense
        self._pose = _form(networks.pose, whole)
        trajectory = networks.trajectory
        self._trajectory = None if trajectory is None else _form(trajectory, whole)
        self._freeze_pose = freeze_pose
        networks.pose.requires_grad_(not freeze_pose)

    def train(self, mode: bool = True) -> "TrainingForm":
        """Choose between training and evaluation; a frozen network is always in evaluation."""
        super().train(mode)
        if self._freeze_pose:
            self._pose.eval()
        return self

    def forward(self, windows_BTJD: Tensor) -> tuple[Tensor, Tensor | None]:
        """Poses (B, S, K, 3), and the root's path (B, S, 3) if there is a network for it.

        While training, a frozen network has nothing to say: its poses have no joints.
        """
        poses: Tensor
        if self._freeze_pose and self.training:
            poses = windows_BTJD.new_zeros(len(windows_BTJD), 1, 0, 3)
        else:
            poses = self._pose(windows_BTJD)
        if self._trajectory is None:
            return poses, None
        return poses, self._trajectory(windows_BTJD)[:, :, 0]


def _form(model: TemporalModel, whole: bool) -> nn.Module:
    return model if whole else StridedTemporalModel(model)
