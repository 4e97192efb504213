"""Keypoints copied from serialised messages: those that protobuf's own classes read."""

import numpy as np
import pytest

from poselift.packed_fields import embedded, floats_behind_text
from poselift.v1 import poselift_pb2 as messages
from service.validation import Limits
from service.wire.served_formats import PROTOBUF

JOINTS = 17
LIMITS = Limits(2**20, 1000, 10)
NAMES = ["", "p", "日" * 33, "x" * 100]


def numbers(count, seed=0):
    return np.random.default_rng(seed).normal(500, 300, count).astype(np.float32)


def one_by_one(message):
    return np.array(list(message.keypoints), np.float32).reshape(-1, JOINTS, 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_persons_keypoints_are_those_read_one_by_one(name):
    person = messages.Person(track_id=name, keypoints=numbers(3 * JOINTS))
    other = messages.Person(track_id="other", keypoints=numbers(3 * JOINTS, 1))
    frame = messages.Frame(index=7, people=[person, other], timestamp_s=1.5)
    body = messages.LiftStreamRequest(frame=frame).SerializeToString()
    read = PROTOBUF.decode_stream_message(body, JOINTS)
    assert [each.track_id for each in read.people] == [name, "other"]
    for found, sent in zip(read.people, (person, other), strict=True):
        np.testing.assert_array_equal(found.keypoints_J3, one_by_one(sent)[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_person_as_other_libraries_may_write_it(name):
    """Keypoints one by one, in two parts, before the id; unknown fields all around."""
    sent = numbers(3 * JOINTS)
    unpacked = b"".join(b"\x15" + number.tobytes() for number in sent[:20])
    packed, unknown = embedded(2, sent[20:].tobytes()), embedded(9, b"\x12" * 204)
    track_id = embedded(1, name.encode())
    person = unknown + unpacked + track_id + unknown + packed + unknown
    body = embedded(2, embedded(2, person))
    (read,) = PROTOBUF.decode_stream_message(body, JOINTS).people
    assert read.track_id == name
    np.testing.assert_array_equal(read.keypoints_J3, sent.reshape(JOINTS, 3))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frames", [1, 27])
def test_a_clips_keypoints_are_those_read_one_by_one(name, frames):
    times = [float(number) for number in range(frames)]
    fields = {"first_frame": 300, "timestamps_s": times}
    clip = messages.Clip(id=name, keypoints=numbers(3 * JOINTS * frames), **fields)
    request = messages.LiftRequest(image_size=[1000, 800], clips=[clip])
    (read,) = PROTOBUF.decode_lift_request(request.SerializeToString(), LIMITS).clips
    np.testing.assert_array_equal(read.keypoints_TJ3, one_by_one(clip))


def test_floats_that_do_not_stand_there_are_refused():
    written = messages.Person(track_id="p", keypoints=[1, 2, 3]).SerializeToString()
    assert floats_behind_text(written, "p", 2, 3).tolist() == [1, 2, 3]
    for text, field, count in (("q" * 2, 2, 3), ("p", 3, 3), ("p", 2, 2), ("p", 2, 4)):
        with pytest.raises(ValueError, match="does not stand there"):
            floats_behind_text(written, text, field, count)
