"""Every option through every wire format: the same request, or a refusal of the same place."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest

from poselift.errors import InvalidInput, PoseliftError
from poselift.v1 import poselift_pb2 as messages
from service.live.frames import Frame
from service.request_errors import TooLarge
from service.requests import Clip, LiftOptions, LiftRequest, SessionOptions
from service.validation import Limits
from service.wire.served_formats import JSON, PROTOBUF, SERVED_FORMATS
from service.wire.stream_messages import Close, FrameBatch
from service.wire.wire_format import WireFormat
from tests.contract.transports import as_message, numbered, packed

Fields = Mapping[str, Any]

JOINTS = 17
PERSON = [[float(joint), 2.5, 0.5] for joint in range(JOINTS)]
CAMERA = {"focal_length": [900.0, 910.0], "principal_point": [500.0, 400.0]}


class Case(NamedTuple):
    """Values of one option."""

    option: str
    good: tuple[Any, ...]
    bad: tuple[tuple[Any, str], ...] = ()
    """Values that are refused, and the places that the refusals name."""


SHARED = (
    Case("model", ("live", "", "x" * 100)),
    Case(
        "image_size",
        ([640, 480], [0.5, 1e6]),
        (
            ([1], "image_size[1]"),
            ([1, 2, 3], "image_size"),
            ([0, 1], "image_size[0]"),
            ([1, 1e7], "image_size[1]"),
        ),
    ),
    Case("fps", (0.1, 29.97, 1000), ((0, "fps"), (1001, "fps"), (-1, "fps"))),
    Case("keypoint_format", ("coco17",), (("coco18", "keypoint_format"),)),
    Case(
        "camera",
        (
            CAMERA,
            CAMERA | {"radial": [0.1, 0, 0]},
            CAMERA | {"tangential": [0.1, -0.1]},
            {"focal_length": 900.0},
            {"focal_length": [900.0, 910.0]},
            {"fov_degrees": 60.0},
        ),
        (
            ({}, "camera.focal_length"),
            (CAMERA | {"focal_length": [900, 0]}, "camera.focal_length[1]"),
            (CAMERA | {"fov_degrees": 60.0}, "camera.focal_length"),
            ({"focal_length": 4.2}, "camera.focal_length"),
            ({"fov_degrees": 0.0}, "camera.fov_degrees"),
            (CAMERA | {"principal_point": [1]}, "camera.principal_point[1]"),
            (CAMERA | {"radial": [0.1]}, "camera.radial[1]"),
            (CAMERA | {"tangential": [0.1, 1e39]}, "camera.tangential[1]"),
        ),
    ),
    Case("min_score", (0, 0.5, 1), ((1.1, "min_score"), (-0.1, "min_score"))),
    Case("axes", ("camera", "y_up", "z_up"), (("x_up", "axes"),)),
    Case("coordinates", ("pixels", "normalized"), (("meters", "coordinates"),)),
    Case("person_height_m", (0.3, 1.75), ((0, "person_height_m"), (30, "person_height_m"))),
    Case("smoothing_s", (0, 0.2, 1), ((1.1, "smoothing_s"), (-0.1, "smoothing_s"))),
)
OF_CLIPS = (
    *SHARED,
    Case("flip_augmentation", (True, False)),
    Case("constant_bone_lengths", (True, False)),
    Case("ground_contact", (True, False)),
    Case(
        "clips",
        (
            [{"keypoints": [PERSON]}],
            [{"keypoints": [PERSON] * 2, "first_frame": 7, "timestamps_s": [0.5, 0.75]}],
            [{"keypoints": [PERSON] * 3}, {"id": "日本", "keypoints": [[None] * 3 + PERSON[3:]]}],
        ),
        (
            ([], "clips"),
            ([{"keypoints": []}], "clips[0].keypoints"),
            ([{"keypoints": [PERSON]}, {"id": "x" * 201, "keypoints": [PERSON]}], "clips[1].id"),
            ([{"keypoints": [PERSON]}] * 3, ""),
        ),
    ),
)
OF_SESSIONS = (
    *SHARED,
    Case(
        "session_id",
        ("anna", "A-b_c.9"),
        (("a b", "session_id"), ("", "session_id"), ("x" * 101, "session_id")),
    ),
    Case("associate", (True, False)),
    Case("when_behind", ("wait", "drop_oldest"), (("never", "when_behind"),)),
    Case("allow_gaps", (True, False)),
    Case("lookahead_frames", (0, 1, 10_000), ((10_001, "lookahead_frames"),)),
)
FAR = [[1e30, 1.0, 1.0], *PERSON[1:]]


def person(track_id: str = "anna", keypoints: Any = PERSON) -> Fields:
    return {"track_id": track_id, "keypoints": keypoints}


def frame(*people: Fields, index: int = 0) -> Fields:
    return {"index": index, "people": list(people)}


OF_FRAMES = (
    Case(
        "frames",
        ([frame()], [frame(person(), index=7), frame(person(), person("ben"), index=8)]),
        (
            ([], "frames"),
            ([frame()] * 65, ""),
            ([frame(index=2**53)], "frames[0].index"),
            ([frame(), frame(*[person(str(n)) for n in range(257)])], "frames[1].people"),
        ),
    ),
    Case("flush", (True, False)),
)
FRAMES = (
    frame(person(), person("ben", [[None] * JOINTS][0])),
    frame(person(""), person("")),
    {**frame(person()), "timestamp_s": 12.5},
    frame(person(), person()),
    frame(person("日" * 86)),
    frame(person("far", FAR), person()),
)


def cases(table: tuple[Case, ...]) -> list[Any]:
    return [
        pytest.param(case.option, value, place, id=f"{case.option} {str(value)[:30]}")
        for case in table
        for value, place in [*((good, None) for good in case.good), *case.bad]
    ]


@pytest.mark.parametrize(("option", "value", "place"), cases(OF_CLIPS))
def test_lift_requests(option: str, value: Any, place: str | None) -> None:
    fields = {"image_size": [1000, 800], "clips": [{"keypoints": [PERSON]}], option: value}
    limits = Limits(max_clips_per_request=2)
    check(fields, as_message, lambda each, body: each.decode_lift_request(body, limits), place)


@pytest.mark.parametrize(("option", "value", "place"), cases(OF_SESSIONS))
def test_opening_a_session(option: str, value: Any, place: str | None) -> None:
    fields = {"image_size": [1000, 800], option: value}
    check(fields, open_message, lambda each, body: each.decode_open(body), place)
    check(
        {"open": fields},
        lambda message: messages.LiftStreamRequest(open=open_message(message["open"])),
        lambda each, body: each.decode_stream_message(body, 0),
        place,
    )


def test_opening_with_lookahead_and_smoothing_is_refused() -> None:
    fields = {"image_size": [1000, 800], "lookahead_frames": 3, "smoothing_s": 0.1}
    check(fields, open_message, lambda each, body: each.decode_open(body), "smoothing_s")


@pytest.mark.parametrize(("option", "value", "place"), cases(OF_FRAMES))
def test_bodies_with_frames(option: str, value: Any, place: str | None) -> None:
    fields = {"frames": [frame()], option: value}
    check(fields, frames_message, lambda each, body: each.decode_frames(body, JOINTS), place)


@pytest.mark.parametrize(
    ("fields", "place"), [({"flush": True}, None), ({"flush": False}, "frames"), ({}, "frames")]
)
def test_a_flush_needs_no_frames(fields: Fields, place: str | None) -> None:
    check(fields, frames_message, lambda each, body: each.decode_frames(body, JOINTS), place)


@pytest.mark.parametrize("content", FRAMES, ids=range(len(FRAMES)))
def test_frames_of_a_stream(content: Fields) -> None:
    check(
        {"frame": content},
        lambda message: messages.LiftStreamRequest(frame=frame_message(message["frame"])),
        lambda each, body: each.decode_stream_message(body, JOINTS),
        None,
    )


def test_the_end_of_a_stream() -> None:
    closing = messages.LiftStreamRequest(close=messages.CloseSession())
    check({"close": {}}, lambda _: closing, lambda each, body: each.decode_stream_message(body, 0))


def test_the_tables_have_every_option() -> None:
    assert {case.option for case in OF_CLIPS} == {*LiftOptions.model_fields, "clips"}
    assert {case.option for case in OF_SESSIONS} == {*SessionOptions.model_fields}
    names = messages.LiftFramesRequest.DESCRIPTOR.fields_by_name
    assert {case.option for case in OF_FRAMES} == set(names)


def test_opening_with_lookahead_and_gaps_is_refused() -> None:
    fields = {"image_size": [1000, 800], "lookahead_frames": 3, "allow_gaps": True}
    check(fields, open_message, lambda each, body: each.decode_open(body), "allow_gaps")


def test_names_differ_by_format() -> None:
    names = [name for each in SERVED_FORMATS for name in (*each.media_types, each.subprotocol)]
    assert len(set(names)) == len(names)


def check(
    fields: Fields,
    to_message: Callable[[Fields], Any],
    decode: Callable[[WireFormat, bytes], Any],
    place: str | None = None,
) -> None:
    """Whether both formats read the same, or refuse the place; "" for one that names none."""
    bodies = {JSON: orjson.dumps(fields), PROTOBUF: to_message(fields).SerializeToString()}
    if place is None:
        one, other = [comparable(decode(each, body)) for each, body in bodies.items()]
        assert one == other
        return
    for each, body in bodies.items():
        with pytest.raises(PoseliftError) as refused:
            decode(each, body)
        assert type(refused.value) is (InvalidInput if place else TooLarge)
        if place:
            assert refused.value.field_errors[0].where == place


def comparable(read: Any) -> Any:
    """What was read, such that equal arrays are equal and unequal models are not."""
    match read:
        case LiftRequest():
            return comparable(read.options), [comparable(clip) for clip in read.clips]
        case Clip():
            times = None if read.timestamps_s is None else comparable(read.timestamps_s)
            return read.id, comparable(read.keypoints_TJ3), read.first_frame, times
        case LiftOptions() | SessionOptions():
            return read, "model" in read.model_fields_set
        case FrameBatch():
            return [comparable(each) for each in read.frames], read.flush
        case Frame():
            people = [(each.track_id, comparable(each.keypoints_J3)) for each in read.people]
            errors = [(error.track_id, error.error.field_errors) for error in read.errors]
            return read.index, people, errors, read.timestamp_s
        case np.ndarray():
            return read.dtype, read.tolist()
        case Close():
            return read
    raise AssertionError(f"{type(read)} is no request")


def open_message(fields: Fields) -> messages.OpenSession:
    return messages.OpenSession(**numbered(fields))


def frames_message(fields: Fields) -> messages.LiftFramesRequest:
    frames = [frame_message(each) for each in fields.get("frames", ())]
    return messages.LiftFramesRequest(frames=frames, flush=fields.get("flush", False))


def frame_message(content: Fields) -> messages.Frame:
    people = [
        messages.Person(track_id=each["track_id"], keypoints=packed([each["keypoints"]]))
        for each in content["people"]
    ]
    return messages.Frame(**content | {"people": people})
