"""Measure a model on whole held-out clips: the paper's metrics, per action and overall."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from service.pose.formats import FORMATS
from service.pose.skeleton import H36M17
from training.datasets.motion import MotionSet
from training.metrics import METRICS, joint_errors
from training.model import StridedTemporalModel, TemporalModel, pad_edges
from training.views import FilmingOptions, film, mirror

Floats = NDArray[np.float32]
Predictor = Callable[[Floats], Floats]
"""Normalised keypoints of a whole clip (T, J, 2) to poses (T, K, 3) in metres."""

CONDITIONS = {"clean": 0.0, "noisy": 1.0}
"""Noise levels of the imagined detector."""
_WINDOWS_AT_ONCE = 512
SEED = 20191118
"""Every model is measured through the same cameras and the same noise."""


def predictor(model: TemporalModel) -> Predictor:
    """Lift whole clips with a model in evaluation mode, padding edges as the paper does."""

    @torch.inference_mode()
    def predict(inputs_TJ2: Floats) -> Floats:
        padded = pad_edges(torch.from_numpy(inputs_TJ2)[None], model.receptive_field, model.causal)
        poses: Floats = model(padded)[0].numpy()
        return poses

    return predict


def delayed_predictor(model: TemporalModel, lookahead_frames: int) -> Predictor:
    """Lift each frame as a live session does that sees so many frames after it, and no more."""
    strided = StridedTemporalModel(model).eval()
    offsets = np.arange(model.receptive_field) - model.receptive_field // 2

    @torch.inference_mode()
    def predict(inputs_TJ2: Floats) -> Floats:
        frames = np.arange(len(inputs_TJ2))
        newest = np.minimum(frames + lookahead_frames, len(frames) - 1)
        rows = (frames[:, None] + offsets).clip(0, newest[:, None])
        inputs = torch.from_numpy(inputs_TJ2)
        batches = torch.from_numpy(rows).split(_WINDOWS_AT_ONCE)
        poses: Floats = torch.cat([strided(inputs[batch])[:, 0] for batch in batches]).numpy()
        return poses

    return predict


def flip_augmented(predict: Predictor, keypoint_format: str) -> Predictor:
    """Average a prediction with that of the mirrored input, mirrored back (the paper, §5.3)."""
    permutation = FORMATS[keypoint_format].mirror

    def predict_twice(inputs_TJ2: Floats) -> Floats:
        mirrored = predict(mirror(inputs_TJ2, permutation))
        return (predict(inputs_TJ2) + mirror(mirrored, H36M17.mirror)) * np.float32(0.5)

    return predict_twice


@dataclass(frozen=True)
class ClipErrors:
    """Errors of one clip in the metrics' units, and how many frames they stand for."""

    action: str
    frames: int
    errors: Mapping[str, float]
    joints: Mapping[str, float]
    """Each joint's mean error, millimetres."""


def measure(
    predict: Predictor, motions: MotionSet, options: FilmingOptions
) -> Iterator[ClipErrors]:
    """Film every clip once, by a camera that depends only on the clip, and lift it."""
    for index, (start, end) in enumerate(zip(motions.clip_starts, motions.clip_ends, strict=True)):
        rng = np.random.default_rng([SEED, index])
        filmed = film(motions.positions[start:end], motions, options, rng)
        poses = predict(filmed.inputs_TJ2)
        predicted = (poses - poses[:, :1]) @ filmed.turned_T33
        target = filmed.targets_TK3 @ filmed.turned_T33
        errors = {
            name: metric.of(predicted, target) * metric.factor for name, metric in METRICS.items()
        }
        means = joint_errors(predicted, target).mean(axis=0) * 1000
        joints = dict(zip(H36M17.joints, means.tolist(), strict=True))
        yield ClipErrors(motions.actions[index], len(target), errors, joints)


def average(clips: Sequence[ClipErrors]) -> dict[str, float]:
    """Mean errors over frames; of a metric that no clip has, NaN."""
    return {name: _average(clips, name) for name in METRICS}


def _average(clips: Sequence[ClipErrors], name: str) -> float:
    known = [clip for clip in clips if not np.isnan(clip.errors[name])]
    if not known:
        return float("nan")
    frames = [clip.frames for clip in known]
    return float(np.average([clip.errors[name] for clip in known], weights=frames))


def by_joint(clips: Sequence[ClipErrors]) -> dict[str, float]:
    """Each joint's mean error over frames, millimetres."""
    frames = [clip.frames for clip in clips]
    return {
        joint: float(np.average([clip.joints[joint] for clip in clips], weights=frames))
        for joint in H36M17.joints
    }


def by_action(clips: Sequence[ClipErrors]) -> dict[str, dict[str, float]]:
    """Mean errors of each action, and of all under ``overall``."""
    groups: dict[str, list[ClipErrors]] = defaultdict(list)
    for clip in clips:
        groups[clip.action].append(clip)
    return {
        **{action: average(group) for action, group in sorted(groups.items())},
        "overall": average(clips),
    }


def table(errors: Mapping[str, Mapping[str, float]]) -> str:
    """A text table, one row an action."""
    width = max(len(action) for action in errors)
    lines = [" " * width + "".join(f"{name:>10}" for name in METRICS)]
    lines += [" " * width + "".join(f"{metric.unit:>10}" for metric in METRICS.values())]
    lines += [
        f"{action:<{width}}" + "".join(f"{row[name]:10.1f}" for name in METRICS)
        for action, row in errors.items()
    ]
    return "\n".join(lines)
