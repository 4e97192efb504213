"""Live sessions over every transport of a running service."""

import asyncio
import base64
import json
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import websockets

from service.live.frames import Frame, Person
from tests.live.clients import (
    TRANSPORTS,
    Ended,
    Requests,
    as_json,
    assert_equal,
    lifted,
    opened,
    stream,
)
from tests.live.replicas import frame, walks
from tests.models import person_clip
from tests.serving import service_process

FRAMES = walks("anna", "ben", frames=40)


@pytest.fixture(scope="module")
def service(models):
    """A service with its private store."""
    with service_process(models, DEFAULT_MODEL="symmetric", LIVE_MODEL="causal") as process:
        yield process


@pytest.fixture(scope="module")
def expected(service):
    """What an undisturbed stream answers to ``FRAMES``."""

    async def play():
        async with stream(service, "websocket-json") as live:
            await opened(live)
            return await lifted(live, FRAMES)

    return asyncio.run(play())


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_stream_answers_frame_by_frame(service, transport, expected):
    async with stream(service, transport) as live:
        about = await opened(live)
        assert about["next_index"] == 0
        assert about["model"]["name"] == "causal"
        assert about["skeleton"]["joints"][0] == "hip"
        assert about["units"] == "metres"
        assert_equal(await lifted(live, FRAMES), expected)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_live_poses_are_those_of_the_lifted_clip(service, transport):
    clip = person_clip(50)
    async with Requests(service) as requests, stream(service, transport) as live:
        body = {
            "model": "causal",
            "image_size": [1000, 800],
            "fps": 20,
            "clips": [{"keypoints": clip.tolist()}],
        }
        whole = (await requests.ask("POST", "/v1/lift", json=body)).json()["clips"][0]
        await opened(live)
        answers = await lifted(live, [frame(i, only=clip[i]) for i in range(50)])
        poses = [answer["people"][0]["pose"] for answer in answers]
        np.testing.assert_allclose(poses, whole["poses"], atol=1e-4)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_burst_is_answered_in_order(service, transport, expected):
    async with stream(service, transport) as live:
        await opened(live)
        for each in FRAMES:
            await live.send({"frame": as_json(each)})
        assert_equal([(await live.receive())["pose"] for _ in FRAMES], expected)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_dropped_stream_is_resumed_and_a_closed_one_is_not(service, transport, expected):
    async with stream(service, transport) as live:
        session_id = (await opened(live))["session_id"]
        answers = await lifted(live, FRAMES[:15])
    async with stream(service, transport) as live:
        assert (await opened(live, session_id=session_id))["next_index"] == 15
        answers += await lifted(live, FRAMES[15:])
        assert_equal(answers, expected)
        await live.send({"close": {}})
        with pytest.raises(Ended) as ended:
            await live.receive()
        assert ended.value.code in {"OK", 1000}
    async with stream(service, transport) as live:
        assert (await opened(live, session_id=session_id))["next_index"] == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_taking_over_notifies_the_old_stream(service, transport, expected):
    async with stream(service, transport) as old, stream(service, transport) as new:
        session_id = (await opened(old))["session_id"]
        await lifted(old, FRAMES[:5])
        await opened(new, session_id=session_id)
        notice = (await old.receive())["notice"]
        assert notice["session_id"] == session_id
        assert notice["problem"]["type"] == "urn:poselift:problem:fenced"
        with pytest.raises(Ended) as ended:
            await old.receive()
        assert ended.value.code in {"ABORTED", 4409}
        assert_equal(await lifted(new, FRAMES[5:]), expected[5:])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_invalid_people_do_not_change_others(service, transport):
    clip = person_clip(6)
    async with stream(service, transport) as live, stream(service, transport) as clean:
        await opened(live)
        await opened(clean)
        wrong = [
            np.zeros((3, 3), np.float32),
            np.full((17, 3), np.nan, np.float32),
            np.full((17, 3), 1e30, np.float32),
        ]
        if transport == "websocket-json":
            wrong[1] = wrong[2]  # JSON has no NaN
        for i, keypoints in enumerate(wrong):
            people = (Person("wrong", keypoints), Person("fine", clip[i]))
            (answer,) = await lifted(live, [Frame(i, people)])
            (alone,) = await lifted(clean, [frame(i, fine=clip[i])])
            found = {person["track_id"]: person for person in answer["people"]}
            assert found["wrong"]["pose"] is None
            assert "keypoints" in found["wrong"]["problem"]["detail"]
            assert_equal([answer | {"people": [found["fine"]]}], [alone])


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_gaps_and_repeats(service, transport, expected):
    async with stream(service, transport) as live:
        await opened(live)
        await lifted(live, FRAMES[:10])
        (gap,) = await lifted(live, [FRAMES[12]])
        assert gap["next_index"] == 10
        assert gap["problem"]["type"] == "urn:poselift:problem:index-gap"
        assert_equal(await lifted(live, [FRAMES[4]]), [expected[4]])
        assert_equal(await lifted(live, FRAMES[10:]), expected[10:])


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("fields", "codes", "said"),
    [
        ({"model": "symmetric"}, {"INVALID_ARGUMENT", 4422}, "causal model"),
        ({"model": "unknown"}, {"INVALID_ARGUMENT", 4422}, "model"),
        ({"keypoint_format": "nope"}, {"INVALID_ARGUMENT", 4422}, "keypoint_format"),
        ({"image_size": [0, 5]}, {"INVALID_ARGUMENT", 4422}, r"image_size\[0\]"),
        ({"session_id": "a b"}, {"INVALID_ARGUMENT", 4422}, "session_id"),
    ],
)
async def test_sessions_that_cannot_be_opened(service, transport, fields, codes, said):
    async with stream(service, transport) as live:
        with pytest.raises(Ended) as ended:
            await opened(live, **fields)
        assert ended.value.code in codes
        assert re.search(said, ended.value.detail)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_stream_must_begin_by_opening(service, transport):
    async with stream(service, transport) as live:
        await live.send({"frame": as_json(FRAMES[0])})
        with pytest.raises(Ended, match="opens a session"):
            await live.receive()


