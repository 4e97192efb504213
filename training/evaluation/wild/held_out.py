"""Held-out people through random cameras, in every condition that is measured."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from poselift.card import OutputSkeleton
from poselift.formats import FORMATS
from poselift.imputation import Quality
from poselift.poses import Poses
from poselift.postprocess.pipeline import Postprocessing, postprocess
from poselift.runtime.clip import ClipModel
from training.array_types import Array, Floats
from training.augmentation.joint_definitions import FAMILIES, JOINT_DEFINITIONS
from training.augmentation.registry import AUGMENTATIONS
from training.data.datasets.prepared import MotionSet
from training.data.sequences import PoseSequence
from training.data.sources import CONDITIONS, HeldOut, evaluation_sequences
from training.data.synthetic import ProjectionOptions, Spoil
from training.evaluation import clip_errors
from training.evaluation.wild.gross_errors import GrossErrors
from training.evaluation.wild.real import smoothed_live
from training.metrics import joint_errors

FRAME_RATES = (50, 25, 10)
HEIGHTS_M = {"low": (0.0, 0.9), "middle": (0.9, 2.6), "high": (2.6, 10.0)}
"""Of the camera above the floor."""
_OCCLUDED_S = 1.0
_OCCLUDED_SHARE = 0.5


def has_trajectory(lifter: ClipModel) -> bool:
    """Whether a model has a trajectory."""
    return "trajectory" in lifter.card.graph.outputs


def lifted(
    lifter: ClipModel, clips: Iterable[HeldOut], with_trajectory: bool = False
) -> Iterator[clip_errors.Prediction]:
    """Clips as a served model lifts them, with the trajectory where it has one and it is wanted."""

    def poses(inputs_TJ2: Floats) -> Floats:
        return np.asarray(lifter.lift(inputs_TJ2[None]).poses[0])

    def trajectory(inputs_TJ2: Floats) -> Floats:
        found = lifter.lift(inputs_TJ2[None]).trajectory
        assert found is not None, "its card says that it has one"
        return found[0, :, None]

    wanted = with_trajectory and has_trajectory(lifter)
    return clip_errors.predict_clips(clips, poses, trajectory if wanted else None)


def served(lifter: ClipModel, sequence: PoseSequence) -> tuple[Poses, Floats]:
    """A sequence's poses as they are served, and the true ones (T, K, 3), in camera axes."""
    found = sequence.decode(lifter.lift(sequence.inputs_TJ2[None])[0])
    return found, sequence.inverse.poses(sequence.targets_TK3)


def projected_clips(motions: MotionSet, options: ProjectionOptions) -> Iterator[HeldOut]:
    """Every clip by its cameras."""
    return (clip for clip, _ in evaluation_sequences(motions, options))


@dataclass(frozen=True)
class Condition:
    """How held-out people are projected, and what happens to them before."""

    noise: float = 0.0
    augmentations: Mapping[str, Any] = field(default_factory=dict)
    spoiler: Callable[[str], Spoil] | None = None
    """From a keypoint format to what is done to detected keypoints."""
    reject_outliers: bool = True

    def options(self, lifter: ClipModel) -> ProjectionOptions:
        """How to project for a model."""
        card = lifter.card
        keypoint_format = card.input.keypoint_format
        return ProjectionOptions(
            keypoint_format=keypoint_format,
            normalisation=card.normalisation,
            causal=card.architecture.causal,
            noise=(self.noise, self.noise),
            augmentations=self.augmentations,
            spoil=None if self.spoiler is None else self.spoiler(keypoint_format),
            reject_outliers=self.reject_outliers,
        )


CLEAN = Condition()
NOISY = Condition(noise=CONDITIONS["noisy"])
GROSS_ERRORS = Condition(spoiler=GrossErrors)
DEFINITIONS = {
    f"noisy, {family} joints": replace(NOISY, augmentations={JOINT_DEFINITIONS.name: definitions})
    for family, definitions in FAMILIES.items()
}
"""Where each family of detectors puts joints."""
SIMULATED = {
    each.condition: Condition(augmentations={each.name: 1.0})
    for each in AUGMENTATIONS
    if each.condition is not None
}
"""What the data lacks, made of what it has: augmentations applied to every clip."""
EVERY_CONDITION = {"clean": CLEAN, "noisy": NOISY, "gross errors": GROSS_ERRORS, **SIMULATED}


@dataclass(frozen=True)
class MissingLegs:
    """Removes knees and ankles throughout, as of people at a desk."""

    keypoint_format: str

    def __call__(self, detected_TJ3: Floats, rng: np.random.Generator) -> Floats:
        """The same keypoints without them."""
        del rng
        names = FORMATS[self.keypoint_format].joints
        legs = [joint for joint, name in enumerate(names) if name.endswith(_LEGS)]
        rest = detected_TJ3.copy()
        rest[:, legs, 2] = 0
        return rest


_LEGS = ("knee", "ankle", "foot", "heel", "toe", "foot_index")
LEGS_NEVER_SEEN = {"legs never seen": Condition(spoiler=MissingLegs)}
CALIBRATED = EVERY_CONDITION | LEGS_NEVER_SEEN
"""What expected errors are compared with true ones in."""


@dataclass(frozen=True)
class Measured:
    """One clip's errors, and the height of its camera."""

    errors: clip_errors.ClipErrors
    camera_height_m: float


