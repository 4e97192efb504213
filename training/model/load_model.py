"""A trained model to be measured, whichever kind of checkpoint it is in."""

from dataclasses import dataclass
from pathlib import Path

from training.config.sections import ModelConfig
from training.config.train_config import TrainConfig
from training.data.datasets.clips import Summary
from training.model.checkpoint import load_networks
from training.model.networks import Networks
from training.model.videopose3d import VIDEOPOSE3D_SUFFIX, read_videopose3d, videopose3d_format


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

    Args:
        path: the file.
        causal: whether a VideoPose3D model uses only past frames.
        keypoint_format: the input layout of such a model, if not the usual one.

    Raises:
        CheckpointError: what is wrong with the file.
        ValueError: these are given for one of this project's checkpoints.
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