async def test_messages_that_cannot_be_read_are_answered_in_the_stream(service, expected):
    async with stream(service, "websocket-json") as live:
        await opened(live)
        await lifted(live, FRAMES[:3])
        negative = '{"frame": {"index": -1, "people": []}}'
        for text in ("{", "[]", '{"frame": 1}', negative, '{"x":1}'):
            await live._socket.send(text)
            answer = (await live.receive())["pose"]
            assert answer["next_index"] == 3
            assert answer["problem"]["type"].split(":")[-1] in {"unreadable", "invalid"}
        assert_equal(await lifted(live, FRAMES[3:]), expected[3:])
        with suppress(websockets.ConnectionClosed):
            await live._socket.send("1," * 3_000_000)
        with pytest.raises(Ended, match="1009"):
            await live.receive()


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_drop_oldest_lifts_the_newest_frames(service, transport):
    clip = person_clip(400)
    async with stream(service, transport) as live:
        await opened(live, when_behind="drop_oldest")
        for i in range(400):
            await live.send({"frame": as_json(frame(i, only=clip[i]))})
        indices = []
        while not indices or indices[-1] < 399:
            indices.append((await live.receive())["pose"]["index"])
        assert indices == sorted(set(indices))


async def test_sessions_over_requests(service, expected):
    async with Requests(service) as requests:
        about = await requests.open()
        assert about.status_code == 201
        session_id = about.json()["session_id"]
        answer = (await requests.frames(session_id, FRAMES[:25])).json()
        assert answer["next_index"] == 25
        assert_equal(answer["frames"], expected[:25])
        path = f"/v1/sessions/{session_id}"
        assert (await requests.ask("GET", path)).json()["next_index"] == 25
        gap = await requests.frames(session_id, FRAMES[30:31])
        assert (gap.status_code, gap.json()["next_index"]) == (409, 25)
        again = (await requests.frames(session_id, FRAMES[20:])).json()["frames"]
        assert_equal(again, expected[20:])
        assert (await requests.open(session_id=session_id)).json()["next_index"] == 40
        assert (await requests.ask("DELETE", path)).status_code == 204
        assert (await requests.ask("GET", path)).status_code == 404
        assert (await requests.frames(session_id, FRAMES[:1])).status_code == 404


LATER = {"model": "symmetric", "lookahead_frames": 5}


