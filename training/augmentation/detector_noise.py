"""Keypoints as a detector would have found them: with bias, jitter, swaps and missing joints.

The shares and spreads are rounded from what detectors of people show on video
(``training.evaluation.wild.detectors`` puts both side by side): errors scale with the person's size
in the image; what differs from detector to detector grows from face to hips (the per-joint
constants of the COCO keypoint task), what changes from frame to frame is worst at wrists and
ankles; most of an error lasts for many frames, now and then a joint is found badly for a while, and
a few errors are gross. Scores fall with gross errors, though not with all, and now and then
without any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from poselift.formats import FORMATS

Floats = NDArray[np.float32]

_SPREADS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
"""COCO's per-joint spreads, relative to each other."""
_OTHER_SPREAD = 0.08
_HARDER = {"elbow": 1.3, "wrist": 1.8, "hip": 0.8, "knee": 1.1, "ankle": 1.3}
"""How much more or less than by that joints are missed from frame to frame."""
_SHARPNESS_SPREAD = 1.5
"""Of the logarithm of how sharply scores fall with errors, which changes over half a second too:
a detector does not always know that it is wrong."""
_ERROR_SIZE_SPREAD = 0.6
"""Spread of the logarithm by which a joint's errors grow and shrink again over half a second."""


@dataclass(frozen=True)
class NoiseLevel:
    """Strengths of each kind of error.

    Bias, drift and jitter are shares of the person's extent in the image.
    """

    bias: float = 0.008
    """Constant over a clip: what one detector calls a hip is not what another does."""
    drift: float = 0.008
    """Slowly changing, over about half a second."""
    jitter: float = 0.003
    """New in every frame."""
    doubt: float = 0.1
    """How far scores fall without any error: a spread of their logarithm."""
    outliers_per_s: float = 0.05
    """Gross errors of a joint, each lasting a few frames."""
    swaps_per_s: float = 0.02
    """Left taken for right, in arms or legs."""
    occlusions_per_s: float = 0.05
    """A joint goes missing for up to a second."""
    lost_frames_per_s: float = 0.05
    """The whole person goes missing for up to 0.2 s."""
    occluded_sides_per_s: float = 0.02
    """Much of one side goes missing for up to a second, behind the body or behind something."""

    def scaled(self, factor: float) -> "NoiseLevel":
        """Every strength multiplied by ``factor``."""
        return NoiseLevel(**{name: value * factor for name, value in vars(self).items()})


_DRIFT_MEMORY_S = 0.49
"""After so long, slowly changing errors are down to a share of 1/e."""
_OUTLIER_SIZE = 0.08
_LONGEST_S = {"outlier": 0.2, "swap": 0.3, "occlusion": 1.0, "lost": 0.2}


def detect(
    keypoints_TJ2: Floats,
    keypoint_format: str,
    level: NoiseLevel,
    fps: float,
    rng: np.random.Generator,
) -> Floats:
    """True keypoints in pixels to detected ones (T, J, 3): x, y and score.

    Scores are 0 where nothing was found, and below ``MIN_SCORE`` where that is as good as nothing.
    """
    frames, joints, _ = keypoints_TJ2.shape
    names = FORMATS[keypoint_format].joints
    extent_T11 = np.ptp(keypoints_TJ2, axis=1).max(axis=-1)[:, None, None]
    errors = _errors(frames, names, level, fps, rng)
    for span in _spans(frames, level.outliers_per_s * joints, "outlier", fps, rng):
        errors[span, rng.integers(joints)] += rng.normal(0, _OUTLIER_SIZE, 2)
    scores = _scores(errors, names, level, fps, rng)
    detected = np.concatenate([keypoints_TJ2 + extent_T11 * errors, scores], axis=-1)
    _swap_sides(detected, names, level, fps, rng)
    _lose(detected, names, level, fps, rng)
    return detected.astype(np.float32)


