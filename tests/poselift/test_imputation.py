"""Missing keypoints: every rule, and the fast causal implementation against a slow, obvious one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.formats import FORMATS
from poselift.imputation import (
    JOINT_QUALITY,
    QUALITY,
    Imputation,
    ImputationState,
    known_segments,
    letters,
    measured_joints,
)
from poselift.reference_pose import REFERENCE_POSE

COCO = FORMATS["coco17"]
MEASURED, FILLED, UNKNOWN = (QUALITY.index(name) for name in ("measured", "filled", "unknown"))


def clip(frames=20, seed=0):
    """A person wandering through the image, every joint measured."""
    rng = np.random.default_rng(seed)
    keypoints = np.ones((frames, 17, 3), dtype=np.float32)
    keypoints[..., :2] = rng.uniform(100, 500, (frames, 17, 2))
    return keypoints


def imputation(max_gap=4):
    return Imputation(COCO.joints, np.ones(17, np.bool_), max_gap)


def filled(keypoints, causal=False, max_gap_frames=4, min_score=0.05):
    measured = measured_joints(keypoints, min_score)
    elapsed = np.ones(len(keypoints), np.int64)
    return imputation(max_gap_frames).fill(keypoints[..., :2], measured, elapsed, causal)


@pytest.mark.parametrize("causal", [False, True])
def test_a_complete_clip_is_left_as_it_is(causal):
    keypoints = clip()
    result = filled(keypoints, causal)
    np.testing.assert_array_equal(result.keypoints_TJ2, keypoints[..., :2])
    assert (result.quality_T == MEASURED).all()
    assert known_segments(result.quality_T) == (slice(0, 20),)


@pytest.mark.parametrize(
    ("score", "missing"), [(0.0, True), (0.049, True), (0.05, False), (1, False)]
)
def test_a_joint_is_missing_below_min_score(score, missing):
    keypoints = clip()
    keypoints[7, 9, 2] = score
    assert (filled(keypoints).quality_T[7] == FILLED) is np.bool_(missing)


def test_score_zero_is_missing_whatever_min_score():
    keypoints = clip()
    keypoints[7, 9, 2] = 0
    assert filled(keypoints, min_score=0.0).quality_T[7] == FILLED


def still_but_for_a_shoulder(frames=20):
    """A person who stands, but for joint 5."""
    keypoints = np.repeat(clip(1), frames, axis=0)
    keypoints[:, 5, :2] = clip(frames)[:, 5, :2]
    return keypoints


def walking(frames=20):
    """A person who moves through the image as one."""
    steps = np.arange(frames, dtype=np.float32)[:, None, None]
    keypoints = np.repeat(clip(1), frames, axis=0)
    keypoints[..., :2] += steps * np.float32([3, -1])
    return keypoints


def test_symmetric_models_interpolate_in_time_and_hold_at_the_ends():
    keypoints = still_but_for_a_shoulder()
    keypoints[[0, 1, 8, 9, 19], 5, 2] = 0
    result = filled(keypoints).keypoints_TJ2[:, 5]
    before, after = keypoints[7, 5, :2], keypoints[10, 5, :2]
    np.testing.assert_allclose(result[8], before + (after - before) / 3, rtol=1e-6)
    np.testing.assert_allclose(result[9], before + (after - before) * 2 / 3, rtol=1e-6)
    np.testing.assert_array_equal(result[[0, 1]], keypoints[[2, 2], 5, :2])
    np.testing.assert_array_equal(result[19], keypoints[18, 5, :2])


@pytest.mark.parametrize("causal", [False, True])
def test_missing_joints_move_along_with_the_body(causal):
    whole = walking()
    keypoints = whole.copy()
    keypoints[8:14, 5, 2] = 0
    keypoints[15:, 6, 2] = 0
    keypoints[8:14, :3, 0] += 400  # a few outliers do not change the step
    result = filled(keypoints, causal).keypoints_TJ2
    np.testing.assert_allclose(result[8:14, 5], whole[8:14, 5, :2], rtol=1e-5)
    np.testing.assert_allclose(result[15:, 6], whole[15:, 6, :2], rtol=1e-5)


@pytest.mark.parametrize(
    "lost",
    [
        [(slice(0, 6), 5)],
        [(slice(6, 12), 5), (slice(8, 10), slice(None))],
        [(slice(6, 20), 5), (slice(8, 11), slice(None))],
        [(slice(0, 20, 2), slice(0, 9)), (slice(1, 20, 2), slice(9, 17))],
    ],
    ids=["from the start", "and everything for a moment", "for good", "in turns"],
)
def test_symmetric_imputation_moves_missing_people_along(lost):
    whole = walking()
    keypoints = whole.copy()
    for frames, joints in lost:
        keypoints[frames, joints, 2] = 0
    np.testing.assert_allclose(filled(keypoints).keypoints_TJ2[1:-1], whole[1:-1, :, :2], rtol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_a_joint_never_measured_is_placed_by_the_reference_pose(causal):
    """A standing person without face and left ankle gets them where people have them."""
    keypoints = np.ones((5, 17, 3), dtype=np.float32)
    for index, joint in enumerate(COCO.joints):
        keypoints[:, index, :2] = 1000 + 400 * np.array(REFERENCE_POSE[joint])
    truth = keypoints[..., :2].copy()
    gone = [0, 1, 2, 3, 4, COCO.joints.index("left_ankle")]
    keypoints[:, gone] = 0
    result = filled(keypoints, causal)
    np.testing.assert_allclose(result.keypoints_TJ2, truth, atol=40)
    assert (result.quality_T == FILLED).all()


def standing(width):
    """Someone 400 pixels tall, (5, 17, 3); ``width`` is 1 from the front and -1 from the back."""
    keypoints = np.ones((5, 17, 3), dtype=np.float32)
    places = np.array([REFERENCE_POSE[joint] for joint in COCO.joints])
    keypoints[..., :2] = 1000 + 400 * places * [width, 1]
    return keypoints


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("width", [1, 0.2, -0.2, -1])
@pytest.mark.parametrize(
    "measured",
    [
        ("left_shoulder", "right_shoulder"),
        ("left_ear", "right_ear", "left_shoulder", "right_shoulder"),
        ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
    ],
)
def test_the_placed_body_stands_upright_from_the_front_and_from_behind(causal, width, measured):
    keypoints = standing(width)
    gone = [index for index, joint in enumerate(COCO.joints) if joint not in measured]
    keypoints[:, gone] = 0
    heights = dict(zip(COCO.joints, filled(keypoints, causal).keypoints_TJ2[0, :, 1], strict=True))
    assert heights["nose"] <= heights["left_shoulder"] < heights["left_hip"]
    assert heights["left_hip"] < heights["right_knee"] < heights["left_ankle"]


@pytest.mark.parametrize("width", [1, -1])
def test_a_face_is_placed_between_the_shoulders_from_the_front_and_from_behind(width):
    """As with formats without face points: 400 pixels tall, 88 pixels between the shoulders."""
    keypoints = standing(width)
    truth = keypoints[..., :2].copy()
    keypoints[:, :5] = 0
    np.testing.assert_allclose(filled(keypoints).keypoints_TJ2, truth, atol=25)


def test_a_lying_body_is_placed_along_its_length():
    keypoints = standing(1)[..., [1, 0, 2]]
    truth = keypoints[..., :2].copy()
    gone = [COCO.joints.index(joint) for joint in ("nose", "left_ankle", "right_ankle")]
    keypoints[:, gone] = 0
    np.testing.assert_allclose(filled(keypoints).keypoints_TJ2, truth, atol=25)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("joint", range(17))
def test_one_measured_joint_is_enough_for_a_finite_frame(causal, joint):
    keypoints = np.zeros((1, 17, 3), dtype=np.float32)
    keypoints[0, joint] = 320, 240, 0.9
    result = filled(keypoints, causal)
    assert np.isfinite(result.keypoints_TJ2).all()
    assert result.quality_T.tolist() == [FILLED]


@pytest.mark.parametrize("causal", [False, True])
def test_a_short_gap_is_filled_and_the_clip_continues(causal):
    keypoints = clip()
    keypoints[8:12, :, 2] = 0  # four frames, as many as allowed
    result = filled(keypoints, causal)
    assert known_segments(result.quality_T) == (slice(0, 20),)
    assert (result.quality_T[8:12] == FILLED).all()
    if causal:
        np.testing.assert_array_equal(result.keypoints_TJ2[11], keypoints[7, :, :2])
    else:
        np.testing.assert_allclose(
            result.keypoints_TJ2[8], (4 * keypoints[7] + keypoints[12])[:, :2] / 5, rtol=1e-5
        )


@pytest.mark.parametrize("causal", [False, True])
def test_a_long_gap_is_held_then_unknown_then_starts_afresh(causal):
    keypoints = clip()
    keypoints[8:14, :, 2] = 0
    keypoints[14:, 9, 2] = 0  # the wrist stays missing after the gap
    result = filled(keypoints, causal)
    expected = [MEASURED] * 8 + [FILLED] * 4 + [UNKNOWN] * 2 + [FILLED] * 6
    assert result.quality_T.tolist() == expected
    assert known_segments(result.quality_T) == (slice(0, 12), slice(14, 20))
    np.testing.assert_array_equal(result.keypoints_TJ2[11], keypoints[7, :, :2])
    assert (result.keypoints_TJ2[14, 9] != keypoints[7, 9, :2]).all()


@pytest.mark.parametrize("causal", [False, True])
def test_frames_before_the_first_measured_one_are_unknown(causal):
    keypoints = clip()
    keypoints[:2, :, 2] = 0
    result = filled(keypoints, causal)
    assert result.quality_T[:3].tolist() == [UNKNOWN, UNKNOWN, MEASURED]
    assert known_segments(result.quality_T) == (slice(2, 20),)


@pytest.mark.parametrize("causal", [False, True])
def test_nothing_measured_leaves_no_segment(causal):
    keypoints = clip()
    keypoints[..., 2] = 0
    result = filled(keypoints, causal)
    assert known_segments(result.quality_T) == ()
    assert (result.quality_T == UNKNOWN).all()


def slowly_carried(keypoints, max_gap_frames):
    """The causal rules frame by frame, joints never measured left at NaN."""
    out = np.full((*keypoints.shape[:2], 2), np.nan)
    quality, last, empty = [], {}, None
    for frame, joints in enumerate(keypoints):
        measured = [j for j in range(17) if joints[j, 2] >= 0.05]
        empty = 0 if measured else None if empty is None else empty + 1
        if empty is None or empty > max_gap_frames:
            last, empty = {}, None
            quality.append(UNKNOWN)
            continue
        steps = [joints[j, :2] - last[j] for j in measured if j in last]
        step = np.median(steps, axis=0) if steps else np.zeros(2)
        now = {j: joints[j, :2] for j in measured}
        last = {j: place + step for j, place in last.items()} | now
        for j, place in last.items():
            out[frame, j] = place
        quality.append(MEASURED if len(measured) == 17 else FILLED)
    return out, quality


LOSSES = st.lists(st.tuples(st.integers(0, 39), st.integers(1, 9), st.integers(-1, 16)), max_size=9)
"""First frame, number of frames, and the joint that is lost in them, or -1 for all."""


def lose(keypoints, losses):
    for start, length, joint in losses:
        keypoints[start : start + length, slice(None) if joint < 0 else joint, 2] = 0
    return keypoints


@given(
    seed=st.integers(0, 2**16),
    losses=LOSSES,
    cuts=st.lists(st.integers(0, 40), max_size=6),
    max_gap_frames=st.integers(0, 5),
)
@settings(max_examples=150, deadline=None)
def test_causal_filling_in_any_pieces_equals_the_rules_one_frame_at_a_time(
    seed, losses, cuts, max_gap_frames
):
    keypoints = lose(clip(40, seed), losses)
    whole = filled(keypoints, causal=True, max_gap_frames=max_gap_frames)

    # Another track is filled with it, and neither must change.
    both = np.stack([keypoints, lose(clip(40, seed + 1), losses[::-1])])
    memory, pieces, qualities = ImputationState.blank(2, 17), [], []
    for start, stop in pairwise(sorted({0, *cuts, 40})):
        part = both[:, start:stop]
        elapsed = np.ones(part.shape[:2], np.int64)
        piece, memory = imputation(max_gap_frames).fill_next(
            part[..., :2], measured_joints(part, 0.05), elapsed, memory
        )
        pieces.append(piece.keypoints_TJ2[0])
        qualities.append(piece.quality_T[0])
        np.testing.assert_array_equal(memory.filled(COCO.joints)[0], pieces[-1][-1])
    np.testing.assert_array_equal(np.concatenate(pieces), whole.keypoints_TJ2)
    np.testing.assert_array_equal(np.concatenate(qualities), whole.quality_T)

    slow, quality = slowly_carried(keypoints, max_gap_frames)
    assert whole.quality_T.tolist() == quality
    known = np.isfinite(slow)
    np.testing.assert_allclose(whole.keypoints_TJ2[known], slow[known], rtol=1e-4, atol=1e-2)
    assert np.isfinite(whole.keypoints_TJ2).all()


def slowly_interpolated(keypoints, max_gap_frames):
    """The symmetric rules joint by joint and frame by frame, joints never measured left at NaN."""
    measured = [t for t, joints in enumerate(keypoints) if (joints[:, 2] >= 0.05).any()]
    known = [any(0 <= t - s <= max_gap_frames for s in measured) for t in range(len(keypoints))]
    out = np.full((*keypoints.shape[:2], 2), np.nan)
    segment = {
        t: [s for s in range(len(known)) if all(known[min(s, t) : max(s, t) + 1])]
        for t in range(len(known))
    }

    def around(t, j):
        there = [s for s in segment[t] if keypoints[s, j, 2] >= 0.05]
        return [s for s in there if s <= t][-1:], [s for s in there if s >= t][:1]

    def between(t, a, b, start, end):
        return start + (t - a) / max(b - a, 1) * (end - start)

    def passing(t, j):
        (a,), (b,) = around(t, j)
        return between(t, a, b, *keypoints[[a, b], j, :2].astype(np.float64))

    body = [np.zeros(2)]
    for t in range(1, len(keypoints)):
        joints = [j for j in range(17) if (keypoints[[t - 1, t], j, 2] >= 0.05).all()]
        joints = joints or [j for j in range(17) if all(around(t, j)) and all(around(t - 1, j))]
        steps = [passing(t, j) - passing(t - 1, j) for j in joints]
        body.append(body[-1] + (np.median(steps, axis=0) if steps else np.zeros(2)))
    for t, j in np.ndindex(out.shape[:2]):
        before, after = around(t, j)
        if before or after:
            (a,), (b,) = before or after, after or before
            start, end = keypoints[a, j, :2] - body[a], keypoints[b, j, :2] - body[b]
            out[t, j] = body[t] + between(t, a, b, start, end)
    return out, known


@given(seed=st.integers(0, 2**16), losses=LOSSES, max_gap_frames=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_symmetric_filling_equals_the_rules_one_joint_and_frame_at_a_time(
    seed, losses, max_gap_frames
):
    keypoints = lose(clip(40, seed), losses)
    result = filled(keypoints, max_gap_frames=max_gap_frames)
    slow, known = slowly_interpolated(keypoints, max_gap_frames)
    assert (result.quality_T != UNKNOWN).tolist() == known
    assert [
        t for part in known_segments(result.quality_T) for t in range(part.start, part.stop)
    ] == [t for t in range(40) if known[t]]
    placed = np.isfinite(slow)
    np.testing.assert_allclose(result.keypoints_TJ2[placed], slow[placed], rtol=1e-5, atol=1e-3)
    assert np.isfinite(result.keypoints_TJ2).all()
    assert (result.keypoints_TJ2[~np.array(known)] == 0).all()


@pytest.mark.parametrize("shape", [(5, 17), (1, 1), (3, 0), (0, 17)])
def test_letters_are_those_of_the_codes(shape):
    codes = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    for some in (codes, codes[::2], codes[:, ::2]):
        assert letters(some) == ["".join(JOINT_QUALITY[code] for code in row) for row in some]
