"""Nested lists to arrays: the result, and the places of errors."""

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poselift.errors import InvalidInput
from service.wire.keypoint_lists import keypoint_array

JOINTS = 3

number = st.integers(-(2**53), 2**53) | st.floats(-1e30, 1e30)
joint = st.none() | st.lists(number, min_size=2, max_size=3)
frame = st.none() | st.lists(joint, min_size=JOINTS, max_size=JOINTS)
clip = st.lists(frame, min_size=1, max_size=6)
anything = st.recursive(
    st.none() | st.booleans() | number | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


def one_by_one(nested: list[Any]) -> np.ndarray:
    """The same, the plain way."""
    expected = np.zeros((len(nested), JOINTS, 3), dtype=np.float32)
    for frame_number, joints in enumerate(nested):
        for joint_number, given_joint in enumerate(joints or []):
            if given_joint is not None and None not in given_joint[:2]:
                expected[frame_number, joint_number] = [*given_joint, 1.0][:3]
    return expected


@given(clip)
def test_reading_equals_the_plain_implementation(nested: list[Any]) -> None:
    array = keypoint_array(nested, JOINTS, "clip")
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, one_by_one(nested))


@given(clip, anything, st.data())
def test_an_error_is_found_at_its_place(nested: list[Any], wrong: Any, data: st.DataObject) -> None:
    frame_number = data.draw(st.integers(0, len(nested) - 1))
    joints = list(nested[frame_number] or [[1, 2, 3]] * JOINTS)
    joint_number = data.draw(st.integers(0, JOINTS - 1))
    joints[joint_number] = wrong
    nested[frame_number] = joints
    if wrong is None or (isinstance(wrong, list) and is_joint(wrong)):
        keypoint_array(nested, JOINTS, "clip")
        return
    with pytest.raises(InvalidInput) as refused:
        keypoint_array(nested, JOINTS, "clip")
    assert refused.value.field_errors[0].where == f"clip[{frame_number}][{joint_number}]"


def is_joint(wrong: list[Any]) -> bool:
    if len(wrong) in {2, 3} and None in wrong[:2]:
        return True
    return len(wrong) in {2, 3} and all(type(item) in {int, float} for item in wrong)


@given(anything)
def test_other_values_are_refused_or_read(nested: Any) -> None:
    with contextlib.suppress(InvalidInput):
        array = keypoint_array(nested, JOINTS, "clip")
        assert array.shape == (len(nested), JOINTS, 3)


def test_numbers_beyond_float32_become_infinite() -> None:
    array = keypoint_array([[[1e39, -1e300, 2**70]] * JOINTS], JOINTS, "clip")
    assert np.isposinf(array[..., 0]).all()
    assert np.isneginf(array[..., 1]).all()
    assert (array[..., 2] == 2.0**70).all()


def test_lists_are_not_changed() -> None:
    nested = [[[1.0, 2.0], None, [3.0, 4.0, 0.5]], None]
    keypoint_array(nested, JOINTS, "clip")
    assert nested == [[[1.0, 2.0], None, [3.0, 4.0, 0.5]], None]
