"""Input that is probably not what it is taken for: refused, warned of, or passed without a word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.input_check import (
    InputCheck,
    Observed,
    _is_degenerate,
    _is_outside,
    _View,
    mark_missing,
    to_pixels,
)
from poselift.reference_pose import REFERENCE_POSE

SIZE = (1920.0, 1080.0)
CHECK = InputCheck("coco17", SIZE)


def standing(keypoint_format="coco17", frames=30, size=SIZE, height=0.7, middle=(0.5, 0.9)):
    """A person who stands, pixels and scores; ``height`` and ``middle`` in shares of the image."""
    names = FORMATS[keypoint_format].joints
    figure = np.array([REFERENCE_POSE.get(name, (0.0, -0.5)) for name in names])
    places = figure * height * size[1] + np.array(middle) * size
    keypoints = np.full((frames, len(names), 3), 0.9, np.float32)
    keypoints[..., :2] = places + np.random.default_rng(0).normal(0, 3, (frames, len(names), 2))
    return keypoints


def codes(keypoints, check=CHECK):
    observed = Observed.of(check.observe(keypoints))
    return [doubt.code for doubt in check.doubts(observed)]


def scaled(keypoints, factor, offset=0.0):
    moved = keypoints.copy()
    moved[..., :2] = moved[..., :2] * np.float32(factor) + np.float32(offset)
    return moved


@pytest.mark.parametrize(
    ("factor", "offset", "says"),
    [
        (1 / np.array(SIZE), 0, '"coordinates": "normalized"'),
        (2 / SIZE[0], [-1, -SIZE[1] / SIZE[0]], "from -1 to 1"),
        (2 / np.array(SIZE), -1, "from -1 to 1"),
    ],
)
@pytest.mark.parametrize("frames", [1, 30])
def test_normalised_coordinates_are_refused_as_pixels(factor, offset, says, frames):
    keypoints = scaled(standing(frames=frames), factor, offset)
    keypoints[0, 3, :2] = 0
    with pytest.raises(InvalidInput, match=says):
        CHECK.refuse_wrong(keypoints, "keypoints")


def test_normalised_coordinates_are_scaled_where_they_are_named():
    keypoints = standing()
    normalised = scaled(keypoints, 1 / np.array(SIZE))
    normalised[3, 4, :2] = 0
    found = to_pixels(normalised, "normalized", SIZE)
    assert found[3, 4, 2] == 0
    found[3, 4] = keypoints[3, 4]
    np.testing.assert_allclose(found, keypoints, rtol=1e-5)
    CHECK.refuse_wrong(found, "keypoints")


def test_frames_of_a_few_joints_decide_nothing():
    keypoints = standing()
    keypoints[::2, 1:, 2] = 0
    keypoints[::2, 0, :2] = [1.5, 1]
    CHECK.refuse_wrong(keypoints, "keypoints")
    CHECK.refuse_wrong(keypoints[:1], "keypoints")
    normalised = scaled(standing(frames=80), 1 / np.array(SIZE))
    normalised[::10, :, 2] = 0
    with pytest.raises(InvalidInput, match="normalised"):
        CHECK.refuse_wrong(normalised, "keypoints")


def test_a_person_in_one_point_is_refused():
    keypoints = standing()
    keypoints[..., :2] = [400, 300]
    with pytest.raises(InvalidInput, match="all joints lie within"):
        CHECK.refuse_wrong(keypoints, "keypoints")


@pytest.mark.parametrize("place", [(0, 0), (-1, -1)])
def test_joints_at_the_places_of_none_are_missing(place):
    keypoints = standing()
    keypoints[4, 9] = (*place, 1)
    keypoints[5, 9] = (0, 55, 1)
    marked = mark_missing(keypoints)
    assert np.argwhere(marked[..., 2] == 0).tolist() == [[4, 9]]
    np.testing.assert_array_equal(np.delete(marked, 4, 0), np.delete(keypoints, 4, 0))


def test_joints_are_missing_by_the_rule_alone():
    keypoints = np.random.default_rng(0).choice([-1, 0, 1, np.nan], (400, 3)).astype(np.float32)
    marked = mark_missing(keypoints)
    for (x, y, score), found in zip(keypoints, marked, strict=True):
        is_none = (x, y) in {(0, 0), (-1, -1)}
        np.testing.assert_array_equal(found, (x, y, 0 if is_none else score))


def test_good_clips_pass_without_a_word():
    for keypoint_format in FORMATS:
        check = InputCheck(keypoint_format, SIZE)
        keypoints = standing(keypoint_format)
        check.refuse_wrong(keypoints, "keypoints")
        assert codes(keypoints, check) == []


def test_a_person_who_stands_half_outside_is_found_outside_the_image():
    assert codes(standing(size=SIZE[::-1], middle=(0.5, 0.95))) == ["outside_image"]


def test_the_swapped_size_is_named_where_it_fits():
    keypoints = standing(size=SIZE[::-1], height=0.8, middle=(0.5, 0.95))
    observed = Observed.of(CHECK.observe(keypoints))
    (doubt,) = CHECK.doubts(observed)
    assert "they fit 1080 x 1920" in doubt.detail


def test_legs_that_mediapipe_puts_below_the_picture_do_not_count():
    check = InputCheck("mediapipe33", SIZE)
    keypoints = standing("mediapipe33", height=1.8, middle=(0.5, 1.8))
    assert (keypoints[..., 1] > SIZE[1]).mean() > 0.2
    assert codes(keypoints, check) == []


def test_y_up_is_found_upside_down():
    keypoints = standing()
    keypoints[..., 1] = SIZE[1] - keypoints[..., 1]
    assert codes(keypoints) == ["upside_down"]


def test_somersaults_and_handstands_of_a_moment_are_not_upside_down():
    keypoints = standing()
    keypoints[:20, :, 1] = SIZE[1] - keypoints[:20, :, 1]
    assert codes(keypoints) == []


def test_another_images_size_shows_as_a_tiny_person():
    assert codes(scaled(standing(), 0.02, 100)) == ["person_small"]


def test_frames_add_up_to_the_clip():
    keypoints = standing(size=SIZE[::-1])
    parts = [CHECK.observe(keypoints[:7]), CHECK.observe(keypoints[7:])]
    np.testing.assert_array_equal(np.concatenate(parts), CHECK.observe(keypoints))


@pytest.mark.parametrize("direction", [(0, 1), (1, 0), (0.6, 0.8)])
def test_joints_on_a_line_are_told(direction):
    keypoints = standing()
    along = (keypoints[..., :2] - [900, 500]) @ np.array(direction)
    keypoints[..., :2] = [900, 500] + along[..., None] * np.array(direction)
    assert codes(keypoints) == ["degenerate"]


def test_most_joints_in_one_point_are_told():
    keypoints = standing()
    keypoints[:, 5:, :2] = keypoints[:, 5:6, :2]
    assert codes(keypoints) == ["degenerate"]


@given(
    seed=st.integers(0, 2**16),
    width=st.sampled_from([0.0, 0.003, 0.01, 0.015, 0.03, 0.3]),
    scale=st.sampled_from([1e-3, 1.0, 300.0, 1e6, 1e30]),
    middle=st.sampled_from([0.0, 900.0, 1e4]),
    in_one_place=st.integers(0, 12),
    missing=st.sampled_from([0, 0, 3, 17]),
)
@settings(max_examples=300, deadline=None)
def test_quick_observation_equals_the_slow_one(seed, width, scale, middle, in_one_place, missing):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(0.3, 1, (3, 17, 3)).astype(np.float32)
    along, across = rng.normal(size=(2, 3, 17, 1))
    turn = rng.uniform(0, np.pi)
    direction = np.array([np.cos(turn), np.sin(turn)])
    places = along * direction + width * across * direction[::-1] * [1, -1]
    keypoints[..., :2] = places * scale + middle
    keypoints[:, :in_one_place, :2] = keypoints[:, :1, :2]
    keypoints[1, rng.permutation(17)[:missing], 2] = 0
    observed = CHECK.observe(keypoints)
    view = _View.of(keypoints)
    degenerate = (view.measured_TJ.sum(axis=1) >= 6) & _is_degenerate(view)
    assert observed[:, 7].tolist() == degenerate.tolist()
    outside = (keypoints[..., 2] >= 0.5) & _is_outside(view, SIZE)
    both = outside & _is_outside(view, SIZE[::-1])
    assert observed[:, 5].tolist() == outside.sum(axis=1).tolist()
    assert observed[:, 6].tolist() == both.sum(axis=1).tolist()


@given(
    seed=st.integers(0, 2**16),
    scale=st.sampled_from([1e-3, 0.3, 1.0, 300.0, 1e4, 1e6, 1e30]),
    middle=st.sampled_from([0.0, 0.5, 900.0, 1e4]),
    missing=st.sampled_from([0, 0, 3]),
)
@settings(max_examples=300, deadline=None)
def test_what_is_seen_to_be_usual_would_not_be_refused(seed, scale, middle, missing):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(0.3, 1, (3, 17, 3)).astype(np.float32)
    keypoints[..., :2] = rng.normal(size=(3, 17, 2)) * scale + middle
    keypoints[1, rng.permutation(17)[:missing], 2] = 0
    if CHECK._is_usual(_View.of(keypoints)):
        assert CHECK._expected_instead(keypoints) is None


def test_a_person_in_the_image_is_usual():
    assert CHECK._is_usual(_View.of(standing()))


@pytest.mark.parametrize("turn", [0.1, 0.05])
def test_a_person_seen_from_the_side_is_not_degenerate(turn):
    keypoints = standing()
    keypoints[..., 0] = 900 + turn * (keypoints[..., 0] - 900)
    assert codes(keypoints) == []


def test_pixels_sent_as_normalised_coordinates_are_refused():
    keypoints = to_pixels(standing(), "normalized", SIZE)
    keypoints[3, 4, :2] = 500
    with pytest.raises(InvalidInput, match="ten images; check coordinates"):
        CHECK.refuse_wrong(keypoints, "keypoints")
