"""Landmarks by number or by name, as rows of one keypoint format."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from poselift.array_types import Floats
from poselift.errors import InvalidInput
from poselift.layout_check import better_layout, fits
from poselift.readers.detections import Detections, Landmark, Rows, in_detected_coordinates
from poselift.readers.joint_labels import Labelled, labelled

_ASPECTS: Final = (1.0, 4 / 3, 16 / 9, 3 / 4, 9 / 16)
"""Width by height of usual images, whose shape normalized coordinates do not tell."""


class LandmarkRow(NamedTuple):
    """One person in one frame."""

    frame: int
    joints: Mapping[int | str, Landmark]
    where: str
    track: str | None = None
    time_s: float | None = None


def landmark_detections(
    rows: Sequence[LandmarkRow], where: str, by_count: Mapping[int, str]
) -> Detections:
    """All rows in one format: that of the joints' names, or of their number.

    Args:
        rows: people in frames, all by number or all by name.
        where: the place of the rows in the source.
        by_count: the format of each number of joints; the highest number tells which it is, unless
            joints may be left out at the end, as where there is one format alone.

    Raises:
        InvalidInput: there are no rows, numbers beyond all formats, or names of no person's joints.
    """
    keys: dict[int | str, None] = {}
    for row in rows:
        keys.update(dict.fromkeys(row.joints))
    if not keys:
        raise InvalidInput.at(where, "at least one detected person")
    names = [key for key in keys if isinstance(key, str)]
    numbers = [key for key in keys if isinstance(key, int)]
    if names and numbers:
        found = f"found {names[0][:40]!r} and {numbers[0]}"
        raise InvalidInput.at(where, f"joints by name or by number, not both; {found}")
    if names:
        return _by_name(rows, names, where)
    return _by_number(rows, numbers, where, by_count)


def zero_based(numbers: Iterable[int], joints: Iterable[int], where: str) -> int:
    """What to subtract from joints' numbers so that they count from 0.

    Raises:
        InvalidInput: neither 0 nor a whole format from 1 is among them.
    """
    found = set(numbers)
    if 0 in found:
        return 0
    if found and any(found == set(range(1, count + 1)) for count in joints):
        return 1
    raise InvalidInput.at(where, "numbers of joints from 0, or of a whole format from 1")


def _by_name(rows: Sequence[LandmarkRow], names: list[str], where: str) -> Detections:
    labels = labelled(names, where)
    index = {name: place for place, name in enumerate(names)}
    collected = Rows()
    for row in rows:
        values = np.zeros((len(names), 3))
        for name, landmark in row.joints.items():
            values[index[str(name)]] = landmark
        collected.add(row.frame, labels.arranged(values), row.where, row.track, row.time_s)
    found = in_detected_coordinates(collected.detections(labels.keypoint_format, name=where))
    return replace(found, notes=unused_notes(labels))


def _by_number(
    rows: Sequence[LandmarkRow], numbers: Sequence[int], where: str, by_count: Mapping[int, str]
) -> Detections:
    count = max(numbers) + 1
    if len(by_count) == 1 and count < max(by_count):
        count = max(by_count)
    if count > max(by_count, default=0):
        ends = ", ".join(f"{count - 1} ({name})" for count, name in sorted(by_count.items()))
        expected = f"numbers of joints up to {ends}" if by_count else "names of joints"
        raise InvalidInput.at(where, f"{expected}; found {max(numbers)}")
    collected = Rows()
    for row in rows:
        values = np.zeros((count, 3))
        for number, landmark in row.joints.items():
            if not isinstance(number, int) or number < 0:
                raise InvalidInput.at(row.where, f"numbers of joints from 0, found {number}")
            values[number] = landmark
        collected.add(row.frame, values, row.where, row.track, row.time_s)
    found = in_detected_coordinates(collected.detections(by_count=by_count, name=where))
    return _told_or_open(found, len(numbers) < count, by_count)


def _told_or_open(found: Detections, has_gaps: bool, by_count: Mapping[int, str]) -> Detections:
    """Detections whose format stays open if it may as well be one whose last joints are left out.

    With numbers left out in between (``has_gaps``) others may be left out at the end, so that the
    highest tells nothing; then the lengths of the limbs must be those of the format.
    """
    keypoints_NJ3, usual = found.keypoints_NJ3, found.keypoint_format
    longer = tuple(name for count, name in by_count.items() if count > keypoints_NJ3.shape[1])
    if not longer:
        return found
    if usual is None:
        return replace(found, may_be=longer)
    is_sure = better_layout(keypoints_NJ3, usual, longer) is None
    if has_gaps and is_sure:
        is_sure = any(fits(keypoints_NJ3 * scale_3, usual) for scale_3 in _scales(found))
    return replace(found, keypoint_format=usual if is_sure else None, may_be=(usual, *longer))


def _scales(found: Detections) -> Iterator[Floats]:
    """What makes x, y and score as long across as they are high; of several shapes of images."""
    for width in (1.0,) if found.coordinates == "pixels" else _ASPECTS:
        yield np.array([width, 1, 1], np.float32)


def unused_notes(labels: Labelled) -> tuple[str, ...]:
    """What to tell of labels that are not used."""
    if not labels.unused:
        return ()
    listed = ", ".join(label[:40] for label in labels.unused[:20])
    more = ", …" if len(labels.unused) > 20 else ""
    return (f"labels not used, joints that {labels.keypoint_format} lacks: {listed}{more}",)
