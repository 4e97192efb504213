"""Records of live frames: read as they were written, those of complete frames quickly."""

from dataclasses import fields

import numpy as np
import pytest

from poselift.imputation import ImputationState
from poselift.outliers import MotionMemory
from service.live import records
from service.live.frame_log import unbroken
from service.live.records import FrameHead, RecordedFrame
from service.live.store import StoredFrame

JOINTS = 17


def recorded(people, is_complete, seed=0):
    """A frame of random people; what is not doubted has no suspects, as the check leaves it."""
    random = np.random.default_rng(seed)
    shape = people, JOINTS
    places = random.random((*shape, 2)).astype(np.float32)
    measured = np.full(shape, True) if is_complete else random.random(shape) > 0.3
    aside = ~measured
    doubted = aside * random.integers(0, 3, shape)
    age = aside * random.integers(1, 99, shape)
    suspects = random.random((*shape, 2)).astype(np.float32) * (doubted > 0)[..., None]
    swapped = np.zeros((people, 2), np.int64) if is_complete else random.integers(0, 9, (people, 2))
    codes = np.zeros(shape, np.uint8) if is_complete else random.integers(0, 4, shape)
    return RecordedFrame(
        5,
        tuple(f"p{number}" for number in range(people)),
        np.zeros(people, np.uint8),
        codes.astype(np.uint8),
        np.arange(people) - 1,
        np.arange(people) % 2 == 0,
        measured,
        ImputationState(places, measured, np.arange(people)),
        MotionMemory(places, age, suspects, doubted, swapped),
        3,
        1.5,
    )


def joined(frames):
    """The people of all of them as one frame's."""
    arrays = "quality_P", "joint_quality_PC", "sources_P", "is_fresh_P", "measured_PJ"
    return RecordedFrame(
        0,
        tuple(track_id for frame in frames for track_id in frame.track_ids),
        *(np.concatenate([getattr(frame, name) for frame in frames]) for name in arrays),
        ImputationState.joined([frame.state for frame in frames]),
        MotionMemory.joined([frame.motion for frame in frames]),
    )


@pytest.mark.parametrize("people", [0, 1, 3])
@pytest.mark.parametrize("is_complete", [True, False])
def test_a_record_is_read_as_it_was_written(people, is_complete):
    frame = recorded(people, is_complete)
    read = records.decode(5, records.encode(frame), JOINTS)
    for one, other in ((frame, read), (frame.state, read.state), (frame.motion, read.motion)):
        for field in fields(one):
            if field.name not in {"state", "motion"}:
                expected = getattr(one, field.name)
                np.testing.assert_array_equal(getattr(other, field.name), expected, field.name)


def test_frames_encoded_together_are_those_encoded_alone():
    frames = [recorded(people, people % 2 == 0, people) for people in (1, 0, 3, 2, 4)]
    heads = [FrameHead(5, len(each.track_ids), each.skipped, each.timestamp_s) for each in frames]
    together = joined(frames)
    assert records.encode_all(together, heads) == [records.encode(frame) for frame in frames]


def test_frames_from_which_a_session_can_go_on():
    def found(next_index, *places, kept=4):
        stored = [StoredFrame(index, after, b"") for index, after in places]
        return [each.index for each in unbroken(stored, next_index, kept)]

    whole = [(0, 0), (1, 1), (4, 2)]
    assert found(5, *whole) == [0, 1, 4]
    assert found(4, *whole) == [0, 1]
    assert found(9, *whole) == [0, 1, 4]
    assert found(5, (0, 0), (1, 1), (4, 3)) == [0, 1]
    assert found(9, (5, 5), (6, 6), (7, 7), (8, 8)) == [5, 6, 7, 8]
    assert found(9, (4, 4), (6, 6), (7, 7), (8, 8), kept=3) == [6, 7, 8]
    assert found(9, (6, 6), (7, 7), (8, 8)) == []
    earlier = [(0, None), (1, None), (5, None), (6, 6)]  # as an earlier version left them
    assert found(7, *earlier) == [0, 1, 5, 6]
    assert found(7, *earlier[1:]) == []
