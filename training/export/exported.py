"""What of a checkpoint becomes a model folder: its networks, and what the card says of them."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from poselift.card import Training
from poselift.normalisation import Kind, ScreenCamera
from training.config.train_config import TrainConfig
from training.data.datasets.clips import Summary
from training.model.checkpoint import load_networks
from training.model.temporal_model import TemporalModel
from training.model.videopose3d import read_videopose3d, videopose3d_format

UNSTATED_LICENCE = "not stated; the terms of what it was trained on bind its use too"
VIDEOPOSE3D_LICENCE = "CC-BY-NC-4.0, as the authors published them: not for commercial use"
SCALE = "One camera cannot separate size from distance: poses have the scale of an ordinary adult."
HUMAN36M_CAMERA = ScreenCamera((2.29, 2.29), (0.03, 0.01))
"""About where Human3.6M's four cameras lie, whose trajectories the authors' models learned."""


@dataclass(frozen=True)
class Exported:
    """All that becomes a model folder."""

    name: str
    pose: TemporalModel
    trajectory: TemporalModel | None
    keypoint_format: str
    normalisation: Kind
    licence: str
    training: Training
    trajectory_camera: ScreenCamera | None = None
    """The cameras that the trajectory was learned with, where the model sees the screen."""


@dataclass(frozen=True)
class Remarks:
    """What a checkpoint does not hold, for the card."""

    errors: dict[str, float] = field(default_factory=dict)
    """Of held-out people."""
    licence: str = UNSTATED_LICENCE
    recipe: str = ""
    """How to make such weights again, if that takes more than the last run."""
    cost: str = ""
    limits: str = ""


def from_checkpoint(path: Path, name: str, remarks: Remarks = Remarks()) -> Exported:
    """What to export of one of this project's checkpoints."""
    networks, checkpoint = load_networks(path)
    config, motions = checkpoint.config, checkpoint.motions
    assert config.model.keypoint_format is not None, "a run settles it when it opens its data"
    amount = f"{motions.minutes:.0f} minutes of {len(motions.subjects)} subjects"
    return Exported(
        name=name,
        pose=networks.pose,
        trajectory=networks.trajectory,
        trajectory_camera=checkpoint.trajectory_camera,
        keypoint_format=config.model.keypoint_format,
        normalisation=config.model.normalisation,
        licence=remarks.licence,
        training=Training(
            data=f"{amount}: {motions.origin}{_mixture(config)}",
            frame_rates=_frame_rates(config, motions),
            seed=config.run.seed,
            recipe=remarks.recipe or _command(config),
            cost=remarks.cost,
            held_out_errors=remarks.errors,
            limits=f"{remarks.limits} {SCALE}".strip(),
        ),
    )


def _mixture(config: TrainConfig) -> str:
    """How much of each group of actions was learned, if a mixture said so."""
    shares = ", ".join(share.replace("=", " ") for share in config.dataset.mixture)
    return f" Learned by what people do, in the shares {shares}." if shares else ""


def _frame_rates(config: TrainConfig, motions: Summary) -> tuple[float, ...]:
    if motions.recorded:
        return (motions.fps,)
    slowest, fastest = config.augmentation.registered["speed"]
    return (round(motions.fps / fastest, 1), round(motions.fps / slowest, 1))


def _command(config: TrainConfig) -> str:
    """The command of a run, as far as its result depends on it."""
    words = ["python -m training.train"]
    where = {"run": {"output", "device", "threads"}}
    chosen = config.dumped(mode="json", exclude=where, exclude_defaults=True)
    for name, value in chosen.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{option}")
        else:
            listed = ",".join(map(str, value)) if isinstance(value, list) else value
            words.append(f"--{option} {shlex.quote(str(listed))}")
    return " ".join(words)


def from_videopose3d(path: Path, name: str, causal: bool, keypoint_format: str | None) -> Exported:
    """What to export of a VideoPose3D checkpoint."""
    pose, trajectory, joints = read_videopose3d(path, causal)
    return Exported(
        name=name,
        pose=pose,
        trajectory=trajectory,
        trajectory_camera=None if joints == 15 else HUMAN36M_CAMERA,
        keypoint_format=videopose3d_format(path, joints, keypoint_format),
        normalisation="screen",
        licence=VIDEOPOSE3D_LICENCE,
        training=Training(
            data="a VideoPose3D checkpoint",
            frame_rates=(60.0,) if joints == 15 else (50.0,),  # HumanEva's and Human3.6M's
        ),
    )
