"""Answers to live frames, put together from bytes: those that protobuf's own classes write."""

import numpy as np
import pytest
from google.protobuf.json_format import ParseDict

from poselift.errors import InvalidInput
from poselift.imputation import JOINT_QUALITY, Quality
from poselift.poses import Poses, PoseWarning
from poselift.v1 import poselift_pb2 as messages
from service.live.frames import FramePoses, PersonError
from service.wire.served_formats import PROTOBUF
from service.wire.stream_messages import people_of

JOINTS, LETTERS = 17, 26
WARNING = PoseWarning("degenerate", "the joints lie on a line", (3, 4), "anna")


def poses(people, is_full):
    """Random poses, with all that a model may estimate or with nothing else."""
    random = np.random.default_rng(people)

    def numbers(*shape):
        return random.normal(size=(people, *shape)).astype(np.float32)

    qualities = np.arange(people, dtype=np.uint8) % len(Quality)
    if not is_full:
        return Poses(numbers(JOINTS, 3), quality=qualities)
    letters = random.integers(0, len(JOINT_QUALITY), (people, LETTERS)).astype(np.uint8)
    arrays = numbers(JOINTS, 3), numbers(3), numbers(JOINTS)
    return Poses(*arrays, quality=qualities, joint_quality=letters)


def field_by_field(answer):
    """The answer as a message that is filled in."""
    message = messages.FramePoses(index=answer.index)
    if not answer.is_durable:
        message.durable = False
    for told in answer.warnings:
        fields = {"code": told.code, "detail": told.detail, "track_id": told.track_id}
        message.warnings.add(frames=told.frames, **fields)
    for person in people_of(answer):
        arrays = person.pose_K3, person.trajectory_3, person.expected_errors_K
        numbers = [[] if each is None else each.ravel().tolist() for each in arrays]
        said = message.people.add(
            track_id=person.track_id,
            pose=numbers[0],
            trajectory=numbers[1],
            expected_errors=numbers[2],
            quality=person.quality + messages.QUALITY_MEASURED,
            joint_quality=person.joint_quality,
            source=person.source,
        )
        if person.problem is not None:
            ParseDict(dict(person.problem), said.problem, ignore_unknown_fields=True)
    return message


@pytest.mark.parametrize("index", [0, 127, 128, 2**53 - 1])
@pytest.mark.parametrize("people", [0, 1, 5])
@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("is_odd", [False, True])
def test_an_answer_is_the_one_that_its_fields_make(people, is_full, is_odd, index):
    names = tuple("日" * number for number in range(people))
    errors = [PersonError(name, InvalidInput.at("x", "y"), 300) for name in ("日", "new")]
    sources = tuple(number - 1 if number < 3 else 200 for number in range(people))
    oddities = (False, tuple(errors), sources, (WARNING,)) if is_odd else (True, (), sources)
    answer = FramePoses(index, names, poses(people, is_full), *oddities)
    slow = field_by_field(answer)
    whole = messages.LiftStreamResponse.FromString(PROTOBUF.encode_pose(answer))
    assert whole == messages.LiftStreamResponse(pose=slow)
    body = messages.LiftFramesResponse.FromString(PROTOBUF.encode_frames([answer, answer], 7))
    assert body == messages.LiftFramesResponse(frames=[slow, slow], next_index=7)
