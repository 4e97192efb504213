"""Measure a model on whole held-out clips: the paper's metrics, per action and overall."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.poses import ModelOutput
from poselift.skeletons import SKELETONS
from training import metrics
from training.array_types import Array, Floats
from training.data.datasets.clips import Arrays, ClipFile, Names, check_layouts, check_shapes
from training.data.sequences import mirror
from training.data.sources import HeldOut, Source
from training.model.temporal_model import StridedTemporalModel, TemporalModel, pad_edges


@dataclass(frozen=True)
class Predictions(ClipFile):
    """Clips end to end, as the model was given them and as it lifted them."""

    what: ClassVar[str] = "a file of predictions (.npz)"
    per_frame: ClassVar[Names] = ("poses", "targets", "keypoints", "trajectory")

    keypoints: Floats
    """(frames, J, 2): what the model was given, x and y (down), normalised."""
    poses: Floats
    """(frames, K, 3): the joints it predicts, relative to the root, in camera axes (x right,
    y down, z away), metres."""
    targets: Floats
    """(frames, K, 3): where they truly are, like `poses`; NaN where unknown."""
    trajectory: Floats
    """(frames, 3): of the root, as it predicts it, in camera axes, metres; NaN where there
    is none."""
    keypoint_format: str
    skeleton: str

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file written by `save`, with no pickles; `InvalidInput` names what is wrong."""
        loaded = super().load(path)
        single = {name: getattr(loaded, name).astype(np.float32) for name in cls.per_frame}
        return replace(loaded, clip_ends=loaded.clip_ends.astype(np.int64), **single)

    @classmethod
    def check(cls, arrays: Arrays, path: Path) -> None:
        """See that names are known, and that shapes agree with them and with each other."""
        check_layouts(arrays, path)
        frames = arrays["poses"].shape[0] if arrays["poses"].ndim else 0
        joints = len(SKELETONS[str(arrays["skeleton"])].joints)
        expected = {
            "poses": (frames, joints, 3),
            "targets": (frames, joints, 3),
            "keypoints": (frames, len(FORMATS[str(arrays["keypoint_format"])].joints), 2),
            "trajectory": (frames, 3),
        }
        check_shapes(arrays, expected, path)
        for key in ("keypoints", "poses"):
            if not np.isfinite(arrays[key]).all():
                raise InvalidInput.at(f"{path}, {key}", "finite numbers")


Predictor = Callable[[Floats], Floats]
"""Normalised keypoints of a whole clip (T, J, 2) to points (T, K, 3), in a network's axes."""

MEAN, OVERALL = "mean of these", "overall"
"""The last two rows of a table."""
_WINDOWS_AT_ONCE = 512


def predictor(model: TemporalModel) -> Predictor:
    """Lift whole clips with a model in evaluation mode, padding edges as the paper does."""

    @torch.inference_mode()
    def predict(inputs_TJ2: Floats) -> Floats:
        padded = pad_edges(torch.from_numpy(inputs_TJ2)[None], model.receptive_field, model.causal)
        return np.asarray(model(padded)[0].numpy())

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


def flip_augmented(predict: Predictor, inputs: Sequence[int], points: Sequence[int]) -> Predictor:
    """Average a prediction with that of the mirrored input, mirrored back (the paper, §5.3).

    ``inputs`` and ``points`` exchange the left and right keypoints, and points that come out.
    """

    def predict_twice(inputs_TJ2: Floats) -> Floats:
        mirrored = predict(mirror(inputs_TJ2, inputs))
        return (predict(inputs_TJ2) + mirror(mirrored, points)) * np.float32(0.5)

    return predict_twice


@dataclass(frozen=True)
class Prediction:
    """What a model predicts of a clip, and what is true: camera axes, metres."""

    clip: HeldOut
    poses_TK3: Floats
    """Relative to the root."""
    targets_TK3: Floats
    trajectory_T3: Floats | None
    true_trajectory_T3: Floats


def predict_clips(
    clips: Iterable[HeldOut], predict: Predictor, predict_trajectory: Predictor | None = None
) -> Iterator[Prediction]:
    """Lift held-out clips, as they are served."""
    for clip in clips:
        sequence = clip.sequence
        inputs_TJ2, roots_T3 = sequence.inputs_TJ2, None
        if predict_trajectory is not None:
            roots_T3 = predict_trajectory(inputs_TJ2)[:, 0]
        served = sequence.decode(ModelOutput(predict(inputs_TJ2), roots_T3))
        yield Prediction(
            clip,
            served.poses,
            sequence.inverse.poses(sequence.targets_TK3),
            served.trajectory,
            sequence.inverse.trajectory(sequence.trajectory_T3),
        )


@dataclass(frozen=True)
class ClipErrors:
    """Errors of one clip in the metrics' units, and how many frames they stand for."""

    subject: str
    action: str
    frames: int
    errors: Mapping[str, float]
    joints: Mapping[str, float]
    """Each joint's mean error, millimetres."""


