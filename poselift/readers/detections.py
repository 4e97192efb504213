"""What a reader gives: rows of keypoints, each a person in a frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poselift.array_types import Doubles, Floats, Mask
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.input_check import Coordinates
from poselift.layout_check import better_layout
from poselift.readers.frame_order import LAST_FRAME

Frames = NDArray[np.int64]
Landmark = tuple[float, float, float]
"""x, y and score; 0 where the landmark is missing."""
_NEARLY: Final = 4.0
"""How far from the image's middle shares of the image are: legs below a desk's camera are estimated
far outside. No person is as few pixels wide."""
_NEARLY_ALL: Final = 0.98
_MOST_NEGATIVE: Final = 0.25
"""The share of coordinates left of the image or above it; from -1 to 1 it is about half."""
MOST_ROWS: Final = 5_000_000
_MISSING_AT: Final = (0.0, -1.0)
"""Where detectors put joints that they did not find: at (0, 0) or (-1, -1)."""


@dataclass(frozen=True, eq=False)
class Detections:
    """N rows, each one person in one frame; and what else the file knows.

    Attributes:
        frames_N: the source's frame numbers; rows may be in any order.
        keypoints_NJ3: x right, y down and score; 0 where missing.
        person_ids: the file's own id of each row, None where it has none.
        where: the place of each row in the source, for errors.
        keypoint_format: a name in ``poselift.formats.FORMATS``, or None if the file does not tell.
        coordinates: ``pixels``, or ``normalized``: from 0 to 1 over the image's width and height.
        timestamps_N: seconds, or None.
        options: further fields of a lift request that the file has.
        notes: what the caller should know of how the file was read.
        may_be: formats of which the last joints may be left out, if joints are told by number.
    """

    frames_N: Frames
    keypoints_NJ3: Floats
    person_ids: Sequence[str | None]
    where: Sequence[str]
    keypoint_format: str | None
    coordinates: Coordinates = "pixels"
    image_size: tuple[float, float] | None = None
    fps: float | None = None
    timestamps_N: Doubles | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    may_be: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frames_N)

    def with_joints(self, keypoints_NJ3: Floats, keypoint_format: str) -> "Detections":
        """The same rows with other joints."""
        return replace(self, keypoints_NJ3=keypoints_NJ3, keypoint_format=keypoint_format)

    def of(self, rows: NDArray[np.intp] | Mask) -> "Detections":
        """Some of the rows."""
        chosen = np.arange(len(self))[rows].tolist()
        return replace(
            self,
            frames_N=self.frames_N[rows],
            keypoints_NJ3=self.keypoints_NJ3[rows],
            person_ids=[self.person_ids[row] for row in chosen],
            where=[self.where[row] for row in chosen],
            timestamps_N=None if self.timestamps_N is None else self.timestamps_N[rows],
        )


class Rows:
    """Collects the rows of a file; all have the same number of joints."""

    def __init__(self) -> None:
        self._frames: list[int] = []
        self._keypoints: list[Floats] = []
        self._ids: list[str | None] = []
        self._where: list[str] = []
        self._timestamps: list[float] = []

    @property
    def joints(self) -> int:
        """How many joints the rows have; 0 before the first."""
        return len(self._keypoints[0]) if self._keypoints else 0

    def add(
        self,
        frame: int,
        keypoints: ArrayLike,
        where: str,
        person_id: object = None,
        timestamp_s: float | None = None,
    ) -> None:
        """Add one person in one frame.

        Args:
            frame: its number in the source.
            keypoints: (J, 2) or (J, 3): x, y and score, which is 1 if left out; NaN is missing.
            where: the place in the source, for errors.
            person_id: a number or text that names the person in all frames; None if there is none.
            timestamp_s: the frame's time, which all rows have or none.

        Raises:
            InvalidInput: the keypoints have another shape, an infinite number, or other joints than
                the rows before; the frame number is no number of a frame.
        """
        if isinstance(frame, bool) or not isinstance(frame, int) or abs(frame) > LAST_FRAME:
            raise InvalidInput.at(where, f"a whole number of a frame, found {frame!r}")
        if len(self._frames) >= MOST_ROWS:
            raise InvalidInput.at(where, f"{MOST_ROWS} detections at most")
        keypoints_J3 = as_rows(keypoints, where)
        if self._keypoints and len(keypoints_J3) != self.joints:
            expected = f"{self.joints} joints as in {self._where[0]}, found {len(keypoints_J3)}"
            raise InvalidInput.at(where, expected)
        self._frames.append(frame)
        self._keypoints.append(keypoints_J3)
        self._ids.append(None if person_id is None else _id(person_id, where))
        self._where.append(where)
        if timestamp_s is not None:
            self._timestamps.append(timestamp_s)

    def detections(
        self,
        keypoint_format: str | None = None,
        *,
        by_count: Mapping[int, str] | None = None,
        name: str = "keypoints",
        coordinates: Coordinates = "pixels",
        image_size: tuple[float, float] | None = None,
        fps: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Detections:
        """All rows, with what else the file knows.

        Where no format is given, ``by_count`` tells the usual one for the number of joints, unless
        another fits the limbs far better; of an unknown number the format stays open.

        Raises:
            InvalidInput: there are no rows, or only some have timestamps.
        """
        if not self._frames:
            raise InvalidInput.at(name, "at least one detected person")
        if self._timestamps and len(self._timestamps) != len(self._frames):
            raise InvalidInput.at(name, "a timestamp with every frame, or with none")
        keypoints_NJ3 = np.stack(self._keypoints)
        return Detections(
            np.array(self._frames, np.int64),
            keypoints_NJ3,
            self._ids,
            self._where,
            keypoint_format or _usual_format(keypoints_NJ3, by_count or {}),
            coordinates,
            image_size,
            fps,
            np.array(self._timestamps) if self._timestamps else None,
            MappingProxyType(dict(options or {})),
        )


def _usual_format(keypoints_NJ3: Floats, by_count: Mapping[int, str]) -> str | None:
    usual = by_count.get(keypoints_NJ3.shape[1])
    return usual and (better_layout(keypoints_NJ3, usual) or usual)


def as_image_size(width: object, height: object) -> tuple[float, float] | None:
    """An image's size in pixels, if that is what these are."""
    sides = [each for each in (width, height) if isinstance(each, int | float) and 0 < each < 1e9]
    return (float(sides[0]), float(sides[1])) if len(sides) == 2 else None


