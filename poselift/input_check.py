"""Keypoints that are probably not what they are taken for: refused where that is certain.

What is doubtful comes with a warning. ``Observed`` counts what a warning rests on, so that the
frames of a live stream add up to what the whole clip would show. The thresholds lie between what
real clips and wrong ones show; ``docs/warnings.md`` has both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.poses import PoseWarning

Coordinates: TypeAlias = Literal["pixels", "normalized"]
"""``normalized`` runs from 0 to 1 over the width and the height of the image."""

_NORMALISED_WITHIN: Final = 2.0
"""Pixels of a person reach farther than this, normalised coordinates do not."""
_SMALLEST_IMAGE: Final = 20.0
"""A side in pixels; a person in a smaller image may lie within normalised coordinates."""
_MOST: Final = 0.95
"""The share of joints that must look normalised: a few are outliers."""
_ONE_POINT: Final = 1e-3
"""A person no larger than this share of the image is a point."""
_CONFIDENT: Final = 0.5
"""Scores from which a joint outside the image counts."""
_BORDER: Final = 0.02
"""How far outside still counts as on the border, in shares of the image."""
_OUTSIDE: Final = 0.08
"""The share of confident joints outside the image; real clips have 0.036 at most, those of another
image size from 0.1."""
_SMALL: Final = 0.03
"""The share of the image that a person spans; real clips show 0.17 and more."""
_UPSIDE_DOWN: Final = 0.9
"""The share of frames."""
_FEWEST_FRAMES: Final = 5
_FEWEST_CONFIDENT: Final = 50
_FEWEST_JOINTS: Final = 4


class Observed(NamedTuple):
    """What was seen of a person; of several frames it is the sum."""

    frames: int
    """In which the person is in view,"""
    small: int
    """and spans next to nothing of the image,"""
    upright: int
    """or has the hips below the shoulders and the feet below the hips,"""
    upside_down: int
    """or the other way round."""
    confident: int
    """Joints of scores that mean something,"""
    outside: int
    """those of them outside the image,"""
    outside_swapped: int
    """and outside an image of swapped width and height."""

    @classmethod
    def of(cls, counts_TN: NDArray[np.int64]) -> "Observed":
        """The sum of rows that ``InputCheck.observe`` counted."""
        return cls(*counts_TN.sum(axis=0).tolist())


@dataclass(frozen=True)
class InputCheck:
    """Checks keypoints (…, J, 3) of one format, in pixels of images of one size."""

    keypoint_format: str
    image_size: tuple[float, float]

    def refuse_wrong(self, keypoints_TJ3: Floats, where: str) -> None:
        """Refuse what certainly is no person in pixels of this image.

        Args:
            keypoints_TJ3: pixels and score, 0 where missing.
            where: the place of the keypoints in the request.

        Raises:
            InvalidInput: naming what it looks like.
        """
        measured_TJ = keypoints_TJ3[..., 2] > 0
        measured = keypoints_TJ3[measured_TJ][:, :2]
        if len(measured) == 0:
            return
        is_near_origin = np.abs(measured).max(axis=1) <= _NORMALISED_WITHIN
        if is_near_origin.mean() >= _MOST and min(self.image_size) >= _SMALLEST_IMAGE:
            raise InvalidInput.at(where, self._not_normalised(measured))
        spans_T = _spans(keypoints_TJ3, measured_TJ)
        spans_T = spans_T[measured_TJ.sum(axis=1) >= _FEWEST_JOINTS]
        if len(spans_T) and spans_T.max() <= _ONE_POINT * max(self.image_size):
            raise InvalidInput.at(
                where, f"a person; all joints lie within {spans_T.max():g} pixels of each other"
            )

    def _not_normalised(self, measured: Floats) -> str:
        width, height = self.image_size
        expected = f"pixels of an image of {width:g} x {height:g}; these look like normalised "
        if (measured < -_BORDER).any(axis=1).mean() > _BORDER:
            return f"{expected}coordinates from -1 to 1: convert them to pixels"
        return (
            f'{expected}coordinates from 0 to 1: add "coordinates": "normalized", '
            "or convert them to pixels"
        )

    def observe(self, keypoints_TJ3: Floats) -> NDArray[np.int64]:
        """Count in each frame what warnings rest on: rows (T, 7) of ``Observed``."""
        measured_TJ = keypoints_TJ3[..., 2] > 0
        joints = _joints(self.keypoint_format)
        spans_T = _spans(keypoints_TJ3, measured_TJ)
        is_seen_T = measured_TJ.sum(axis=1) >= _FEWEST_JOINTS
        sides = _sides_up(keypoints_TJ3[..., 1], measured_TJ, joints)
        confident = keypoints_TJ3[:, joints.not_extrapolated, 2] >= _CONFIDENT
        places = keypoints_TJ3[:, joints.not_extrapolated, :2]
        size = np.array(self.image_size, np.float32)
        counts = (
            is_seen_T,
            is_seen_T & (spans_T < _SMALL * max(self.image_size)),
            sides == 1,
            sides == -1,
            confident.sum(axis=1),
            (confident & _is_outside(places, size)).sum(axis=1),
            (confident & _is_outside(places, size[::-1])).sum(axis=1),
        )
        return np.stack(counts, axis=1).astype(np.int64)

    def doubts(self, observed: Observed) -> Iterator[PoseWarning]:
        """What is doubtful about a person observed like this."""
        width, height = self.image_size
        if observed.frames >= _FEWEST_FRAMES:
            if observed.small > _MOST * observed.frames:
                yield PoseWarning(
                    "person_small",
                    f"the person spans less than {_SMALL:.0%} of the image of "
                    f"{width:g} x {height:g}: check coordinates and image_size",
                )
            if observed.upside_down > max(_UPSIDE_DOWN * observed.frames, observed.upright):
                yield PoseWarning(
                    "upside_down",
                    "the feet are above the head throughout: check that y points down",
                )
        outside = observed.outside / max(observed.confident, 1)
        if observed.confident >= _FEWEST_CONFIDENT and outside > _OUTSIDE:
            yield PoseWarning("outside_image", self._outside(observed, outside))

    def _outside(self, observed: Observed, share: float) -> str:
        width, height = self.image_size
        found = f"{share:.0%} of the joints lie outside the image of {width:g} x {height:g}"
        if observed.outside_swapped < share * observed.confident / 4:
            return f"{found}: they fit {height:g} x {width:g}, check image_size"
        return f"{found}: check image_size"


def mark_missing(keypoints: Floats) -> Floats:
    """Score 0 for joints that detectors put at (0, 0) or (-1, -1) when they find none.

    Args:
        keypoints: (…, 3) as sent, before any scaling.
    """
    x, y = keypoints[..., 0], keypoints[..., 1]
    is_missing = (x == y) & ((x == 0) | (x == -1)) & (keypoints[..., 2] != 0)
    if not is_missing.any():
        return keypoints
    marked = keypoints.copy()
    marked[is_missing, 2] = 0
    return marked


def to_pixels(
    keypoints: Floats, coordinates: Coordinates, image_size: tuple[float, float]
) -> Floats:
    """Keypoints (…, 3) as sent, in pixels and with missing ones marked."""
    marked = mark_missing(keypoints)
    if coordinates == "pixels":
        return marked
    with np.errstate(over="ignore"):  # numbers near the largest float32 are refused later on
        return marked * np.array([*image_size, 1], np.float32)


class _Joints(NamedTuple):
    """The joints of a format that tell something about the input."""

    shoulders: list[int]
    hips: list[int]
    feet: list[int]
    not_extrapolated: list[int]
    """Those that detectors only find inside the image."""


@lru_cache(16)
def _joints(keypoint_format: str) -> _Joints:
    names = FORMATS[keypoint_format].joints

    def ending(*parts: str) -> list[int]:
        return [i for i, name in enumerate(names) if name.endswith(parts)]

    below = ending("hip", "knee", "ankle", "heel", "foot_index")
    # MediaPipe puts legs that it does not see below the picture, at times with high scores.
    extrapolated = set(below) if keypoint_format == "mediapipe33" else set()
    return _Joints(
        ending("_shoulder"),
        ending("_hip"),
        ending("_ankle", "_foot", "_knee"),
        [joint for joint in range(len(names)) if joint not in extrapolated],
    )


def _spans(keypoints_TJ3: Floats, measured_TJ: Mask) -> Floats:
    """The larger side (T,) of the box around the measured joints; 0 where there are none."""
    low = np.where(measured_TJ[..., None], keypoints_TJ3[..., :2], np.float32(np.inf)).min(axis=1)
    high = np.where(measured_TJ[..., None], keypoints_TJ3[..., :2], -np.float32(np.inf)).max(axis=1)
    with np.errstate(over="ignore"):
        spans: Floats = np.maximum((high - low).max(axis=1), 0)
    return spans


def _is_outside(places: Floats, size: Floats) -> Mask:
    outside: Mask = (places < -_BORDER * size) | (places > (1 + _BORDER) * size)
    return outside[..., 0] | outside[..., 1]


def _sides_up(y_TJ: Floats, measured_TJ: Mask, joints: _Joints) -> NDArray[np.int64]:
    """1 where a person stands upright in the image, -1 where upside down, else 0 (T,)."""
    parts = (joints.shoulders, joints.hips, joints.feet)
    is_known = np.stack([measured_TJ[:, part].any(axis=1) for part in parts]).all(axis=0)
    heights = [np.where(measured_TJ[:, part], y_TJ[:, part], 0).sum(axis=1) for part in parts]
    counts = [np.maximum(measured_TJ[:, part].sum(axis=1), 1) for part in parts]
    shoulder, hip, foot = (h / n for h, n in zip(heights, counts, strict=True))
    signs = np.where((shoulder < hip) & (hip < foot), 1, 0)
    return np.where(is_known, np.where((shoulder > hip) & (hip > foot), -1, signs), 0)
