"""Outlier rejection: single gross errors, swapped sides, and the fast path against the slow one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poselift.formats import FORMATS, convert
from poselift.outliers import SWAP_GROUPS, MotionMemory, OutlierCheck
from poselift.reference_pose import REFERENCE_POSE

COCO = FORMATS["coco17"]
WRIST, ELBOW, LEFT_ANKLE = (
    COCO.joints.index(n) for n in ("left_wrist", "left_elbow", "left_ankle")
)
STATURE = 400.0
CHECK = OutlierCheck("coco17", 30.0)


def walking(frames=40, seed=0, noise=2.0):
    """A person 400 pixels tall who walks through the image and swings arms and legs."""
    rng = np.random.default_rng(seed)
    figure = np.array([REFERENCE_POSE[name] for name in COCO.joints]) * STATURE
    keypoints = np.full((frames, 17, 3), 0.9, np.float32)
    keypoints[..., :2] = figure + [700.0, 900.0] + rng.normal(0, noise, (frames, 17, 2))
    swing = 40 * np.sin(np.arange(frames) / 5)[:, None]
    sides = np.where([name.startswith("left") for name in COCO.joints], 1, -1)
    moving = [name.endswith(("wrist", "ankle", "elbow", "knee")) for name in COCO.joints]
    keypoints[..., 0] += np.arange(frames)[:, None] * 5 + swing * sides * moving
    return keypoints


def checked(keypoints, elapsed=None, check=CHECK):
    elapsed = np.ones(len(keypoints), np.int64) if elapsed is None else elapsed
    return check.check_clip(keypoints, keypoints[..., 2] > 0, elapsed)


def one_by_one(keypoints, elapsed, check=CHECK, cuts=()):
    """Frame after frame, beside another track, the memory cut and joined again on the way."""
    memory, frames = MotionMemory.blank(2, 17), []
    for index, frame in enumerate(keypoints):
        both = np.stack([frame, keypoints[len(keypoints) - 1 - index]])
        if index in cuts:
            memory = MotionMemory.joined([memory.of(slice(0, 1)), memory.of(slice(1, 2))])
        found, memory = check.check_frame(both, both[..., 2] > 0, elapsed[[index, index]], memory)
        frames.append(type(found)(*(values[:1] for values in found)))
    return type(found)(*(np.concatenate(values) for values in zip(*frames, strict=True)))


def test_ordinary_motion_is_left_as_it_is():
    keypoints = walking(noise=4)
    found = checked(keypoints)
    assert not found.outliers.any()
    assert not found.swapped.any()
    assert found.accepted.all()
    np.testing.assert_array_equal(found.keypoints, keypoints)


@pytest.mark.parametrize("joint", [WRIST, ELBOW, LEFT_ANKLE])
@pytest.mark.parametrize("frame", [0, 20, 39])
def test_a_joint_far_from_the_body_is_rejected_in_any_frame(joint, frame):
    keypoints = walking()
    keypoints[frame, joint, :2] += [500, -600]
    assert np.argwhere(checked(keypoints).outliers).tolist() == [[frame, joint]]


@pytest.mark.parametrize("far", [1e6, 1e20])
def test_wild_numbers_are_rejected_alone(far):
    keypoints = walking()
    keypoints[7, WRIST, 0] = far
    assert np.argwhere(checked(keypoints).outliers).tolist() == [[7, WRIST]]


def test_a_joint_that_jumps_onto_another_limb_is_rejected():
    keypoints = walking()
    keypoints[12:14, WRIST, :2] = keypoints[12:14, LEFT_ANKLE, :2]
    assert np.argwhere(checked(keypoints).outliers).tolist() == [[12, WRIST], [13, WRIST]]


def test_a_joint_that_stays_elsewhere_is_believed_within_a_tenth_of_a_second():
    keypoints = walking(noise=0)
    keypoints[10:, WRIST, 1] -= 0.3 * STATURE
    outliers = checked(keypoints, check=OutlierCheck("coco17", 100.0)).outliers
    assert np.flatnonzero(outliers[:, WRIST]).tolist() == [10, 11, 12, 13]


def test_a_cut_to_another_place_and_size_rejects_nothing():
    keypoints = walking()
    keypoints[20:, :, :2] = keypoints[20:, :, :2] * 0.5 + 100
    assert not checked(keypoints).outliers.any()


@pytest.mark.parametrize("group", SWAP_GROUPS)
def test_swapped_sides_are_swapped_back_while_it_lasts(group):
    keypoints = walking()
    joints = [
        index for index, name in enumerate(COCO.joints) if name.split("_")[-1] in SWAP_GROUPS[group]
    ]
    swapped = keypoints.copy()
    swapped[15:21, joints] = keypoints[15:21, np.array(COCO.mirror)[joints]]
    found = checked(swapped)
    place = list(SWAP_GROUPS).index(group)
    assert np.flatnonzero(found.swapped[:, place]).tolist() == list(range(15, 21))
    np.testing.assert_array_equal(found.keypoints, keypoints)
    assert not found.outliers.any()


def test_a_detector_that_goes_on_swapping_is_believed_in_the_end():
    keypoints = walking(frames=60)
    keypoints[20:] = keypoints[20:, COCO.mirror]
    swapped = checked(keypoints).swapped.any(axis=1)
    assert swapped[20:34].all()
    assert not swapped[36:].any()
    assert not checked(keypoints).outliers.any()


def test_a_person_of_few_joints_is_not_judged():
    keypoints = walking()
    keypoints[..., 2] = 0
    keypoints[:, [5, 7, 9], 2] = 0.9
    keypoints[9, 9, :2] += 3000
    assert not checked(keypoints).outliers[9, [5, 7]].any()


def test_the_work_on_a_clip_that_is_wrong_throughout_is_bounded(monkeypatch):
    monkeypatch.setattr("poselift.outliers._MOST_FRAME_BY_FRAME", 20)
    keypoints = walking(frames=200)
    keypoints[1::2, WRIST, :2] += [700, 0]
    steps = []
    judge = OutlierCheck._judge

    def counted(self, frames, *others):
        steps.append(len(frames))
        return judge(self, frames, *others)

    monkeypatch.setattr(OutlierCheck, "_judge", counted)
    found = checked(keypoints)
    assert steps.count(1) < 30
    assert found.outliers[1::2, WRIST].all()


ERRORS = st.lists(
    st.tuples(
        st.integers(0, 39),
        st.integers(1, 6),
        st.integers(0, 16),
        st.sampled_from(["far", "near", "lost", "swap", "mirror"]),
    ),
    max_size=8,
)


def spoiled(keypoints, errors, seed):
    rng = np.random.default_rng(seed)
    keypoints = keypoints.copy()
    for start, length, joint, kind in errors:
        span = slice(start, start + length)
        if kind == "far":
            keypoints[span, joint, :2] += rng.normal(0, 400, 2)
        elif kind == "near":
            keypoints[span, joint, :2] += rng.normal(0, 60, 2)
        elif kind == "lost":
            keypoints[span, joint if joint else slice(None), 2] = 0
        elif kind == "swap":
            keypoints[span] = keypoints[span][:, COCO.mirror]
        else:
            keypoints[span, joint, :2] = keypoints[span, COCO.mirror[joint], :2]
    return keypoints


@given(
    seed=st.integers(0, 2**16),
    errors=ERRORS,
    timestamps=st.booleans(),
    cuts=st.sets(st.integers(0, 39), max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_a_clip_equals_its_frames_one_by_one(seed, errors, timestamps, cuts):
    keypoints = spoiled(walking(seed=seed), errors, seed)
    elapsed, check = np.ones(40, np.int64), CHECK
    if timestamps:
        elapsed = np.random.default_rng(seed).integers(15, 120, 40)
        check = OutlierCheck("coco17", 1000.0)
    clip = checked(keypoints, elapsed, check)
    stream = one_by_one(keypoints, elapsed, check, cuts)
    for name in ("keypoints", "accepted", "outliers", "swapped"):
        np.testing.assert_array_equal(getattr(clip, name), getattr(stream, name), err_msg=name)


@given(
    seed=st.integers(0, 2**16),
    noise=st.sampled_from([0.0, 2.0, 8.0]),
    errors=ERRORS,
    keypoint_format=st.sampled_from(["coco17", "openpose_body25", "halpe26"]),
    ticks_per_s=st.sampled_from([5e-324, 1e-40, 1.0, 30.0, 80.0, 1000.0, 1e300]),
)
@settings(max_examples=100, deadline=None)
def test_the_quick_check_of_a_frame_equals_the_slow_one(
    seed, noise, errors, keypoint_format, ticks_per_s
):
    clip = convert(spoiled(walking(12, seed, noise), errors, seed), "coco17", keypoint_format)
    check, elapsed = OutlierCheck(keypoint_format, ticks_per_s), np.ones(1, np.int64)
    memory = MotionMemory.blank(1, clip.shape[1])
    for row in range(len(clip)):
        frame = clip[row : row + 1], clip[row : row + 1, :, 2] > 0
        later = memory.later(elapsed)
        slow = check._judge(*frame, later, elapsed)
        quick, memory = check.check_frame(*frame, elapsed, memory)
        for name in slow._fields:
            np.testing.assert_array_equal(getattr(quick, name), getattr(slow, name), err_msg=name)
        for name, values in vars(later.after(slow)).items():
            if name != "suspects_BJ2":  # of joints that are not doubted it does not matter
                np.testing.assert_array_equal(getattr(memory, name), values, err_msg=name)


@given(seed=st.integers(0, 2**16), errors=ERRORS)
@settings(max_examples=50, deadline=None)
def test_even_timestamps_change_next_to_nothing(seed, errors):
    keypoints = spoiled(walking(seed=seed), errors, seed)
    by_rate = checked(keypoints, check=OutlierCheck("coco17", 25.0))
    by_time = checked(keypoints, np.full(40, 40), OutlierCheck("coco17", 1000.0))
    differs = (by_rate.outliers != by_time.outliers).any(axis=1)
    # 0.1 s is not a whole number of frames: both ends of an error may come two frames apart.
    assert differs.sum() <= 4 * len(errors)
