"""VideoPose3D checkpoints (``.bin``) of the paper's authors, read without running anything in them.

They hold pickled NumPy generators besides the weights. PyTorch's restricted reader rebuilds the
tensors and refuses every class it does not know; the few NumPy names that belong there are read as
inert stand-ins.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poselift.formats import FORMATS
from training.config.sections import ModelConfig
from training.config.train_config import TrainConfig
from training.data.datasets.clips import Summary
from training.model.checkpoint import CheckpointError, load_networks
from training.model.networks import Networks
from training.model.temporal_model import TemporalModel

VIDEOPOSE3D_SUFFIX = ".bin"


class _Inert:
    """Stands in for an object that is not needed: accepts everything and does nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


# Which core a file names depends on the NumPy that wrote it: 1.x "core", 2.x "_core".
_NUMPY_NAMES = (
    *("numpy.dtype", "numpy.ndarray", "numpy.random.__RandomState_ctor"),
    *(
        f"numpy.{c}.multiarray.{name}"
        for c in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
    *("numpy.random._pickle.__randomstate_ctor", "numpy.random._pickle.__bit_generator_ctor"),
    "numpy.random._mt19937.MT19937",
)


def read_videopose3d(path: Path, causal: bool) -> tuple[TemporalModel, TemporalModel | None, int]:
    """The pose model, the trajectory model if there is one, and the number of input joints.

    Widths, channels and joints are read off the weights; they do not show whether it is causal.
    """
    state = _read(path)
    pose, joints = _build(state["model_pos"], causal, f"{path}: model_pos")
    weights = state.get("model_traj")
    if weights is None:
        return pose, None, joints
    trajectory, trajectory_joints = _build(weights, causal, f"{path}: model_traj")
    if (trajectory_joints, trajectory.joints_out) != (joints, 1):
        raise CheckpointError(
            f"{path}: model_traj: expected {joints} joints in and 1 out, as model_pos takes, "
            f"not {trajectory_joints} and {trajectory.joints_out}"
        )
    if trajectory.filter_widths != pose.filter_widths:
        raise CheckpointError(
            f"{path}: model_traj: expected the widths {pose.filter_widths} of model_pos, "
            f"not {trajectory.filter_widths}"
        )
    return pose, trajectory, joints


def videopose3d_format(path: Path, joints: int, keypoint_format: str | None) -> str:
    """The layout of a checkpoint's input: the one given, or else what the authors use."""
    name = keypoint_format or {15: "humaneva15"}.get(joints, "h36m17")
    if name not in FORMATS or len(FORMATS[name].joints) != joints:
        mismatch = f"takes {joints} joints; keypoint format {name!r} does not have that"
        raise CheckpointError(f"{path}: {mismatch}")
    return name


def _read(path: Path) -> dict[str, Any]:
    inert = [(_Inert, name) for name in _NUMPY_NAMES]
    try:
        with torch.serialization.safe_globals(inert):  # type: ignore[arg-type]
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise CheckpointError(f"{path}: not a checkpoint, or not a safe one: {error}") from error
    if not isinstance(state, dict) or "model_pos" not in state:
        raise CheckpointError(f"{path}: expected the authors' layout, with a key 'model_pos'")
    return state


def _build(weights: dict[str, Tensor], causal: bool, where: str) -> tuple[TemporalModel, int]:
    try:
        channels, features, first = weights["expand_conv.weight"].shape
        blocks = sum(name.startswith("layers_conv") for name in weights) // 2
        widths = [first] + [
            weights[f"layers_conv.{2 * block}.weight"].shape[2] for block in range(blocks)
        ]
        model = TemporalModel(
            joints_in=features // 2,
            channels_in=2,
            joints_out=weights["shrink.weight"].shape[0] // 3,
            filter_widths=widths,
            causal=causal,
            channels=channels,
        )
        model.load_state_dict(weights)
    except (KeyError, IndexError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        message = f"{where}: the weights are of another architecture: {error}"
        raise CheckpointError(message) from error
    return model.eval(), features // 2


@dataclass(frozen=True)
class LoadedModel:
    """Networks in evaluation mode, and what is known of them."""

    networks: Networks
    config: TrainConfig
    """How the model is given keypoints."""
    trained_on: Summary | None
    """None for VideoPose3D checkpoints, which do not say."""


def load_model(path: Path, causal: bool, keypoint_format: str | None) -> LoadedModel:
    """Load one of this project's checkpoints (.pt), or a VideoPose3D checkpoint (.bin).

    Only of the latter is it said whether it is causal, and its input's format if not the usual one.
    """
    if path.suffix == VIDEOPOSE3D_SUFFIX:
        pose, trajectory, joints = read_videopose3d(path, causal)
        layout = videopose3d_format(path, joints, keypoint_format)
        model = ModelConfig(keypoint_format=layout, normalisation="screen", causal=causal)
        config = TrainConfig(model=model)
        return LoadedModel(Networks(pose, trajectory), config, None)
    if causal or keypoint_format:
        raise ValueError(f"--causal and --keypoint-format are for {VIDEOPOSE3D_SUFFIX} checkpoints")
    networks, checkpoint = load_networks(path)
    return LoadedModel(networks, checkpoint.config, checkpoint.motions)
