"""Keypoints as a detector would have found them: with bias, jitter, swaps and missing joints.

The shares and spreads are rounded from what detectors of people show on video
(``training.evaluation.wild.trial`` compares both): errors scale with the person's size
in the image; what differs from detector to detector grows from face to hips (the per-joint
constants of the COCO keypoint task), what changes from frame to frame is worst at wrists and
ankles; most of an error lasts for many frames, now and then a joint is found badly for a while, and
a few errors are gross. Scores fall with gross errors, though not with all, and now and then
without any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from poselift.formats import FORMATS
from training.array_types import Array, Floats

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
_SWAPPED = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot"))


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
    return _Detector(FORMATS[keypoint_format].joints, level, fps, rng).detect(keypoints_TJ2)


@dataclass(frozen=True)
class _Detector:
    names: Sequence[str]
    level: NoiseLevel
    fps: float
    rng: np.random.Generator

    def detect(self, keypoints_TJ2: Floats) -> Floats:
        frames, joints, _ = keypoints_TJ2.shape
        extent_T11 = np.ptp(keypoints_TJ2, axis=1).max(axis=-1)[:, None, None]
        errors = self._errors(frames)
        for span in self._spans(frames, self.level.outliers_per_s * joints, "outlier"):
            errors[span, self.rng.integers(joints)] += self.rng.normal(0, _OUTLIER_SIZE, 2)
        scores = self._scores(errors)
        detected = np.concatenate([keypoints_TJ2 + extent_T11 * errors, scores], axis=-1)
        self._swap_sides(detected)
        self._lose(detected)
        return detected.astype(np.float32)

    def _errors(self, frames: int) -> Array:
        """Errors (T, J, 2) in shares of the person's extent, but for the gross ones."""
        level, joints = self.level, len(self.names)
        spread_J1 = self._of_joints(_SPREADS, _OTHER_SPREAD) / _SPREADS["shoulder"]
        harder_J1 = self._of_joints(_HARDER, 1.0)
        white = self.rng.standard_normal((frames, joints, 2), dtype=np.float32)
        bias = self.rng.standard_normal((1, joints, 2))
        unsteady = np.exp(_ERROR_SIZE_SPREAD * self._drifting((frames, joints, 1)))
        moving = level.drift * self._drifting((frames, joints, 2)) + level.jitter * white
        total: Array = level.bias * bias + harder_J1 * unsteady * moving
        return total * spread_J1

    def _scores(self, errors_TJ2: Array) -> Array:
        """Scores (T, J, 1) that fall with errors as COCO's keypoint similarity does, more or less.

        Its scale is the root of the person's area, which is about half of the extent; that cancels
        the 2 in its constants, twice the spreads.
        """
        shape = (*errors_TJ2.shape[:2], 1)
        sharpness = np.exp(_SHARPNESS_SPREAD * self._drifting(shape))
        error = np.linalg.norm(errors_TJ2, axis=-1, keepdims=True)
        error = error / self._of_joints(_SPREADS, _OTHER_SPREAD)
        doubt = self.level.doubt * np.abs(self._drifting(shape))
        return np.asarray(np.exp(-sharpness * error**2 / 2 - doubt))

    def _drifting(self, shape: tuple[int, ...]) -> Array:
        """Slowly changing numbers (T, …) of unit variance."""
        autocorrelation = np.exp(-1 / (_DRIFT_MEMORY_S * self.fps))
        start = self.rng.standard_normal((1, *shape[1:]))
        steps = self.rng.standard_normal(shape, dtype=np.float32)
        gain = np.sqrt(1 - autocorrelation**2)  # keeps them at unit variance
        drift, _ = lfilter([gain], [1, -autocorrelation], steps, axis=0, zi=autocorrelation * start)
        return np.asarray(drift)

    def _of_joints(self, values: Mapping[str, float], other: float) -> Array:
        """What is said of each joint (J, 1), or of the others."""
        said = [
            next((value for part, value in values.items() if name.endswith(part)), other)
            for name in self.names
        ]
        return np.array(said)[:, None]

    def _swap_sides(self, detected_TJ3: Array) -> None:
        names = self.names
        for span in self._spans(len(detected_TJ3), self.level.swaps_per_s, "swap"):
            parts = _SWAPPED[self.rng.integers(2)]
            left = [names.index(n) for n in names if n.startswith("left_") and n.endswith(parts)]
            right = [names.index(names[i].replace("left_", "right_")) for i in left]
            detected_TJ3[span, left + right] = detected_TJ3[span, right + left]

    def _lose(self, detected_TJ3: Array) -> None:
        """Take joints and whole frames away for a while."""
        level, rng, (frames, joints, _) = self.level, self.rng, detected_TJ3.shape
        for span in self._spans(frames, level.occlusions_per_s * joints, "occlusion"):
            detected_TJ3[span, rng.integers(joints), 2] = 0
        for span in self._spans(frames, level.occluded_sides_per_s, "occlusion"):
            side = ("left_", "right_")[rng.integers(2)]
            occluded = [
                joint
                for joint, name in enumerate(self.names)
                if name.startswith(side) and rng.random() < 0.7
            ]
            detected_TJ3[span, occluded, 2] = 0
        for span in self._spans(frames, level.lost_frames_per_s, "lost"):
            # The first frame stays, so that a clip begins where it begins.
            detected_TJ3[max(span.start, 1) : span.stop, :, 2] = 0

    def _spans(self, frames: int, per_s: float, kind: str) -> list[slice]:
        """Random spans of frames, ``per_s`` of them a second, each of at least one frame."""
        count = self.rng.poisson(per_s * frames / self.fps)
        starts = self.rng.integers(0, frames, count)
        lengths = self.rng.integers(1, max(2, int(_LONGEST_S[kind] * self.fps) + 1), count)
        return [slice(int(a), int(a + n)) for a, n in zip(starts, lengths, strict=True)]
