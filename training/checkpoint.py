"""Checkpoints: written whole or not at all, read without executing anything in them."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from service.pose.formats import FORMATS
from service.pose.skeleton import H36M17
from training.config import TrainConfig
from training.datasets.clips import Summary
from training.model import TemporalModel

_FORMAT = 1


class CheckpointError(ValueError):
    """A file that is not a checkpoint of this project, or of another architecture."""


@dataclass
class Checkpoint:
    """A training run after some whole epochs."""

    config: TrainConfig
    motions: Summary
    """What it is trained on."""
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    """One entry an epoch: losses and held-out errors."""
    average: dict[str, Tensor] | None = None
    """The averaged weights, of runs that keep them."""

    @property
    def best(self) -> dict[str, Tensor]:
        """The weights to use: the averaged ones where there are any."""
        return self.model if self.average is None else self.average


def build_model(config: TrainConfig) -> TemporalModel:
    """The untrained model that a configuration describes."""
    return TemporalModel(
        joints_in=len(FORMATS[config.keypoint_format].joints),
        channels_in=2,
        joints_out=len(H36M17.joints),
        filter_widths=config.filter_widths,
        causal=config.causal,
        channels=config.channels,
        dropout=config.dropout,
    )


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint so that a crash or a full disk leaves the old one as it was."""
    state = {
        **vars(checkpoint),
        "config": checkpoint.config.model_dump_json(),
        "motions": asdict(checkpoint.motions),
        "format": _FORMAT,
    }
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load(path: Path) -> Checkpoint:
    """Read a checkpoint; raises ``CheckpointError`` saying what is wrong with the file."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise CheckpointError(f"{path}: not a checkpoint: {error}") from error
    if not isinstance(state, dict) or state.pop("format", None) != _FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this project (format {_FORMAT})")
    try:
        config = TrainConfig.model_validate_json(state.pop("config"))
        motions = Summary(**state.pop("motions"))
        return Checkpoint(config=config, motions=motions, **state)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a whole checkpoint: {error}") from error


def load_model(path: Path) -> tuple[TemporalModel, Checkpoint]:
    """The trained model of a checkpoint, in evaluation mode, and the checkpoint itself.

    Raises:
        CheckpointError: what is wrong with the file.
    """
    checkpoint = load(path)
    model = build_model(checkpoint.config)
    load_weights(model, checkpoint.best, path)
    return model.eval(), checkpoint


def load_weights(model: TemporalModel, weights: dict[str, Tensor], path: Path) -> None:
    """Give a model the weights of the checkpoint at ``path``.

    Raises:
        CheckpointError: they are of another architecture.
    """
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        said = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path}: is of another architecture: {said}") from error