@pytest.fixture(scope="module")
def expected_later(service):
    """What requests answer to ``FRAMES`` five frames later."""

    async def play():
        async with Requests(service) as requests:
            session_id = (await requests.open(**LATER)).json()["session_id"]
            answer = await requests.frames(session_id, FRAMES, flush=True)
            return answer.json()["frames"]

    return asyncio.run(play())


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_chosen_latency(service, transport, expected_later):
    async with stream(service, transport) as live:
        about = await opened(live, **LATER)
        assert about["model"]["name"] == "symmetric"
        for each in FRAMES:
            await live.send({"frame": as_json(each)})
        answers = [(await live.receive())["pose"] for _ in FRAMES[5:]]
        await live.send({"close": {}})
        answers += [(await live.receive())["pose"] for _ in range(5)]
        with pytest.raises(Ended) as ended:
            await live.receive()
        assert ended.value.code in {"OK", 1000}
    assert_equal(answers, expected_later)


async def test_a_chosen_latency_over_requests(service, expected_later):
    async with Requests(service) as requests:
        session_id = (await requests.open(**LATER)).json()["session_id"]
        first = (await requests.frames(session_id, FRAMES[:3])).json()
        assert (first["frames"], first["next_index"]) == ([], 3)
        second = (await requests.frames(session_id, FRAMES[3:])).json()["frames"]
        rest = (await requests.frames(session_id, [], flush=True)).json()["frames"]
        assert_equal(second + rest, expected_later)
        refused = await requests.open(model="symmetric", lookahead_frames=99)
        assert refused.status_code == 422
        assert "lookahead_frames: expected for symmetric 1 to 13" in refused.json()["detail"]


async def test_requests_take_a_session_from_a_stream(service, expected):
    async with Requests(service) as requests, stream(service, "grpc") as live:
        session_id = (await opened(live))["session_id"]
        await lifted(live, FRAMES[:5])
        answer = (await requests.frames(session_id, FRAMES[5:10])).json()
        assert_equal(answer["frames"], expected[5:10])
        assert (await live.receive())["notice"]["problem"]["type"].endswith("fenced")


async def test_bad_requests_lose_nothing(service, expected):
    async with Requests(service) as requests:
        session_id = (await requests.open()).json()["session_id"]
        path = f"/v1/sessions/{session_id}/frames"
        bad = Frame(1, (Person("a", np.zeros((2, 3), np.float32)),))
        for answer, status, said in [
            (await requests.frames(session_id, [FRAMES[0], bad]), 422, "frames[1].people[0].keyp"),
            (await requests.ask("POST", path, content=b"{"), 415, "content-type"),
            (await requests.ask("POST", path, json=[]), 422, "body"),
            (await requests.ask("POST", path, json={"frames": []}), 422, "frames"),
            (await requests.ask("POST", path, json={"frames": [1]}), 422, "frames[0]"),
            (await requests.ask("POST", "/v1/sessions", json={"image_size": 5}), 422, "image_size"),
        ]:
            assert answer.status_code == status
            assert said in answer.json()["detail"]
        assert_equal((await requests.frames(session_id, FRAMES[:5])).json()["frames"], expected[:5])


async def test_metrics_and_readiness_include_live_sessions(service):
    async with Requests(service) as requests, stream(service, "grpc") as live:
        await opened(live)
        await lifted(live, FRAMES[:3])
        text = (await requests.ask("GET", "/metrics")).text
        assert "poselift_session_store_up 1.0" in text
        assert float(re.search(r"\nposelift_live_sessions (\S+)", text)[1]) >= 1
        assert float(re.search(r'\nposelift_live_people{model="causal"} (\S+)', text)[1]) >= 2
        assert (await requests.ask("GET", "/readyz")).json() == {"status": "ready"}


async def test_an_api_key_is_required(models):
    with service_process(models, LIVE_MODEL="causal", API_KEYS="mine,yours") as service:
        for transport in TRANSPORTS:
            async with stream(service, transport, key="mine") as live:
                session_id = (await opened(live))["session_id"]
            for key, codes in [
                (None, {"UNAUTHENTICATED", 4401}),
                ("wrong", {"PERMISSION_DENIED", 4403}),
                ("yours", {"PERMISSION_DENIED", 4403}),
            ]:
                async with stream(service, transport, key=key) as live:
                    with pytest.raises(Ended) as ended:
                        await opened(live, session_id=session_id)
                    assert ended.value.code in codes


