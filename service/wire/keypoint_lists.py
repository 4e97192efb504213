"""Nested lists of keypoints, as JSON has them, to arrays.

Lists are flattened by C loops and their types looked at as a set: 243 frames of 17 joints with
scores take half a millisecond, half of that for telling numbers from what only looks like them.
Joints that are null or have no score cost another pass. The place of a fault is looked for
only once it is known that there is one.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np

from poselift.array_types import Floats
from poselift.errors import InvalidInput

_flat = chain.from_iterable
_MISSING = (0.0, 0.0, 0.0)
_NUMBERS = {int, float}
_A_JOINT = "[x, y] or [x, y, score] in numbers, or null where it is missing"


def keypoint_array(nested: object, joints: int, where: str) -> Floats:
    """Frames of joints to (frames, joints, 3): x, y and score, 1 where none is given, 0 for null.

    Numbers beyond float32 become infinite.

    Raises:
        InvalidInput: naming the first frame or joint that is none.
    """
    if type(nested) is not list or not nested:
        raise InvalidInput.at(where, "a list of at least one frame")
    if any(not frame and frame not in (None, []) for frame in nested):
        raise _fault(nested, joints, where)
    # Empty frames are set apart: a few bytes of JSON each, they must not cost as much as others.
    frames = [frame for frame in nested if frame]
    values = _values(frames, joints)
    if values is None:
        values = _values(_completed(frames), joints)
    if values is None:
        raise _fault(nested, joints, where)
    numbers = np.fromiter(values, np.float64, len(values))
    with np.errstate(over="ignore"):
        measured = numbers.astype(np.float32).reshape(len(frames), joints, 3)
    if len(frames) == len(nested):
        return measured
    spread = np.zeros((len(nested), joints, 3), np.float32)
    spread[[bool(frame) for frame in nested]] = measured
    return spread


def are_numbers(values: list[Any]) -> bool:
    """Whether all of these are numbers, and none a boolean."""
    return _NUMBERS.issuperset(map(type, values))


def _values(frames: list[Any], joints: int) -> list[Any] | None:
    """All numbers in one list, if every frame has all joints and every joint a score."""
    # Lists alone hold numbers: of what else has a length, texts and objects, only texts come out.
    try:
        if not {joints}.issuperset(map(len, frames)):
            return None
        all_joints = list(_flat(frames))
        if not {3}.issuperset(map(len, all_joints)):
            return None
    except TypeError:  # a number, a truth value or null
        return None
    values = list(_flat(all_joints))
    return values if are_numbers(values) else None


def _completed(frames: Iterable[Any]) -> list[Any]:
    """The frames with nulls replaced by missing joints, and scores of 1 where there are none.

    A joint of which x or y is null is missing too, whatever its score.
    """
    return [list(map(_completed_joint, each)) if type(each) is list else each for each in frames]


def _completed_joint(joint: object) -> object:
    if joint is None or _is_missing(joint):
        return list(_MISSING)
    return [*joint, 1.0] if type(joint) is list and len(joint) == 2 else joint


def _is_missing(joint: object) -> bool:
    """Whether x or y is null."""
    return type(joint) is list and len(joint) in {2, 3} and None in joint[:2]


def _fault(frames: list[Any], joints: int, where: str) -> InvalidInput:
    for index, frame in enumerate(frames):
        place = f"{where}[{index}]"
        if frame is None or frame == []:
            continue
        if type(frame) is not list:
            return InvalidInput.at(place, f"a list of {joints} joints, or null")
        if len(frame) != joints:
            return InvalidInput.at(place, f"{joints} joints, found {len(frame)}")
        for number, joint in enumerate(frame):
            if not _is_joint(joint):
                return InvalidInput.at(f"{place}[{number}]", _A_JOINT)
    return InvalidInput.at(where, f"frames of {joints} joints, each {_A_JOINT}")


def _is_joint(joint: object) -> bool:
    if joint is None or _is_missing(joint):
        return True
    return type(joint) is list and len(joint) in {2, 3} and _NUMBERS.issuperset(map(type, joint))
