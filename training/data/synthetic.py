"""Views: motion filmed by random cameras and found by an imagined detector, ready to be trained on.

Whole clips are filmed once an epoch and windows are cut from them by index; filming every window
by itself would cost a receptive field times as much.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import MIN_SCORE, fill
from poselift.normalisation import Kind, ScreenCamera, normaliser
from poselift.skeletons import H36M17
from training.augmentation.articulation import jitter_joint_angles, lay_down_person, seat_person
from training.augmentation.detector_noise import NoiseLevel, cut_off, detect
from training.augmentation.recombination import LIMBS, scale_bones, swap_limbs
from training.augmentation.synthetic_camera import View, random_camera, tipped_over
from training.data.datasets.motion import MotionSet
from training.data.sequences import (
    PoseSequence,
    Sequences,
    filmed,
    joined,
    mirrored,
    screen_parameters,
)

Floats = NDArray[np.float32]
Occlude = Callable[[Floats, np.random.Generator], Floats]
"""Takes some of a clip's detected keypoints (T, J, 3) away."""

SYNTHETIC_CAMERA = ScreenCamera((2.0, 2.0), (0.0, 0.0))
"""The lens that ``screen`` models of virtual cameras take every lens for: they cannot tell."""


@dataclass(frozen=True)
class ProjectionOptions:
    """How motion becomes training input."""

    keypoint_format: str
    normalisation: Kind
    causal: bool
    """Missing keypoints are filled as the service does it for such a model."""
    noise: tuple[float, float] = (0.0, 1.5)
    """Range of the noise level; 1 is an ordinary detector's."""
    speed: tuple[float, float] = (1.0, 1.0)
    """Range by which clips are sped up, which also stands for other frame rates."""
    flip: bool = False
    """Mirror half of the clips."""
    backwards: float = 0.0
    """The share of clips that run backwards in time."""
    recombination: float = 0.0
    """The share of clips that get their arms or legs from another clip."""
    proportions: float = 0.0
    """Spread of the factors by which bones are made longer or shorter."""
    bending: float = 0.0
    """The share of clips in which joints are bent further."""
    sitting: float = 0.0
    """The share of clips whose people are seated."""
    lying: float = 0.0
    """The share of clips whose people are laid down."""
    roll: float = 0.0
    """The share of clips whose camera is tipped over sideways."""
    cut_off: float = 0.0
    """The share of clips in which an edge of the picture cuts people off."""
    hide: Occlude | None = None
    """What else takes detected keypoints away, to measure what comes of it."""

    def for_evaluation(self, noise: float) -> "ProjectionOptions":
        """Motion as it was recorded, seen by a detector of this noise level."""
        return replace(
            self,
            noise=(noise, noise),
            speed=(1.0, 1.0),
            flip=False,
            backwards=0.0,
            recombination=0.0,
            proportions=0.0,
            bending=0.0,
            sitting=0.0,
            lying=0.0,
            roll=0.0,
            cut_off=0.0,
        )


def project_all(
    motions: MotionSet, options: ProjectionOptions, rng: np.random.Generator, views: int = 1
) -> Sequences:
    """Film every clip ``views`` times, each time with a camera and noise of its own."""
    return joined(
        film(motions.clip(index), motions, options, rng)
        for index in range(len(motions))
        for _ in range(views)
    )


def film(
    positions_TM3: Floats,
    motions: MotionSet,
    options: ProjectionOptions,
    rng: np.random.Generator,
) -> PoseSequence:
    """Film one clip (T, M, 3), world axes in metres with y up, by a random camera."""
    clip, _ = project_with_camera(positions_TM3, motions, options, rng)
    return clip


def project_with_camera(
    positions_TM3: Floats,
    motions: MotionSet,
    options: ProjectionOptions,
    rng: np.random.Generator,
) -> tuple[PoseSequence, View]:
    """Film one clip, and tell by which camera."""
    positions = augmented_motion(positions_TM3, motions, options, rng)
    view = random_camera(positions[:, 0], rng)
    if _happens(options.roll, rng):
        view = tipped_over(view, rng)
    clip = see(view.to_camera(positions), motions, view, options, rng)
    if options.flip and rng.random() < 0.5:
        clip = mirrored(clip, FORMATS[options.keypoint_format].mirror, H36M17.mirror)
    return clip, view


