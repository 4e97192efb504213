"""A trained network whose poses another one learns, beside the true ones (distillation)."""

from pathlib import Path

import torch
from torch import Tensor

from poselift.errors import InvalidInput
from training.config.train_config import TrainConfig
from training.data.windows import Field
from training.model.checkpoint import load_networks
from training.model.networks import Networks, TrainingForm


class Teacher:
    """The network of a checkpoint; it may see more than the one that learns, or be larger.

    It is given what the other's keypoints are made into, such as joints held from the past.
    """

    def __init__(self, path: Path, config: TrainConfig, skeleton: str) -> None:
        """Load it; `InvalidInput` if its input or its poses are others than the run's."""
        networks, checkpoint = load_networks(path)
        taught, own = config.model, checkpoint.config.model
        pairs = {
            "keypoint format": (own.keypoint_format, taught.keypoint_format),
            "normalisation": (own.normalisation, taught.normalisation),
            "skeleton": (checkpoint.motions.skeleton, skeleton),
        }
        for name, (found, expected) in pairs.items():
            if found != expected:
                raise InvalidInput.at(f"teacher {path}: {name}", f"{expected}, found {found}")
        if config.spacing not in {None, 1, *own.receptive_fields} or own.dense:
            expected = f"a network, not dense, that allows targets {config.spacing} frames apart"
            raise InvalidInput.at(f"teacher {path}", expected)
        self.field = Field(networks.pose.receptive_field, networks.pose.causal)
        self._form = TrainingForm(Networks(networks.pose), config.spacing).eval()
        self._form.requires_grad_(requires_grad=False)

    def to(self, device: torch.device) -> "Teacher":
        """Itself, on a device."""
        self._form.to(device)
        return self

    @torch.no_grad()
    def __call__(self, windows_BTJ2: Tensor) -> Tensor:
        """Its poses of the targets (B, S, K, 3), relative to the root."""
        poses: Tensor = self._form(windows_BTJ2).poses
        return poses - poses[..., :1, :]
