"""A trained model to be measured, whichever kind of checkpoint it is in."""

from dataclasses import dataclass
from pathlib import Path

from training.config.train_config import TrainConfig
from training.data.datasets.clips import Summary
from training.model.checkpoint import load_networks
from training.model.networks import Networks
from training.model.videopose3d import AUTHORS_SUFFIX, authors_format, read_authors_checkpoint


@dataclass(frozen=True)
class Opened:
    """Networks in evaluation mode, and what is known of them."""

    networks: Networks
    config: TrainConfig
    """How the model wants to see keypoints."""
    trained_on: Summary | None
    """None for the paper authors' checkpoints, which do not say."""


def open_model(path: Path, causal: bool, keypoint_format: str | None) -> Opened:
    """Open one of this project's checkpoints (.pt), or one of the paper authors' (.bin).

    Args:
        path: the file.
        causal: whether one of the authors' models sees only the past.
        keypoint_format: what one of theirs eats, if not what is usual.

    Raises:
        CheckpointError: what is wrong with the file.
        ValueError: of this project's checkpoints these need not be said.
    """
    if path.suffix == AUTHORS_SUFFIX:
        pose, trajectory, joints = read_authors_checkpoint(path, causal)
        layout = authors_format(path, joints, keypoint_format)
        config = TrainConfig(keypoint_format=layout, normalisation="screen", causal=causal)
        return Opened(Networks(pose, trajectory), config, None)
    if causal or keypoint_format:
        raise ValueError(f"--causal and --keypoint-format are for {AUTHORS_SUFFIX} checkpoints")
    networks, checkpoint = load_networks(path)
    return Opened(networks, checkpoint.config, checkpoint.motions)
