"""Input that people really send, over Python, HTTP, gRPC and live, by one table."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pytest

import poselift
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import QUALITY, letters
from tests.contract.transports import Grpc, JsonOverHttp, Outcome, ProtobufOverHttp
from tests.live.clients import stream
from tests.serving import ServiceProcess, service_process

CASES = Path(__file__).parent / "field_cases"
SHIPPED = Path(poselift.__file__).parent / "models"
GOOD = "00-good-walk"
WRIST = FORMATS["coco17"].joints.index("left_wrist")
WAYS = ("python", "json", "protobuf", "grpc", "live")


@dataclass(frozen=True)
class Case:
    """A file, and what should become of it.

    ``refused`` is part of the error; otherwise the poses are those of the good walk but for
    ``mean_mm``, ``worst_mm`` away from ``apart`` at most.
    """

    name: str
    refused: str = ""
    mean_mm: float = 15.0
    warnings: tuple[str, ...] = ()
    ways: tuple[str, ...] = WAYS


TABLE = (
    Case(GOOD, mean_mm=1e-3),
    Case("01-normalised-0-1", refused='"coordinates": "normalized"'),
    Case("02-zero-zero-without-score"),
    Case("03-minus-one-without-score"),
    Case(
        "04-nan-as-pandas-and-json.dump-write-it",
        refused="finite numbers",
        ways=("python", "protobuf", "grpc"),
    ),
    Case("05-null-null-0"),
    Case("06-empty-frame-list"),
    Case("10-width-and-height-swapped", mean_mm=500, warnings=("outside_image",)),
    Case("14-one-stray-wrist", mean_mm=1.0),
    Case("21-h36m17-complete", mean_mm=40),
)


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    return content


@dataclass(frozen=True)
class Answer:
    """What came back about the one clip, in whichever way; ``refused`` is why nothing did."""

    poses: Any = None
    quality: Any = ()
    joint_quality: Any = ()
    warnings: tuple[str, ...] = ()
    refused: str = ""


def by_python(request: Mapping[str, Any]) -> Answer:
    fields = {name: value for name, value in request.items() if name != "clips"}
    clip = [
        frame and [[np.nan if x is None else x for x in joint] for joint in frame]
        for frame in request["clips"][0]["keypoints"]
    ]
    try:
        poses = poselift.lift(clip, **fields)
    except InvalidInput as error:
        return Answer(refused=str(error))
    quality = [QUALITY[code] for code in poses.quality]
    codes = tuple(warning.code for warning in poses.warnings)
    return Answer(poses.poses, quality, letters(poses.joint_quality), codes)


def of_outcome(outcome: Outcome) -> Answer:
    if outcome.slug != "ok":
        return Answer(refused=outcome.detail)
    (clip,) = outcome.clips
    codes = tuple(warning["code"] for warning in outcome.warnings)
    return Answer(clip.poses, clip.quality, clip.joint_quality, codes)


async def by_stream(service: ServiceProcess, request: Mapping[str, Any]) -> Answer:
    """Live, frame by frame; a frame in which no person is detected has no people."""
    fields = {name: value for name, value in request.items() if name != "clips"}
    answers, codes = [], []
    async with stream(service, "websocket-json") as connection:
        await connection.send({"open": fields})
        assert "opened" in await connection.receive()
        for index, keypoints in enumerate(request["clips"][0]["keypoints"]):
            people = [{"track_id": "p", "keypoints": keypoints}]
            await connection.send({"frame": {"index": index, "people": people}})
            told = (await connection.receive())["pose"]
            (person,) = told["people"]
            if "problem" in person:
                return Answer(refused=person["problem"]["detail"])
            answers.append(person)
            codes += [warning["code"] for warning in told.get("warnings", ())]
        await connection.send({"close": {}})
    poses = np.array([each["pose"] for each in answers])
    quality = [each["quality"] for each in answers]
    return Answer(poses, quality, [each["joint_quality"] for each in answers], tuple(codes))


GoodBy = Callable[[str], Awaitable[Answer]]


@pytest.fixture(scope="module")
def shipped() -> Iterator[ServiceProcess]:
    """A service with the shipped models."""
    with service_process(SHIPPED, THREADS="1") as running:
        yield running


async def answered(shipped: ServiceProcess, way: str, request: Mapping[str, Any]) -> Answer:
    if way == "python":
        return by_python(request)
    if way == "live":
        return await by_stream(shipped, request)
    transport = {"json": JsonOverHttp, "protobuf": ProtobufOverHttp, "grpc": Grpc}[way](shipped)
    try:
        return of_outcome(transport.lift(request))
    finally:
        transport.close()


@pytest.fixture(scope="module")
def good_by(shipped: ServiceProcess) -> GoodBy:
    """The answer to the good walk by a way, asked for once."""
    answers: dict[str, Answer] = {}

    async def good_by(way: str) -> Answer:
        if way not in answers:
            answers[way] = await answered(shipped, way, read(GOOD))
        return answers[way]

    return good_by


@pytest.mark.parametrize(
    ("case", "way"),
    [pytest.param(case, way, id=f"{case.name}-{way}") for case in TABLE for way in case.ways],
)
async def test_cases_from_the_field(
    shipped: ServiceProcess, good_by: GoodBy, case: Case, way: str
) -> None:
    answer = await answered(shipped, way, read(case.name))
    if case.refused:
        assert case.refused in answer.refused
        return
    assert answer.refused == ""
    good = await good_by(way)
    frames = len(answer.poses)
    apart_mm = 1000 * np.linalg.norm(answer.poses - good.poses[:frames], axis=-1)
    assert apart_mm.mean() <= case.mean_mm
    assert answer.warnings == case.warnings
    assert len(answer.joint_quality) == len(answer.quality) == frames


@pytest.mark.parametrize("way", WAYS)
async def test_a_stray_joint_is_rejected_alone(
    shipped: ServiceProcess, good_by: GoodBy, way: str
) -> None:
    answer = await answered(shipped, way, read("14-one-stray-wrist"))
    good = await good_by(way)
    rejected = [
        (t, j) for t, row in enumerate(answer.joint_quality) for j, q in enumerate(row) if q == "r"
    ]
    assert rejected == [(30, WRIST)]
    assert 1000 * np.linalg.norm(answer.poses - good.poses, axis=-1).max() < 30


@pytest.mark.parametrize("way", WAYS)
async def test_a_complete_laboratory_clip_is_measured(shipped: ServiceProcess, way: str) -> None:
    answer = await answered(shipped, way, read("21-h36m17-complete"))
    assert set(answer.quality) == {"measured"}
    assert set("".join(answer.joint_quality)) == {"m"}


@pytest.mark.parametrize("way", WAYS)
async def test_normalised_coordinates_are_taken_by_name(
    shipped: ServiceProcess, good_by: GoodBy, way: str
) -> None:
    normalised = read("01-normalised-0-1") | {"coordinates": "normalized"}
    answer = await answered(shipped, way, normalised)
    good = await good_by(way)
    assert 1000 * np.linalg.norm(answer.poses - good.poses, axis=-1).mean() < 15


@pytest.mark.parametrize("way", WAYS)
async def test_legs_never_seen_are_one_pose_and_said_to_be_unknown(
    shipped: ServiceProcess, way: str
) -> None:
    request, legs = read(GOOD), range(13, 17)
    for frame in request["clips"][0]["keypoints"]:
        for joint in legs:
            frame[joint] = [0, 0, 0]
    answer = await answered(shipped, way, request)
    assert {row[13:17] for row in answer.joint_quality} == {"nnnn"}
    assert np.ptp(answer.poses[:, [2, 3, 5, 6]], axis=0).max() < 0.15


@pytest.mark.parametrize("way", ["json", "protobuf", "grpc"])
def test_people_seen_for_moments_of_a_long_video(shipped: ServiceProcess, way: str) -> None:
    walk = read(GOOD)["clips"][0]["keypoints"]
    request = read(GOOD) | {
        "clips": [
            {"id": f"p{n}", "keypoints": [None] * 4000 * n + walk + [None] * (25_000 - 4000 * n)}
            for n in range(4)
        ]
    }
    transport = {"json": JsonOverHttp, "protobuf": ProtobufOverHttp, "grpc": Grpc}[way](shipped)
    outcome = transport.lift(request)
    transport.close()
    assert outcome.slug == "ok", outcome.detail
    for n, clip in enumerate(outcome.clips):
        known = np.flatnonzero(np.array(clip.quality) != "unknown")
        assert len(clip.quality) == 25_060
        assert known[0] == 4000 * n
        assert len(known) <= 60 + 8


def post(shipped: ServiceProcess, body: bytes) -> tuple[int, dict[str, Any]]:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{shipped.url}/v1/lift", content=body, headers=headers, timeout=60)
    return answer.status_code, answer.json()


def test_nan_in_json_is_named_and_null_suggested(shipped: ServiceProcess) -> None:
    body = (CASES / "04-nan-as-pandas-and-json.dump-write-it.json").read_bytes()
    status, told = post(shipped, body)
    assert status == 400
    assert "NaN" in told["detail"]
    assert "send null" in told["detail"]


@pytest.mark.parametrize(
    ("changes", "where", "says"),
    [
        ({"clips": None, "keypoints": [[[1, 2, 3]]]}, "clips", '"clips": [{"keypoints"'),
        ({"image_size": {"width": 1920, "height": 1080}}, "image_size", "[width, height]"),
        ({"camera": {"focal_length": 1e-9}}, "camera.focal_length", "pixels from"),
        ({"camera": {"focal_length": 4.2}}, "camera.focal_length", "millimetres"),
        ({"camera": {}}, "camera.focal_length", "fov_degrees"),
    ],
)
def test_errors_show_the_form(
    shipped: ServiceProcess, changes: dict[str, Any], where: str, says: str
) -> None:
    request = {name: value for name, value in (read(GOOD) | changes).items() if value is not None}
    status, told = post(shipped, orjson.dumps(request))
    assert (status, told["errors"][0]["where"]) == (422, where)
    assert says in told["detail"]


def test_too_long_a_clip_is_told_how_to_cut(shipped: ServiceProcess) -> None:
    frame = read(GOOD)["clips"][0]["keypoints"][0]
    status, told = post(
        shipped, orjson.dumps(read(GOOD) | {"clips": [{"keypoints": [frame] * 100_001}]})
    )
    assert status == 413
    assert "receptive_field" in told["detail"]


def test_warnings_are_counted(shipped: ServiceProcess) -> None:
    post(shipped, (CASES / "10-width-and-height-swapped.json").read_bytes())
    metrics = httpx.get(f"{shipped.url}/metrics", timeout=60).text
    assert 'poselift_warnings_total{code="outside_image"}' in metrics


async def test_posting_frames_again_is_answered_as_before(shipped: ServiceProcess) -> None:
    walk = read(GOOD)["clips"][0]["keypoints"]
    asked = {"model": "default", "lookahead_frames": 4, "image_size": [1920, 1080], "fps": 30}
    async with httpx.AsyncClient(base_url=shipped.url, timeout=60) as client:
        opened = (await client.post("/v1/sessions", json=asked)).json()
        path = f"/v1/sessions/{opened['session_id']}/frames"
        for start in (0, 3, 10, 20):
            frames = [
                {"index": i, "people": [{"track_id": "p", "keypoints": walk[i]}]}
                for i in range(start, {0: 3, 3: 10, 10: 20, 20: 30}[start])
            ]
            body = {"frames": frames, "flush": start == 20}
            first = (await client.post(path, json=body)).json()
            assert (await client.post(path, json=body)).json() == first
        assert [frame["index"] for frame in first["frames"]] == list(range(16, 30))