def collected(predictions: Sequence[Prediction], source: Source) -> Predictions:
    """All predictions of a source's clips, as they go into a file."""
    clips = [each.clip for each in predictions]
    unknown = [np.full((len(each.poses_TK3), 3), np.nan, np.float32) for each in predictions]
    found = [each.trajectory_T3 for each in predictions]
    return Predictions(
        names=tuple(clip.name for clip in clips),
        clip_ends=np.cumsum([len(each.poses_TK3) for each in predictions], dtype=np.int64),
        keypoints=np.concatenate([clip.sequence.inputs_TJ2 for clip in clips]),
        poses=np.concatenate([each.poses_TK3 for each in predictions]),
        targets=np.concatenate([each.targets_TK3 for each in predictions]),
        trajectory=np.concatenate(
            [none if known is None else known for known, none in zip(found, unknown, strict=True)]
        ),
        fps=source.summary.fps,
        keypoint_format=source.keypoint_format,
        skeleton=source.summary.skeleton,
    )


def measure(predictions: Iterable[Prediction], joints: Sequence[str]) -> Iterator[ClipErrors]:
    """The errors of predictions, whose poses have these joints."""
    flexed = metrics.flexed_joints(joints)
    feet = [joint for joint, name in enumerate(joints) if name.endswith(("foot", "ankle"))]
    for found in predictions:
        predicted, target = found.poses_TK3, found.targets_TK3
        errors = _in_units(metrics.METRICS, predicted, target)
        if found.trajectory_T3 is not None:
            trajectories = found.trajectory_T3, found.true_trajectory_T3
            errors |= _in_units(metrics.TRAJECTORY_METRICS, *trajectories)
            stepping = (
                trajectory_T3[:, None] + poses_TK3[:, feet]
                for trajectory_T3, poses_TK3 in zip(trajectories, (predicted, target), strict=True)
            )
            errors |= _in_units(metrics.FOOT_METRICS, *stepping)
        for name, chains in flexed.items():
            metric = metrics.ANGLE_METRICS[name]
            errors[name] = metric.of(predicted[:, chains], target[:, chains]) * metric.factor
        means = metrics.joint_errors(predicted, target).mean(axis=0) * 1000
        by_joint = dict(zip(joints, means.tolist(), strict=True))
        yield ClipErrors(found.clip.subject, found.clip.action, len(target), errors, by_joint)


def _in_units(
    of_kind: Mapping[str, metrics.Metric], predicted: Array, target: Array
) -> dict[str, float]:
    return {name: each.of(predicted, target) * each.factor for name, each in of_kind.items()}


def average(clips: Sequence[ClipErrors]) -> dict[str, float]:
    """Mean errors over frames; NaN where a metric means nothing for any clip."""
    means = {}
    for name in clips[0].errors:
        known = [clip for clip in clips if not np.isnan(clip.errors[name])]
        values, frames = [clip.errors[name] for clip in known], [clip.frames for clip in known]
        means[name] = float(np.average(values, weights=frames)) if known else float("nan")
    return means


def by_joint(clips: Sequence[ClipErrors]) -> dict[str, float]:
    """Each joint's mean error over frames, millimetres."""
    frames = [clip.frames for clip in clips]
    return {
        joint: float(np.average([clip.joints[joint] for clip in clips], weights=frames))
        for joint in clips[0].joints
    }


def by_action(clips: Sequence[ClipErrors], by_subject: bool = False) -> dict[str, dict[str, float]]:
    """Mean errors of each action (of each subject), and of everything in two ways.

    ``MEAN`` is that of the rows above it, each counting as much, as papers report it;
    ``OVERALL`` that over all frames.
    """
    groups: dict[str, list[ClipErrors]] = defaultdict(list)
    for clip in clips:
        groups[f"{clip.subject} {clip.action}" if by_subject else clip.action].append(clip)
    rows = {name: average(group) for name, group in sorted(groups.items())}
    return {**rows, MEAN: _mean(list(rows.values())), OVERALL: average(clips)}


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of what is known; NaN where nothing is."""
    known = {name: [row[name] for row in rows if not np.isnan(row[name])] for name in rows[0]}
    return {
        name: float(np.mean(values)) if values else float("nan") for name, values in known.items()
    }


def table(errors: Mapping[str, Mapping[str, float]]) -> str:
    """A text table, one row an action."""
    names = list(errors[OVERALL])
    width = max(len(action) for action in errors)
    units = [metrics.ALL_METRICS[name].unit for name in names]
    lines = [" " * width + "".join(f"{each:>11}" for each in head) for head in (names, units)]
    lines += [
        f"{action:<{width}}" + "".join(f"{row[name]:11.1f}" for name in names)
        for action, row in errors.items()
    ]
    return "\n".join(lines)