def as_subprotocol(key):
    encoded = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
    return f"poselift.key.{encoded}"


async def test_a_key_as_a_subprotocol_where_headers_cannot_be_set(models):
    key = "unusual key/with+characters?"
    with service_process(models, LIVE_MODEL="causal", API_KEYS=key, LOG_LEVEL="debug") as service:
        url = f"ws://127.0.0.1:{service.http_port}/v1/stream"
        opening = json.dumps({"open": {"image_size": [1000, 800]}})
        for offered, answered in [
            (["poselift", as_subprotocol(key)], "poselift"),
            ([as_subprotocol(key), "poselift.v1.json"], "poselift.v1.json"),
            ([as_subprotocol(key)], None),
        ]:
            async with websockets.connect(url, subprotocols=offered) as socket:
                assert socket.subprotocol == answered
                await socket.send(opening)
                assert "opened" in json.loads(await socket.recv())
        for offered, code in [
            (["poselift"], 4401),
            (["poselift", as_subprotocol("other")], 4403),
            (["poselift", "poselift.key."], 4401),
            (["poselift", "poselift.key.A"], 4401),
            (["poselift", "poselift.key._w"], 4401),  # not UTF-8
        ]:
            async with websockets.connect(url, subprotocols=offered) as socket:
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await socket.recv()
                assert closed.value.rcvd.code == code
        assert service.stop() == 0
    logged = "".join(service.log)
    assert "ready" in logged
    for secret in (key, as_subprotocol(key), as_subprotocol("other")):
        assert secret.removeprefix("poselift.key.") not in logged


async def test_no_store_is_left_behind(models):
    with service_process(models, LIVE_MODEL="causal") as service:
        stores = {process for process in _below(service.process.pid) if _is_of_a_store(process)}
        assert len(stores) == 2  # the server and its guard
        service.process.kill()
        async with asyncio.timeout(60):
            while any(_is_of_a_store(process) for process in stores):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.05)


def _below(process):
    """The processes that a process started, and those that they started."""
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from _below(int(child))


def _is_of_a_store(process):
    with suppress(OSError):
        return b"poselift-store-" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_invalid_frames_of_one_caller_do_not_affect_another(service, transport, expected):
    clip = person_clip(1)
    async with stream(service, transport) as extreme, stream(service, transport) as other:
        await opened(extreme, when_behind="drop_oldest")
        await opened(other)
        answers = await lifted(other, FRAMES[:5])
        (far,) = await lifted(extreme, [frame(10**15, a=clip[0])])
        assert len(far["people"]) == 1
        for bad, said in [
            (frame(2**60, a=clip[0]), "index"),
            (Frame(10**15 + 1, tuple(Person(str(i), clip[0]) for i in range(257))), "at most 256"),
        ]:
            (answer,) = await lifted(extreme, [bad])
            assert said in answer["problem"]["detail"]
        long = Frame(10**15 + 1, (Person("日" * 86, clip[0]), Person("b", clip[0])))
        (answer,) = await lifted(extreme, [long])
        assert "bytes of UTF-8" in str([person.get("problem") for person in answer["people"]])
        answers += await lifted(other, FRAMES[5:])
        assert all("durable" not in answer for answer in answers)
        assert_equal(answers, expected)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("when_behind", ["wait", "drop_oldest"])
async def test_closing_ends_a_stream_well(service, transport, when_behind):
    async with stream(service, transport) as live:
        await opened(live, when_behind=when_behind)
        await lifted(live, FRAMES[:2])
        await live.send({"close": {}})
        with pytest.raises(Ended) as ended:
            await live.receive()
        assert ended.value.code in {"OK", 1000}


async def test_requests_with_too_many_frames_are_refused(service):
    async with Requests(service) as requests:
        session_id = (await requests.open()).json()["session_id"]
        answer = await requests.frames(session_id, [Frame(i, ()) for i in range(65)])
        assert answer.status_code == 413
        assert "limit of 64" in answer.json()["detail"]
