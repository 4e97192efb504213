"""Checkpoints: written whole or not at all, read without executing anything in them."""

import os
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poselift.formats import FORMATS
from poselift.normalisation import ScreenCamera
from poselift.skeletons import SKELETONS
from training.config.train_config import TrainConfig
from training.data.datasets.clips import Summary
from training.model.networks import Networks
from training.model.temporal_model import TemporalModel

_FORMAT = 2
_ERROR_HEAD = "error_head."


class CheckpointError(ValueError):
    """A file that is not a checkpoint of this project, or of another architecture."""


@dataclass
class Checkpoint:
    """A training run after some whole epochs."""

    config: TrainConfig
    motions: Summary
    """What it is trained on."""
    trajectory_camera: ScreenCamera | None
    """The cameras that its trajectory, if any, is learned with."""
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


def build_networks(config: TrainConfig, skeleton: str) -> Networks:
    """The untrained networks that a configuration describes, whose poses have such a skeleton."""
    model = config.model
    assert model.keypoint_format is not None, "a run settles it when it opens its data"
    build = partial(
        TemporalModel,
        joints_in=len(FORMATS[model.keypoint_format].joints),
        channels_in=2,
        filter_widths=model.filter_widths,
        causal=model.causal,
        dropout=model.dropout,
        dense=model.dense,
    )
    pose = build(
        joints_out=len(SKELETONS[skeleton].joints),
        channels=model.channels,
        expected_errors=model.expected_errors,
    )
    if not model.trajectory:
        return Networks(pose)
    return Networks(pose, build(joints_out=1, channels=model.trajectory_channels or model.channels))


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint so that a crash or a full disk leaves the old one as it was."""
    state = {
        **vars(checkpoint),
        "config": checkpoint.config.model_dump_json(),
        "motions": asdict(checkpoint.motions),
        "trajectory_camera": checkpoint.trajectory_camera and asdict(checkpoint.trajectory_camera),
        "format": _FORMAT,
    }
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # PyTorch makes either of a full disk
        kept = "; the last one is kept" if path.exists() else ""
        raise OSError(f"{path}: the checkpoint could not be written{kept}: {error}") from error
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
        camera = state.pop("trajectory_camera")
        camera = camera and ScreenCamera(**camera)
        return Checkpoint(config=config, motions=motions, trajectory_camera=camera, **state)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: not a whole checkpoint: {error}") from error


def load_networks(path: Path) -> tuple[Networks, Checkpoint]:
    """The trained networks of a checkpoint, in evaluation mode, and the checkpoint itself."""
    checkpoint = load(path)
    networks = build_networks(checkpoint.config, checkpoint.motions.skeleton)
    load_weights(networks, checkpoint.best, path)
    return networks.eval(), checkpoint


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Give networks the weights of the checkpoint at ``path``."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        said = " ".join(str(error).split())[:300]
        raise CheckpointError(f"{path}: is of another architecture: {said}") from error


@dataclass(frozen=True)
class Origin:
    """Trained networks that others begin with."""

    weights: dict[str, Tensor]
    """Those of `Networks`, by name."""
    filter_widths: tuple[int, ...]
    causal: bool
    path: Path
    """Where they were read."""


def origin(path: Path) -> Origin:
    """The networks of a checkpoint."""
    checkpoint = load(path)
    model = checkpoint.config.model
    return Origin(checkpoint.best, model.filter_widths, model.causal, path)


def begin_with(networks: Networks, causal: bool, origin: Origin) -> None:
    """Take over other weights.

    A trajectory or an error head that they lack is new; one that the networks lack is left out.
    What sees single frames may begin what sees many, which then does the same at first.
    """
    path = origin.path
    sees_one_frame = set(origin.filter_widths) == {1}
    if origin.causal != causal and not sees_one_frame:
        raise CheckpointError(f"{path}: one of the two is causal, the other is not")
    for name, network in networks.named_children():
        named = {tuple(key.split(".", 1)): value for key, value in origin.weights.items()}
        weights = {key: value for (first, key), value in named.items() if first == name}
        if weights or name == "pose":
            assert isinstance(network, TemporalModel)
            if sees_one_frame:
                weights = widened(weights, network)
            load_weights(network, _with_error_head_of(network, weights), path)


def _with_error_head_of(model: TemporalModel, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights with an error head where the model has one: theirs, or else the model's own."""
    own = {k: v for k, v in model.state_dict().items() if k.startswith(_ERROR_HEAD)}
    theirs = {k: v for k, v in weights.items() if k.startswith(_ERROR_HEAD)}
    others = {k: v for k, v in weights.items() if k not in theirs}
    return others | ((theirs or own) if own else {})


def widened(weights: dict[str, Tensor], model: TemporalModel) -> dict[str, Tensor]:
    """The weights with which a temporal model does what a model of single frames does.

    Each convolution looks at the frame it is about alone: its middle tap, or its last if causal.
    """
    wide = {}
    for name, wanted in model.state_dict().items():
        narrow = weights.get(name)
        if narrow is not None and wanted.ndim == 3 and narrow.shape[2] == 1:
            taps = wanted.shape[2]
            wide[name] = torch.zeros(*narrow.shape[:2], taps)
            wide[name][:, :, taps - 1 if model.causal else taps // 2] = narrow[:, :, 0]
        elif narrow is not None:
            wide[name] = narrow
    return wide