def _errors(
    frames: int, names: Sequence[str], level: NoiseLevel, fps: float, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Errors (T, J, 2) in shares of the person's extent, but for the gross ones."""
    joints = len(names)
    spread_J1 = _of_joints(names, _SPREADS, _OTHER_SPREAD)[:, None] / _SPREADS["shoulder"]
    harder_J1 = _of_joints(names, _HARDER, 1.0)[:, None]
    white = rng.standard_normal((frames, joints, 2), dtype=np.float32)
    bias = rng.standard_normal((1, joints, 2))
    unsteady = np.exp(_ERROR_SIZE_SPREAD * _drifting((frames, joints, 1), fps, rng))
    moving = level.drift * _drifting((frames, joints, 2), fps, rng) + level.jitter * white
    total: NDArray[np.floating] = level.bias * bias + harder_J1 * unsteady * moving
    return total * spread_J1


def _scores(
    errors_TJ2: NDArray[np.floating],
    names: Sequence[str],
    level: NoiseLevel,
    fps: float,
    rng: np.random.Generator,
) -> NDArray[np.floating]:
    """Scores (T, J, 1) that fall with errors as COCO's keypoint similarity does, more or less.

    Its scale is the root of the person's area, which is about half of the extent; that cancels
    the 2 in its constants, twice the spreads.
    """
    spread_J1 = _of_joints(names, _SPREADS, _OTHER_SPREAD)[:, None]
    shape = (*errors_TJ2.shape[:2], 1)
    sharpness = np.exp(_SHARPNESS_SPREAD * _drifting(shape, fps, rng))
    error = np.linalg.norm(errors_TJ2, axis=-1, keepdims=True) / spread_J1
    scores: NDArray[np.floating] = np.exp(
        -sharpness * error**2 / 2 - level.doubt * np.abs(_drifting(shape, fps, rng))
    )
    return scores


def _drifting(shape: tuple[int, ...], fps: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """Slowly changing numbers (T, …) of unit variance."""
    autocorrelation = np.exp(-1 / (_DRIFT_MEMORY_S * fps))
    start = rng.standard_normal((1, *shape[1:]))
    steps = rng.standard_normal(shape, dtype=np.float32)
    gain = np.sqrt(1 - autocorrelation**2)  # keeps them at unit variance
    drift, _ = lfilter([gain], [1, -autocorrelation], steps, axis=0, zi=autocorrelation * start)
    numbers: NDArray[np.floating] = drift
    return numbers


def _of_joints(
    names: Sequence[str], values: Mapping[str, float], other: float
) -> NDArray[np.floating]:
    """What is said of each joint, or of the others."""
    return np.array(
        [next((v for part, v in values.items() if name.endswith(part)), other) for name in names]
    )


def _swap_sides(
    detected_TJ3: NDArray[np.floating],
    names: Sequence[str],
    level: NoiseLevel,
    fps: float,
    rng: np.random.Generator,
) -> None:
    limbs = [("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot")]
    for span in _spans(len(detected_TJ3), level.swaps_per_s, "swap", fps, rng):
        parts = limbs[rng.integers(2)]
        left = [names.index(n) for n in names if n.startswith("left_") and n.endswith(parts)]
        right = [names.index(names[i].replace("left_", "right_")) for i in left]
        detected_TJ3[span, left + right] = detected_TJ3[span, right + left]


def _lose(
    detected_TJ3: NDArray[np.floating],
    names: Sequence[str],
    level: NoiseLevel,
    fps: float,
    rng: np.random.Generator,
) -> None:
    """Take joints and whole frames away for a while."""
    frames, joints, _ = detected_TJ3.shape
    for span in _spans(frames, level.occlusions_per_s * joints, "occlusion", fps, rng):
        detected_TJ3[span, rng.integers(joints), 2] = 0
    for span in _spans(frames, level.occluded_sides_per_s, "occlusion", fps, rng):
        side = ("left_", "right_")[rng.integers(2)]
        occluded = [
            i for i, name in enumerate(names) if name.startswith(side) and rng.random() < 0.7
        ]
        detected_TJ3[span, occluded, 2] = 0
    for span in _spans(frames, level.lost_frames_per_s, "lost", fps, rng):
        # The first frame stays, so that a clip begins where it begins.
        detected_TJ3[max(span.start, 1) : span.stop, :, 2] = 0


def _spans(
    frames: int, per_s: float, kind: str, fps: float, rng: np.random.Generator
) -> list[slice]:
    """Random spans of frames, ``per_s`` of them a second, each of at least one frame."""
    count = rng.poisson(per_s * frames / fps)
    starts = rng.integers(0, frames, count)
    lengths = rng.integers(1, max(2, int(_LONGEST_S[kind] * fps) + 1), count)
    return [slice(int(a), int(a + n)) for a, n in zip(starts, lengths, strict=True)]
