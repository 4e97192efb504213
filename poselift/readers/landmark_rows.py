"""Landmarks by number or by name, as rows of one keypoint format."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from poselift.errors import InvalidInput
from poselift.readers.detections import Detections, Landmark, Rows, in_detected_coordinates
from poselift.readers.joint_labels import Labelled, labelled


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
        by_count: the format of each number of joints; the highest number tells which it is, and
            may be left out where there is one format alone.

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
    return _by_number(rows, max(numbers), where, by_count)


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
    rows: Sequence[LandmarkRow], highest: int, where: str, by_count: Mapping[int, str]
) -> Detections:
    count = highest + 1
    if len(by_count) == 1 and count < max(by_count):
        count = max(by_count)
    if count not in by_count:
        ends = ", ".join(f"{count - 1} ({name})" for count, name in sorted(by_count.items()))
        expected = f"numbers of joints up to {ends}" if by_count else "names of joints"
        raise InvalidInput.at(where, f"{expected}; found {highest}")
    collected = Rows()
    for row in rows:
        values = np.zeros((count, 3))
        for number, landmark in row.joints.items():
            if not isinstance(number, int) or number < 0:
                raise InvalidInput.at(row.where, f"numbers of joints from 0, found {number}")
            values[number] = landmark
        collected.add(row.frame, values, row.where, row.track, row.time_s)
    return in_detected_coordinates(collected.detections(by_count=by_count, name=where))


def unused_notes(labels: Labelled) -> tuple[str, ...]:
    """What to tell of labels that are not used."""
    if not labels.unused:
        return ()
    listed = ", ".join(label[:40] for label in labels.unused[:20])
    more = ", …" if len(labels.unused) > 20 else ""
    return (f"labels not used, joints that {labels.keypoint_format} lacks: {listed}{more}",)
