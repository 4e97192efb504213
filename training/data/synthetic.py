"""Synthetic sequences: motion capture projected by random cameras, with simulated detector noise.

Whole clips are projected once an epoch and windows are cut from them by index; projecting every
window by itself would cost a receptive field times as much.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from poselift.codec import ModelInput
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.normalisation import ScreenCamera
from poselift.skeletons import H36M17
from training.array_types import Floats
from training.augmentation.augmentation import Stage
from training.augmentation.detector_noise import NoiseLevel, detect
from training.augmentation.registry import augment
from training.augmentation.synthetic_camera import SyntheticCamera, random_camera
from training.data import sequences
from training.data.datasets.prepared import MotionSet
from training.data.mixture import frame_weights

Spoil = Callable[[Floats, np.random.Generator], Floats]
"""Removes or displaces some of a clip's detected keypoints (T, J, 3)."""

ASSUMED_SCREEN_CAMERA = ScreenCamera((2.0, 2.0), (0.0, 0.0))
"""What ``screen`` models of synthetic cameras assume of every camera: they cannot know it."""


@dataclass(frozen=True)
class ProjectionOptions(ModelInput):
    """How motion becomes training input."""

    output_joints: tuple[str, ...] = H36M17.joints
    noise: tuple[float, float] = (0.0, 1.5)
    """Range of the noise level; 1 is an ordinary detector's."""
    flip: bool = False
    augmentations: Mapping[str, Any] = field(default_factory=dict)
    """The settings of registered augmentations by name; the others are off."""
    spoil: Spoil | None = None
    """Removes or displaces further detected keypoints, to measure the effect."""
    mixture: Mapping[str, float] = field(default_factory=dict)
    """Shares of groups of actions in what is learned; by length if empty."""
    reject_outliers: bool = True
    """Without, the effect of rejecting them is measured."""

    def for_evaluation(self, noise: float) -> "ProjectionOptions":
        """Motion as it was recorded, detected with this noise level."""
        return replace(self, noise=(noise, noise), flip=False, augmentations={})


def project_all(
    motions: MotionSet, options: ProjectionOptions, rng: np.random.Generator, cameras: int = 1
) -> sequences.Sequences:
    """Project every clip by ``cameras`` random cameras, each with noise of its own.

    Frames are as likely to be learned from as the mixture of the options says.
    """
    found = sequences.concatenated(
        project_clip(motions.clip(index), motions, options, rng)[0]
        for index in range(len(motions))
        for _ in range(cameras)
    )
    _, number_F = np.unique(found.first_F, return_inverse=True)
    weights = np.repeat(frame_weights(motions, options.mixture), cameras)
    return replace(found, weight_F=weights[number_F])


def project_clip(
    positions_TM3: Floats, motions: MotionSet, options: ProjectionOptions, rng: np.random.Generator
) -> tuple[sequences.PoseSequence, SyntheticCamera]:
    """Augment one clip (T, M, 3), world axes in metres with y up, and project it.

    With the sequence comes the random camera that it was projected by.
    """
    settings = options.augmentations
    positions = augment(Stage.MOTION, positions_TM3, settings, motions, rng)
    camera = random_camera(positions[:, 0], rng)
    camera = augment(Stage.CAMERA, camera, settings, motions, rng)
    sequence = project(camera.to_camera(positions), motions, camera, options, rng)
    if options.flip and rng.random() < 0.5:
        sequence = sequences.mirrored(
            sequence, FORMATS[options.keypoint_format].mirror, H36M17.mirror
        )
    return sequence, camera


def project(
    points_TM3: Floats,
    motions: MotionSet,
    camera: SyntheticCamera,
    options: ProjectionOptions,
    rng: np.random.Generator,
) -> sequences.PoseSequence:
    """Project points in camera axes, add detector noise, and encode the keypoints."""
    detected = _detected(points_TM3, motions, camera, options, rng)
    encoded = sequences.encode(
        detected,
        options,
        camera.image_size,
        camera.known_intrinsics,
        motions.fps,
        options.reject_outliers,
    )
    assert encoded is not None, "the simulated detector keeps the first frame"
    assumed = ASSUMED_SCREEN_CAMERA
    if options.normalisation == "person":
        assumed = ScreenCamera.of(camera.known_intrinsics, camera.image_size)
    points = _as_assumed(points_TM3[encoded.frames, : len(H36M17.joints)], camera, assumed)
    return sequences.pose_sequence(encoded, points, sequences.screen_parameters(assumed))


def _detected(
    points_TM3: Floats,
    motions: MotionSet,
    camera: SyntheticCamera,
    options: ProjectionOptions,
    rng: np.random.Generator,
) -> Floats:
    """What a detector finds (T, J, 3) of points in camera axes: pixels and scores."""
    columns = _columns(options.keypoint_format, motions)
    points_TM3 = augment(Stage.POINTS, points_TM3, options.augmentations, motions, rng)
    pixels = camera.intrinsics.project(points_TM3[:, columns]).astype(np.float32)
    # A clip that was sped up may be a hurried person as well as a slow camera, so a detector's
    # errors last as many frames of it as of any other.
    noise = NoiseLevel().scaled(rng.uniform(*options.noise))
    detected: Floats = detect(pixels, options.keypoint_format, noise, motions.fps, rng)
    detected = augment(Stage.KEYPOINTS, detected, options.augmentations, motions, rng)
    return detected if options.spoil is None else options.spoil(detected, rng)


def _columns(keypoint_format: str, motions: MotionSet) -> list[int]:
    """The places of a format's joints among the points of the motion."""
    # Human3.6M, and with it the prepared motion, calls the ankle a foot.
    names = [name.replace("_ankle", "_foot") for name in FORMATS[keypoint_format].joints]
    if lacking := [name for name in names if name not in motions.joint_names]:
        expected = f"joints that the motion has, which {', '.join(lacking)} are not"
        raise InvalidInput.at("keypoint_format", expected)
    return [motions.joint_names.index(name) for name in names]


def _as_assumed(points_TK3: Floats, camera: SyntheticCamera, assumed: ScreenCamera) -> Floats:
    """The person where they would look the same through the assumed camera.

    Poses stay as they are; only the root moves, since the camera decides how far away it is.
    """
    true = ScreenCamera.of(camera.intrinsics, camera.image_size)
    trajectory_T13 = points_TK3[:, :1]
    return points_TK3 + (trajectory_T13 @ true.seen_by(assumed) - trajectory_T13)
