"""Whether exported graphs compute what the trained model computes."""

from pathlib import Path

import numpy as np
import torch

from poselift.poses import ModelOutput
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.rings import Rings
from poselift.runtime.step import StepModel
from poselift.runtime.window import WindowModel
from training.array_types import Floats
from training.export.exported import Exported
from training.export.graph_builder import EXPECTED_ERRORS, POSES, TRAJECTORY
from training.model.temporal_model import pad_edges

TOLERANCE_M = 1e-5
_LENGTHS = (1, 2, 3, 9, 27, 60, 121, 122, 243, 244, 500, 1000)
_LARGEST_MODEL_VALUE_M = 1.0


class ExportError(ValueError):
    """The exported graph does not compute what the model computes."""


def check_parity(folder: Path, exported: Exported, tolerance_m: float = TOLERANCE_M) -> None:
    """Lift random clips with ONNX Runtime and PyTorch; `ExportError` says where they differ."""
    lifter = ClipModel.load(folder, provider="cpu")
    _compare_clips(lifter, exported, tolerance_m)
    stepper = StepModel.load(folder, lifter.card, RunOptions("cpu"))
    if stepper is not None:
        _compare_steps(stepper, lifter)
    windows = WindowModel.load(folder, lifter.card, RunOptions("cpu"))
    if windows is not None:
        _compare_windows(windows, lifter)


def _compare_clips(lifter: ClipModel, exported: Exported, tolerance_m: float) -> None:
    random = torch.Generator().manual_seed(0)
    for frames in _LENGTHS:
        joints = len(lifter.card.input.joints)
        keypoints = torch.randn(2, frames, joints, 2, generator=random)
        expected = _reference(exported, keypoints)
        what = f"a random clip of {frames} frames"
        _check_all(what, lifter.lift(keypoints.numpy()), expected, tolerance_m)


def _compare_steps(stepper: StepModel, lifter: ClipModel) -> None:
    """Step through a clip, and go on from rebuilt rings: the poses must be those of the clip."""
    past_frames = lifter.card.architecture.receptive_field - 1
    frames = past_frames + 4
    clip = _random_clip(lifter, 1, frames)
    lifted = lifter.lift(clip)
    rings, slots = Rings(stepper.rings, 1), np.array([0])

    def check_step(what: str, number: int, is_first: bool = False) -> None:
        fresh = np.array([is_first])
        stepped = stepper.step(clip[:, number], fresh, rings.past(slots))
        rings.keep(slots, fresh, stepped.rows)
        _check_all(f"{what} of a random clip", stepped.output, lifted[:, number], TOLERANCE_M)

    for number in range(frames):
        check_step(f"step {number}", number, number == 0)
    for number in (1, frames - 1):
        past = clip[:, max(0, number - past_frames) : number]
        first = np.repeat(past[:, :1], past_frames - past.shape[1], axis=1)
        rings.restore(slots, stepper.rebuild(np.concatenate([first, past], axis=1)))
        check_step(f"step {number} from rebuilt rings", number)


def _compare_windows(windows: WindowModel, lifter: ClipModel) -> None:
    """Lift windows: their poses must be those that the clip graph has in their middles."""
    field = lifter.card.architecture.receptive_field
    seen = _random_clip(lifter, 3, field)
    expected = lifter.lift(seen)[:, field // 2]
    _check_all("a random window", windows.lift(seen), expected, TOLERANCE_M)


def _random_clip(lifter: ClipModel, batch: int, frames: int) -> Floats:
    layout = lifter.card.input
    shape = (batch, frames, len(layout.joints), len(layout.channels))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@torch.inference_mode()
def _reference(exported: Exported, keypoints: torch.Tensor) -> ModelOutput:
    pose, network = exported.pose, exported.trajectory
    features = pose.features(pad_edges(keypoints, pose.receptive_field, pose.causal))
    trajectory = errors = None
    if network is not None:
        padded = pad_edges(keypoints, network.receptive_field, network.causal)
        trajectory = network(padded)[:, :, 0].numpy()
    if pose.error_head is not None:
        errors = pose.error_head(features).exp().numpy()
    return ModelOutput(pose.poses(features).numpy(), trajectory, errors)


def _check_all(what: str, found: ModelOutput, expected: ModelOutput, tolerance_m: float) -> None:
    for name in (POSES, TRAJECTORY, EXPECTED_ERRORS):
        pair = getattr(found, name), getattr(expected, name)
        if (pair[0] is None) != (pair[1] is None):
            raise ExportError(f"{what}: only one of ONNX Runtime and PyTorch has {name}")
        if pair[0] is not None:
            _check(f"{name} of {what}", *pair, tolerance_m)


def _check(what: str, found: np.ndarray, expected: np.ndarray, tolerance_m: float) -> None:
    # Rounding grows with the numbers rounded; what matters are metres of the size of people.
    allowed = tolerance_m * max(_LARGEST_MODEL_VALUE_M, float(np.abs(expected).max()))
    difference = float(np.abs(found - expected).max())
    if not difference <= allowed:  # NaN is not
        raise ExportError(
            f"{what}: ONNX Runtime and PyTorch differ by {difference:.2g} m, "
            f"allowed are {allowed:.2g} m; nothing was written"
        )