def augmented_motion(
    positions_TM3: Floats,
    motions: MotionSet,
    options: ProjectionOptions,
    rng: np.random.Generator,
) -> Floats:
    """A clip as it might have been: at another speed, backwards, by another body."""
    positions = change_speed(positions_TM3, float(np.exp(rng.uniform(*np.log(options.speed)))))
    names = motions.joint_names
    for limbs in LIMBS:
        if _happens(options.recombination, rng):
            donor = motions.clip(int(rng.integers(len(motions))))
            positions = swap_limbs(positions, donor, names, limbs)
    if _happens(options.sitting, rng):
        positions = seat_person(positions, names, rng)
    if _happens(options.bending, rng):
        positions = jitter_joint_angles(positions, names, motions.fps, rng)
    if _happens(options.lying, rng):
        positions = lay_down_person(positions, rng)
    if options.proportions:
        positions = scale_bones(positions, options.proportions, rng)
    return positions[::-1] if _happens(options.backwards, rng) else positions


def _happens(share: float, rng: np.random.Generator) -> bool:
    """Whether it happens to this clip; what never does leaves the generator alone.

    So measuring motion as it was recorded does not depend on how many ways there are to vary it.
    """
    return share > 0 and rng.random() < share


def see(
    points_TM3: Floats,
    motions: MotionSet,
    view: View,
    options: ProjectionOptions,
    rng: np.random.Generator,
) -> PoseSequence:
    """Project points in camera axes, add a detector's errors, fill the gaps and normalise."""
    names = FORMATS[options.keypoint_format].joints
    # Human3.6M, and with it the prepared motion, calls the ankle a foot.
    lacking = [name for name in names if name.replace("_ankle", "_foot") not in motions.joint_names]
    if lacking:
        raise InvalidInput.at(
            "keypoint_format", f"joints that the motion has, which {', '.join(lacking)} are not"
        )
    columns = [motions.joint_names.index(name.replace("_ankle", "_foot")) for name in names]
    pixels = view.lens.project(points_TM3[:, columns]).astype(np.float32)
    strength = rng.uniform(*options.noise)
    # A clip that was sped up may be a hurried person as well as a slow camera, so a detector's
    # errors last as many frames of it as of any other.
    noise = NoiseLevel().scaled(strength)
    detected = detect(pixels, options.keypoint_format, noise, motions.fps, rng)
    if _happens(options.cut_off, rng):
        detected = cut_off(detected, rng)
    if options.hide is not None:
        detected = options.hide(detected, rng)
    filled = fill(
        detected,
        causal=options.causal,
        min_score=MIN_SCORE,
        max_gap_frames=len(detected),  # no frame is given up: each one has a true pose to learn
        format=FORMATS[options.keypoint_format],
    )
    prepare = normaliser(options.normalisation, names, view.image_size, view.known_intrinsics)
    normalised, inverse = prepare(filled.keypoints_TJ2)
    assumed = SYNTHETIC_CAMERA
    if options.normalisation == "person":
        assumed = ScreenCamera.of(view.known_intrinsics, view.image_size)
    points = _as_assumed(points_TM3[:, : len(H36M17.joints)], view, assumed)
    return filmed(normalised, points, inverse, screen_parameters(assumed))


def _as_assumed(points_TK3: Floats, view: View, assumed: ScreenCamera) -> Floats:
    """The person where one must be who looks the same through the lens that is thought to be.

    Poses stay as they are; only the root moves, since distances cannot be told without the lens.
    """
    lens = ScreenCamera.of(view.lens, view.image_size)
    roots = points_TK3[:, :1]
    return points_TK3 + (roots @ lens.seen_by(assumed) - roots)


def change_speed(positions_TM3: Floats, speed: float) -> Floats:
    """Resample a clip as if it had been performed ``speed`` times as fast, linearly in time."""
    last = len(positions_TM3) - 1
    if speed == 1.0 or last < 1:
        return positions_TM3
    times = np.arange(0, last, speed)
    before = np.minimum(times.astype(np.int64), last - 1)
    share = (times - before).astype(np.float32)[:, None, None]
    sped: Floats = positions_TM3[before] * (1 - share) + positions_TM3[before + 1] * share
    return sped