def as_rows(keypoints: ArrayLike, where: str) -> Floats:
    """Keypoints (…, J, 3) of (…, J, 2 or 3), 0 where missing.

    Missing are joints of NaN or None, of score 0 or below, and those at (0, 0) and (-1, -1).

    Raises:
        InvalidInput: they have another shape, or an infinite number.
    """
    try:
        given = np.asarray(keypoints, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput.at(where, "numbers x, y and score for each joint") from None
    if given.ndim < 2 or given.shape[-1] not in {2, 3} or given.shape[-2] == 0:
        raise InvalidInput.at(where, f"x, y and score for each joint, found {given.shape}")
    if given.shape[-1] == 2:
        given = np.concatenate([given, np.ones_like(given[..., :1])], axis=-1)
    x, y, score = np.moveaxis(given, -1, 0)
    is_missing = np.isnan(given).any(axis=-1) | (score <= 0)
    for place in _MISSING_AT:
        is_missing |= (x == place) & (y == place)
    given = np.where(is_missing[..., None], 0, given)
    if not (np.abs(given) < np.finfo(np.float32).max).all():
        raise InvalidInput.at(where, "finite numbers")
    return given.astype(np.float32)


def in_detected_coordinates(detections: Detections) -> Detections:
    """The same as normalized if nearly all places are near 0 to 1, where no pixels of a person are.

    For tools that write either, and do not say which. Coordinates from -1 to 1 are left as they
    are: lifting refuses them.
    """
    places = detections.keypoints_NJ3[detections.keypoints_NJ3[..., 2] > 0, :2]
    if not len(places):
        return detections
    are_near = (np.abs(places - 0.5) < _NEARLY).mean() > _NEARLY_ALL
    is_normalized = are_near and (places < 0).mean() <= _MOST_NEGATIVE
    return replace(detections, coordinates="normalized") if is_normalized else detections


def triples(values: object, where: str) -> Doubles:
    """Keypoints (J, 3) from a flat list x, y, score, x, y, score, …; null is NaN.

    Raises:
        InvalidInput: they are no numbers, or no triples.
    """
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput.at(where, "numbers: x, y, score, x, y, score, …") from None
    if array.ndim != 1 or len(array) % 3 or not len(array):
        raise InvalidInput.at(where, f"x, y, score, x, y, score, …, found {array.shape}")
    return array.reshape(-1, 3)


def check_format(keypoint_format: str | None, joints: int, name: str) -> str:
    """The keypoint format, which has so many joints.

    Raises:
        InvalidInput: there is no format of this name, or it has another number of joints.
    """
    fitting = [each for each, format_ in FORMATS.items() if len(format_.joints) == joints]
    told = f"{', '.join(fitting) or 'none'} of {joints} joints"
    if keypoint_format is None:
        raise InvalidInput.at(name, f"the keypoint format, which the file does not tell: {told}")
    if keypoint_format not in FORMATS:
        expected = f"one of {', '.join(FORMATS)}, found {keypoint_format!r}"
        raise InvalidInput.at("keypoint_format", expected)
    if keypoint_format not in fitting:
        raise InvalidInput.at(name, f"joints of {keypoint_format}, found {joints}; {told}")
    return keypoint_format


def _id(person_id: object, where: str) -> str:
    """An id as text; a whole number is the same whether it is written 3 or 3.0."""
    if isinstance(person_id, float) and person_id.is_integer():
        person_id = int(person_id)
    if isinstance(person_id, bool) or not isinstance(person_id, str | int | float):
        raise InvalidInput.at(where, f"a number or text as the person's id, found {person_id!r}")
    return str(person_id)
