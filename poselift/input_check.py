"""Keypoints that are probably not what they are taken for: refused where that is certain.

What is doubtful comes with a warning. ``Observed`` counts what a warning rests on, so that the
frames of a live stream add up to what the whole clip would show. The thresholds lie between what
real clips and wrong ones show; ``docs/warnings.md`` has both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask, by_coordinate
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.poses import PoseWarning

_AnyArray = TypeVar("_AnyArray", NDArray[np.float32], NDArray[np.complex128])
Coordinates: TypeAlias = Literal["pixels", "normalized"]
"""``normalized`` runs from 0 to 1 over the width and the height of the image."""

_COORDINATES: Final = get_args(Coordinates)
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
_FAR_OUTSIDE: Final = 10.0
"""In images; people whose joints all lie farther out were given in other units."""
_FLAT: Final = 0.01
"""Joints that spread by less than this share across their line lie on it. People seen from the side
spread by several times as much."""
_MANY_OUTLIERS: Final = 0.05
"""The share of the measured joints that were rejected."""
_FEWEST_FRAMES: Final = 5
_FEWEST_CONFIDENT: Final = 50
_FEWEST_JOINTS: Final = 4
_FEWEST_JOINTS_OF_A_BODY: Final = 6
_FRAMES_REFUSED_BY: Final = 8
_FRAMES_OBSERVED: Final = 100
"""Of a long clip so many frames are looked at, evenly spread: what is wrong is so throughout."""


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
    """and of these those that are outside an image of swapped width and height too."""
    degenerate: int
    """Frames in which the joints lie on a line, or most of them in one point."""

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
        expected = self._expected_instead(_some(keypoints_TJ3, _FRAMES_REFUSED_BY))
        if expected is not None:
            raise InvalidInput.at(where, expected)

    def observe_clip(self, keypoints_TJ3: Floats, where: str) -> Observed:
        """Refuse a clip as ``refuse_wrong`` does, and observe it in some of its frames if many."""
        view = _View.of(_some(keypoints_TJ3, _FRAMES_OBSERVED))
        is_usual = 0 < len(view.joints_T) == len(keypoints_TJ3) and self._is_usual(view)
        if not is_usual:
            self.refuse_wrong(keypoints_TJ3, where)
        return Observed.of(self._counts(view))

    def _is_usual(self, view: "_View") -> bool:
        """Whether a whole person is within the image throughout: quick, and often true."""
        box = view.box
        return (
            view.is_complete
            and self._is_inside(box)
            and bool(box.low_2T.min(axis=1).max() > _NORMALISED_WITHIN)
            and bool(view.spans.min() > _ONE_POINT * max(self.image_size))
        )

    def _expected_instead(self, keypoints_TJ3: Floats) -> str | None:
        measured = keypoints_TJ3[keypoints_TJ3[..., 2] > 0][:, :2]
        if len(measured) == 0:
            return None
        near = np.count_nonzero(np.abs(measured).max(axis=1) <= _NORMALISED_WITHIN)
        if near >= _MOST * len(measured) and min(self.image_size) >= _SMALLEST_IMAGE:
            return self._not_normalised(measured)
        images = np.abs(measured / np.array(self.image_size)).max(axis=1)
        if np.count_nonzero(images > _FAR_OUTSIDE) >= _MOST * len(measured):
            return self._pixels("lie farther outside than ten images; check coordinates")
        view = _View.of(keypoints_TJ3)
        spans_T = view.spans[view.joints_T >= _FEWEST_JOINTS]
        if len(spans_T) and spans_T.max() <= _ONE_POINT * max(self.image_size):
            return f"a person; all joints lie within {spans_T.max():g} pixels of each other"
        return None

    def _not_normalised(self, measured: Floats) -> str:
        if (measured < -_BORDER).any(axis=1).mean() > _BORDER:
            return self._pixels(
                "look like normalised coordinates from -1 to 1: convert them to pixels"
            )
        return self._pixels(
            'look like normalised coordinates from 0 to 1: add "coordinates": "normalized", '
            "or convert them to pixels"
        )

    def _pixels(self, these: str) -> str:
        width, height = self.image_size
        return f"pixels of an image of {width:g} x {height:g}; these {these}"

    def observe(self, keypoints_TJ3: Floats) -> NDArray[np.int64]:
        """Count in each frame what warnings rest on: rows (T, 8) of ``Observed``."""
        return self._counts(_View.of(keypoints_TJ3))

    def _counts(self, view: "_View") -> NDArray[np.int64]:
        joints, box = _joints(self.keypoint_format), view.box
        is_seen_T = view.joints_T >= _FEWEST_JOINTS
        confident = (view.scores_TJ >= _CONFIDENT) & joints.not_extrapolated_J
        counts = np.zeros((len(view.joints_T), len(Observed._fields)), np.int64)
        counts[:, 0] = is_seen_T
        counts[:, 1] = is_seen_T & (view.spans < _SMALL * max(self.image_size))
        counts[:, 2], counts[:, 3] = _sides_up(view, joints)
        counts[:, 4] = confident.sum(axis=1)
        if not self._is_inside(box):
            outside = confident & _is_outside(view, self.image_size)
            counts[:, 5] = outside.sum(axis=1)
            swapped = _is_outside(view, self.image_size[::-1])
            counts[:, 6] = (outside & swapped).sum(axis=1)
        is_body_T = view.joints_T >= _FEWEST_JOINTS_OF_A_BODY
        counts[:, 7] = is_body_T & _is_degenerate(view)
        return counts

    def _is_inside(self, box: "_Box") -> bool:
        """Whether no joint of any frame is outside the image: quick, and often true."""
        low_21, high_21 = _edges(*self.image_size)
        return not np.count_nonzero((box.low_2T < low_21) | (box.high_2T > high_21))

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
            if observed.degenerate > _MOST * observed.frames:
                yield PoseWarning(
                    "degenerate",
                    "the joints lie on a line, or most of them in one point: check the keypoints",
                )
        outside = observed.outside / max(observed.confident, 1)
        if observed.confident >= _FEWEST_CONFIDENT and outside > _OUTSIDE:
            yield PoseWarning("outside_image", self._outside(observed, outside))

    def _outside(self, observed: Observed, share: float) -> str:
        width, height = self.image_size
        found = f"{share:.0%} of the joints lie outside the image of {width:g} x {height:g}"
        if observed.outside_swapped < observed.outside / 4:
            return f"{found}: they fit {height:g} x {width:g}, check image_size"
        return f"{found}: check image_size and coordinates"


def many_outliers(rejected: int, accepted: int) -> str | None:
    """What to tell where so many measured joints were rejected as outliers, if it is too many."""
    if rejected <= _MANY_OUTLIERS * (rejected + accepted):
        return None
    return (
        f"{rejected / (rejected + accepted):.0%} of the joints were rejected as outliers: "
        "check the detector, and that it is one person throughout"
    )


def mark_missing(keypoints: Floats) -> Floats:
    """Score 0 for joints that detectors put at (0, 0) or (-1, -1) when they find none.

    Args:
        keypoints: (…, 3) as sent, before any scaling.
    """
    x, y = keypoints[..., 0], keypoints[..., 1]
    is_missing = x == y
    if not np.count_nonzero(is_missing):  # the rest need not be looked at, of most live frames
        return keypoints
    is_missing &= ((x == 0) | (x == -1)) & (keypoints[..., 2] != 0)
    if not is_missing.any():
        return keypoints
    marked = keypoints.copy()
    marked[is_missing, 2] = 0
    return marked


def to_pixels(
    keypoints: Floats, coordinates: Coordinates, image_size: tuple[float, float]
) -> Floats:
    """Keypoints (…, 3) as sent, in pixels and with missing ones marked."""
    if coordinates not in _COORDINATES:
        expected = f"one of {', '.join(_COORDINATES)}, found {coordinates!r}"
        raise InvalidInput.at("coordinates", expected)
    marked = mark_missing(keypoints)
    if coordinates == "pixels":
        return marked
    with np.errstate(over="ignore"):  # numbers near the largest float32 are refused later on
        return marked * np.array([*image_size, 1], np.float32)


class _Joints(NamedTuple):
    """The joints of a format that tell something about the input."""

    parts_J3: Floats
    """Columns of ones for shoulders, hips, and knees and ankles."""
    not_extrapolated_J: Mask
    """Joints that detectors only find inside the image."""


@lru_cache(16)
def _joints(keypoint_format: str) -> _Joints:
    names = FORMATS[keypoint_format].joints
    parts = ("_shoulder",), ("_hip",), ("_ankle", "_foot", "_knee")
    # MediaPipe puts legs that it does not see below the picture, at times with high scores.
    below = ("hip", "knee", "ankle", "heel", "foot_index")
    extrapolated = below if keypoint_format == "mediapipe33" else ()
    return _Joints(
        np.array([[name.endswith(part) for part in parts] for name in names], np.float32),
        np.array([not name.endswith(extrapolated) for name in names]),
    )


def _some(keypoints_TJ3: Floats, frames: int) -> Floats:
    """About so many of the frames with some joints of a person, evenly spread."""
    measured_TJ = keypoints_TJ3[..., 2] > 0
    if measured_TJ.all():
        return keypoints_TJ3[:: _every(len(keypoints_TJ3), frames)]
    seen = np.flatnonzero(np.count_nonzero(measured_TJ, axis=1) >= _FEWEST_JOINTS)
    return keypoints_TJ3[seen[:: _every(len(seen), frames)]]


def _every(count: int, wanted: int) -> int:
    return max(1, -(-count // wanted))


@dataclass(frozen=True)
class _View:
    """Keypoints coordinate by coordinate: NumPy takes several times as long over pairs of them."""

    places_2TJ: Floats
    scores_TJ: Floats
    measured_TJ: Mask
    joints_T: NDArray[np.int64]
    """How many joints are measured in each frame."""
    is_complete: bool
    """Whether all joints are measured in all frames."""

    @classmethod
    def of(cls, keypoints_TJ3: Floats) -> "_View":
        """That of keypoints in pixels with scores."""
        coordinates_3TJ = by_coordinate(keypoints_TJ3)
        scores_TJ = coordinates_3TJ[2]
        measured_TJ = scores_TJ > 0
        joints_T = measured_TJ.sum(axis=1)
        is_complete = bool(joints_T.sum() == measured_TJ.size)
        return cls(coordinates_3TJ[:2], scores_TJ, measured_TJ, joints_T, is_complete)

    def measured(self, values: _AnyArray, other: float) -> _AnyArray:
        """Values (…, T, J), and another one for joints that are not measured."""
        if self.is_complete:
            return values
        return np.where(self.measured_TJ, values, values.dtype.type(other))

    @cached_property
    def box(self) -> "_Box":
        """The box around the measured joints of each frame."""
        low = self.measured(self.places_2TJ, np.inf).min(axis=2)
        return _Box(low, self.measured(self.places_2TJ, -np.inf).max(axis=2))

    @cached_property
    def spans(self) -> Floats:
        """The larger side (T,) of each box."""
        with np.errstate(over="ignore"):
            width_T, height_T = self.box.high_2T - self.box.low_2T
        spans_T: Floats = np.maximum(np.maximum(width_T, height_T), 0)
        return spans_T


class _Box(NamedTuple):
    """Boxes around joints; without any, from inf to -inf."""

    low_2T: Floats
    high_2T: Floats


def _is_degenerate(view: _View) -> Mask:
    """Whether the measured joints of each frame (T,) have no area, or most of them one place."""
    places_TJ = np.empty(view.scores_TJ.shape, np.complex128)
    places_TJ.real, places_TJ.imag = view.places_2TJ
    count_T = np.maximum(view.joints_T, 1)
    middle_T1 = (view.measured(places_TJ, 0).sum(axis=1) / count_T)[:, None]
    offsets_TJ = view.measured(places_TJ - middle_T1, 0)
    # The sum of the variances along the line and across it, and their difference.
    both_T = (np.abs(offsets_TJ) ** 2).sum(axis=1)
    difference_T = np.abs((offsets_TJ * offsets_TJ).sum(axis=1))
    is_flat_T = both_T - difference_T <= 2 * _FLAT**2 * both_T
    sorted_TJ = np.sort(view.measured(places_TJ, np.nan), axis=1)
    same_T = (sorted_TJ[:, 1:] == sorted_TJ[:, :-1]).sum(axis=1)
    degenerate: Mask = is_flat_T | (2 * same_T >= count_T)
    return degenerate


@lru_cache(64)
def _edges(width: float, height: float) -> NDArray[np.float64]:
    """The top left and the bottom right corner (2, 2, 1) beyond which a joint is outside."""
    left_top = -_BORDER * width, -_BORDER * height
    corners = np.array([left_top, ((1 + _BORDER) * width, (1 + _BORDER) * height)])
    return corners[..., None]


def _is_outside(view: _View, image_size: tuple[float, float]) -> Mask:
    x, y = view.places_2TJ
    (right, bottom), edge = image_size, 1 + _BORDER
    outside: Mask = (x < -_BORDER * right) | (x > edge * right)
    outside |= (y < -_BORDER * bottom) | (y > edge * bottom)
    return outside


def _sides_up(view: _View, joints: _Joints) -> tuple[Mask, Mask]:
    """In which frames (T,) a person stands upright in the image, and in which upside down."""
    counts_T3 = view.measured_TJ.astype(np.float32) @ joints.parts_J3
    with np.errstate(over="ignore", invalid="ignore"):  # numbers near the largest float32
        sums_T3 = view.measured(view.places_2TJ[1], 0) @ joints.parts_J3
        shoulder, hip, foot = (sums_T3 / np.maximum(counts_T3, 1)).T
    is_known_T = counts_T3.all(axis=1)
    upright_T = (shoulder < hip) & (hip < foot) & is_known_T
    return upright_T, (shoulder > hip) & (hip > foot) & is_known_T