def overall(found: list[Measured]) -> dict[str, float]:
    """The mean errors of clips."""
    return clip_errors.average([clip.errors for clip in found])


@dataclass(frozen=True)
class ServedAs:
    """What the service does to a clip's poses, by ``/v1/lift`` or in a live session."""

    clip: Postprocessing = field(default_factory=Postprocessing)
    live_smoothing_s: float = 0.0

    def __call__(
        self, found: clip_errors.Prediction, fps: float, skeleton: OutputSkeleton
    ) -> clip_errors.Prediction:
        """The prediction as the service would answer it."""
        trajectory = found.trajectory_T3
        poses = Poses(
            found.poses_TK3.copy(),
            None if trajectory is None else trajectory.copy(),
            quality=np.full(len(found.poses_TK3), Quality.MEASURED, np.uint8),
        )
        poses = postprocess(poses, self.clip, fps, skeleton)
        if self.live_smoothing_s:
            poses = smoothed_live(poses, fps, self.live_smoothing_s)
        return replace(found, poses_TK3=poses.poses, trajectory_T3=poses.trajectory)


NO_POSTPROCESSING = ServedAs()


def measured(
    lifter: ClipModel,
    motions: MotionSet,
    condition: Condition,
    every: int = 1,
    served_as: ServedAs = NO_POSTPROCESSING,
) -> list[Measured]:
    """The errors of held-out clips by their cameras, of one frame of ``every`` so many."""
    cut = motions.downsampled(every) if every > 1 else motions
    sequences = list(evaluation_sequences(cut, condition.options(lifter)))
    clips = (clip for clip, _ in sequences)
    skeleton = lifter.card.output
    predictions = (
        served_as(found, cut.fps, skeleton) for found in lifted(lifter, clips, with_trajectory=True)
    )
    errors = clip_errors.measure(predictions, skeleton.joints)
    return [
        Measured(found, float(camera.position[1]))
        for found, (_, camera) in zip(errors, sequences, strict=True)
    ]


@dataclass(frozen=True)
class OccludedSide:
    """The effect of half the joints of one side being occluded for a second."""

    visible_mm: float
    """Mean error of the same frames with everything visible."""
    occluded_mm: float
    worst_mm: float
    """The worst moment of that second, on average over clips."""
    occluded_spikes: float
    """The share of clips in which some frame of that second is off by twice ``visible_mm``."""
    visible_spikes: float
    """The same with everything visible: clips that are hard anyway."""

    @classmethod
    def of(cls, visible_CT: Array, occluded_CT: Array) -> "OccludedSide":
        """Of the errors of C clips in that second, millimetres."""
        limit = 2 * visible_CT.mean()
        return cls(
            visible_mm=float(visible_CT.mean()),
            occluded_mm=float(occluded_CT.mean()),
            worst_mm=float(occluded_CT.mean(axis=0).max()),
            occluded_spikes=float((occluded_CT.max(axis=1) > limit).mean()),
            visible_spikes=float((visible_CT.max(axis=1) > limit).mean()),
        )


def long_enough(motions: MotionSet) -> tuple[MotionSet, int]:
    """The clips of two seconds or more, and how many frames in their middle a side is occluded."""
    length = round(_OCCLUDED_S * motions.fps)
    return motions.select(np.flatnonzero(motions.lengths >= 2 * length)), length


def one_side_occluded(lifter: ClipModel, length: int) -> ProjectionOptions:
    """Clean keypoints, half of those of one side occluded in so many frames in the middle."""
    options = CLEAN.options(lifter)
    return replace(options, spoil=OccludeSide(length, options.keypoint_format))


def occluded_side(lifter: ClipModel, motions: MotionSet) -> OccludedSide:
    """Occlude half of one side in the middle second of every clip that is two seconds or longer."""
    long, length = long_enough(motions)
    usual = _in_the_middle(lifter, long, CLEAN.options(lifter), length)
    occluded = _in_the_middle(lifter, long, one_side_occluded(lifter, length), length)
    return OccludedSide.of(usual, occluded)


def _in_the_middle(
    lifter: ClipModel, motions: MotionSet, options: ProjectionOptions, length: int
) -> Array:
    """Each clip's mean errors (clips, frames) in its middle, millimetres."""
    errors = [
        joint_errors(found.poses_TK3, found.targets_TK3)[middle(len(found.poses_TK3), length)]
        for found in lifted(lifter, projected_clips(motions, options))
    ]
    return np.asarray(np.stack(errors).mean(axis=-1) * 1000)


def middle(frames: int, length: int) -> slice:
    """So many frames in the middle of a clip."""
    start = (frames - length) // 2
    return slice(start, start + length)


@dataclass(frozen=True)
class OccludeSide:
    """Removes half of one side's joints in the middle frames."""

    frames: int
    keypoint_format: str

    def __call__(self, detected_TJ3: Floats, rng: np.random.Generator) -> Floats:
        """The same keypoints without them."""
        side = ("left_", "right_")[rng.integers(2)]
        names = FORMATS[self.keypoint_format].joints
        joints = [joint for joint, name in enumerate(names) if name.startswith(side)]
        rest = detected_TJ3.copy()
        chosen = rng.choice(joints, round(_OCCLUDED_SHARE * len(joints)), replace=False)
        rest[middle(len(rest), self.frames)][:, chosen, 2] = 0
        return rest
