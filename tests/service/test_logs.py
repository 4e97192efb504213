"""What is logged: ids of requests and sessions, as text and JSON; and nothing of people or keys."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import grpc
import httpx
import orjson
import pytest
import websockets

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from service.logs import _add_ids, _JsonFormatter, _TextFormatter, begin_request, in_session
from tests.live.clients import TRANSPORTS, Ended, Requests, as_json, lifted, opened, stream
from tests.live.replicas import walks
from tests.serving import ServiceProcess, service_process

KEY = "a-long-key-that-is-not-guessed"
WRONG_KEY = "a-long-key-that-opens-nothing"
FOREIGN = websockets.Origin("http://foreign.example")
UPGRADE = (
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: YWFhYWFhYWFhYWFhYWFhYQ=="
)
SEEN = 123.456789
"""A coordinate that is nowhere else."""


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    settings = {"LOG_FORMAT": "json", "LOG_LEVEL": "debug", "ACCESS_LOG": "true", "API_KEYS": KEY}
    with service_process(models, LIVE_MODEL="causal", **settings) as running:
        yield running


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    headers = {"x-api-key": KEY}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as opened_client:
        yield opened_client


def lines(service: ServiceProcess, request_id: str) -> list[dict[str, Any]]:
    """What is logged about a request, once there is something."""
    service.log_says(f'"{request_id}"')
    found: list[dict[str, Any]] = [json.loads(line) for line in service.log]
    return [line for line in found if line.get("request_id") == request_id]


def test_every_answer_has_an_id_that_the_log_has_too(
    service: ServiceProcess, client: httpx.Client
) -> None:
    answer = client.get("/v1/models", headers={"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    (line,) = lines(service, "mine-1")
    assert line.pop("time").endswith("Z")
    assert line.pop("seconds") > 0
    assert line.pop("message").startswith("http list_models: ok in ")
    assert line == {
        "level": "info",
        "logger": "poselift.access",
        "request_id": "mine-1",
        "transport": "http",
        "operation": "list_models",
        "outcome": "ok",
        "caller": line["caller"],
        "address": "127.0.0.1",
    }
    assert len(line["caller"]) == 5  # of a key without a name
    refused = client.post("/v1/lift", content=b"{", headers={"content-type": "application/json"})
    assert refused.status_code == 400
    (line,) = lines(service, refused.headers["x-request-id"])
    assert line["outcome"] == "unreadable"
    for path in ("/healthz", "/nothing"):
        assert len(client.get(path).headers["x-request-id"]) == 16


@pytest.mark.parametrize(
    ("request_line", "headers", "transport", "status"),
    [
        ("GET /nothing", "", "http", 404),
        ("PUT /v1/lift", "", "http", 405),
        ("GET /healthz", f"origin: {FOREIGN}", "http", 403),
        ("GET /v1/models", "host: foreign.example", "http", 421),
        ("GET /healthz", "", "http", 200),
        ("GET /v1/nothing", UPGRADE, "websocket", 404),
        ("GET /v1/stream", UPGRADE.replace("13", "9"), "websocket", 400),
        ("GET /", f"x: {'y' * 70_000}", "http", 431),
        ("NO LINE AT ALL", "", "http", 400),
    ],
)
def test_requests_of_no_operation_have_a_line_and_are_counted(
    service: ServiceProcess,
    client: httpx.Client,
    request_line: str,
    headers: str,
    transport: str,
    status: int,
) -> None:
    counted, ours = f'poselift_unread_requests_total{{status="{status}"}}', f"{transport}-{status}"
    before = _metrics(client).get(counted, 0)
    sent = [f"{request_line} HTTP/1.1", f"x-request-id: {ours}", *headers.split("\r\n")]
    if "host:" not in headers:
        sent.append("host: localhost")
    if "upgrade:" not in headers:
        sent.append("connection: close")
    with socket.create_connection(("127.0.0.1", service.http_port), 60) as connection:
        connection.sendall("\r\n".join([*filter(None, sent), "", ""]).encode())
        answer = b"".join(iter(partial(connection.recv, 65_536), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    if (transport, status) != ("websocket", 400):  # it is no handshake
        ours = answer.partition("x-request-id: ")[2].partition("\r\n")[0]
    outcome = "ok" if status == 200 else HTTPStatus(status).phrase.lower().replace(" ", "-")
    (line,) = lines(service, ours)
    told = line["transport"], line["operation"], line["outcome"], line["address"]
    assert told == (transport, "other", outcome, "127.0.0.1")
    assert _metrics(client).get(counted, 0) - before == (status != 200)


@pytest.mark.parametrize("bad", ["two words", "a" * 129, "line%0Abreak", ""])
def test_other_ids_are_not_taken(client: httpx.Client, bad: str) -> None:
    given = client.get("/healthz", headers={"x-request-id": bad}).headers["x-request-id"]
    assert given != bad
    assert len(given) == 16


def test_calls_have_ids_in_their_trailers(service: ServiceProcess) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        poselift, metadata = stubs.PoseLiftStub(channel), [("x-api-key", KEY)]
        ours = [*metadata, ("x-request-id", "mine-2")]
        asked = messages.ListModelsRequest()
        _, call = poselift.ListModels.with_call(asked, metadata=ours, timeout=60)
        assert ("x-request-id", "mine-2") in call.trailing_metadata()
        with pytest.raises(grpc.RpcError) as refused:
            poselift.Lift(messages.LiftRequest(), metadata=metadata, timeout=60)
        nothing = channel.unary_unary("/poselift.v1.PoseLift/Nothing")
        with pytest.raises(grpc.RpcError) as unknown:
            nothing(b"", metadata=[("x-request-id", "mine-6")], timeout=60)
    ids = dict(refused.value.trailing_metadata())["x-request-id"]
    assert [line["outcome"] for line in lines(service, ids)] == ["invalid"]
    assert [line["transport"] for line in lines(service, "mine-2")] == ["grpc"]
    assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert ("x-request-id", "mine-6") in unknown.value.trailing_metadata()
    assert [line["outcome"] for line in lines(service, "mine-6")] == ["not-found"]


def test_requests_of_a_session_have_its_id(service: ServiceProcess, client: httpx.Client) -> None:
    made = client.post("/v1/sessions", json={"image_size": [1000, 800]})
    session_id = made.json()["session_id"]
    looked = client.get(f"/v1/sessions/{session_id}")
    assert made.headers["x-session-id"] == looked.headers["x-session-id"] == session_id
    (line,) = lines(service, looked.headers["x-request-id"])
    assert line["session_id"] == session_id
    refused = client.post("/v1/sessions", json={"image_size": [9, 9], "session_id": session_id})
    assert refused.status_code == 422
    assert refused.headers["x-session-id"] == session_id
    strange = client.get("/v1/sessions/a%0Ab")
    assert "x-session-id" not in strange.headers


async def test_a_socket_has_an_id(service: ServiceProcess) -> None:
    url = f"ws://127.0.0.1:{service.http_port}/v1/stream"
    async with websockets.connect(url, additional_headers={"x-request-id": "mine-3"}) as live:
        assert live.response is not None
        assert live.response.headers["x-request-id"] == "mine-3"


async def test_sockets_that_are_refused_fill_no_log(service: ServiceProcess) -> None:
    url = f"ws://127.0.0.1:{service.http_port}/v1/stream"
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(url, origin=FOREIGN)
    assert refused.value.response.status_code == 403
    async with websockets.connect(url, additional_headers={"x-api-key": KEY}) as live:
        await live.send(b"\xff", text=True)
        with pytest.raises(websockets.ConnectionClosedError, match="1007"):
            await live.recv()
    ours = {"x-request-id": "mine-5"}
    async with httpx.AsyncClient() as client:
        await client.get(f"{service.url}/v1/models", headers=ours)
    assert lines(service, "mine-5")  # by now the others would be there
    assert not any("error" in json.loads(line)["level"] for line in service.log)


async def test_nothing_of_people_and_keys_is_logged(
    service: ServiceProcess, client: httpx.Client
) -> None:
    """At the level that says most, whatever goes wrong."""
    last = ask_wrongly(service, client)
    for transport in TRANSPORTS:
        async with stream(service, transport, key=KEY) as live:
            await opened(live)
            await lifted(live, walks("anna-the-person", frames=2))
            await live.send({"frame": {"index": 99, "people": []}})
            await live.receive()
        async with stream(service, transport, key=WRONG_KEY) as live:
            with pytest.raises(Ended):
                await opened(live)
    assert lines(service, last.headers["x-request-id"])
    log = "".join(service.log)
    for secret in (str(SEEN), "123.45", "anna-the-person", KEY, WRONG_KEY):
        assert secret not in log


def ask_wrongly(service: ServiceProcess, client: httpx.Client) -> httpx.Response:
    people = [[[SEEN, SEEN, 1.0]] * 17] * 3
    good = {"image_size": [1000, 800], "clips": [{"id": "anna-the-person", "keypoints": people}]}
    bad = good | {"clips": [{"id": "anna-the-person", "keypoints": [[[SEEN, "x"]]]}]}
    wrong = good | {"surprise": SEEN}
    with httpx.Client(base_url=service.url, timeout=60) as strange:
        for body in (good, bad, wrong):
            for asker, key in ((client, KEY), (strange, WRONG_KEY)):
                asker.post("/v1/lift", json=body, headers={"x-api-key": key})
    return client.post("/v1/convert?name=anna-the-person", content=orjson.dumps(people))


async def test_streams_are_counted_and_are_not_among_the_times_of_requests(
    service: ServiceProcess, client: httpx.Client
) -> None:
    before = _metrics(client)
    async with stream(service, "grpc", key=KEY) as first:
        session_id = (await opened(first))["session_id"]
        await lifted(first, walks("anna", frames=2))
    async with stream(service, "grpc", key=KEY) as live:
        await opened(live, session_id=session_id)
        await live.send({"close": {}})
        with pytest.raises(Ended):
            await live.receive()
    after = _metrics(client)
    ok = 'poselift_requests_total{operation="lift_stream",outcome="ok",transport="grpc"}'
    # One that leaves without a word may be taken for one that has ended, or be cancelled.
    assert after[ok] - before.get(ok, 0) in {1, 2}
    expected = {
        "poselift_live_frame_seconds_count": 2,
        'poselift_live_session_events_total{event="opened"}': 1,
        'poselift_live_session_events_total{event="resumed"}': 1,
    }
    assert {name: after[name] - before.get(name, 0) for name in expected} == expected
    stored = "poselift_session_store_seconds_count"
    assert after[stored] - before[stored] >= 4
    assert not any("seconds" in name and "lift_stream" in name for name in after)


async def test_a_live_frame_takes_as_long_as_it_waits_for_those_before_it(
    service: ServiceProcess, client: httpx.Client
) -> None:
    """Frames that come together: their times add up to more than has passed."""
    frames = walks("anna", frames=40)
    before = _metrics(client)
    async with stream(service, "websocket-json", key=KEY) as live:
        await opened(live)
        started = time.perf_counter()
        live.write(b"".join(_text(orjson.dumps({"frame": as_json(each)})) for each in frames))
        for _ in frames:
            await live.receive()
        passed_s = time.perf_counter() - started
    after = _metrics(client)
    seconds = "poselift_live_frame_seconds"
    assert after[f"{seconds}_count"] - before[f"{seconds}_count"] == len(frames)
    assert after[f"{seconds}_sum"] - before[f"{seconds}_sum"] > passed_s


def _text(message: bytes) -> bytes:
    """A WebSocket's message, masked with zeros."""
    return b"\x81\xfe" + len(message).to_bytes(2, "big") + bytes(4) + message


async def test_frames_in_requests_and_those_answered_at_the_end_have_times(
    service: ServiceProcess, client: httpx.Client
) -> None:
    frames = walks("anna", frames=5)
    before = _metrics(client)
    later = {"model": "symmetric", "lookahead_frames": 3}
    async with stream(service, "grpc", key=KEY) as live, Requests(service, KEY) as requests:
        session_id = (await requests.open()).json()["session_id"]
        assert (await requests.frames(session_id, frames)).status_code == 200
        session_id = (await requests.open(**later)).json()["session_id"]
        assert (await requests.frames(session_id, frames, flush=True)).status_code == 200
        await opened(live, **later)
        for each in frames:
            await live.send({"frame": as_json(each)})
        await live.send({"close": {}})
        for _ in frames:
            await live.receive()
    count = "poselift_live_frame_seconds_count"
    assert _metrics(client)[count] - before[count] == 3 * len(frames)


def _metrics(client: httpx.Client) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in client.get("/metrics").text.splitlines())
    return {name: float(value) for name, _, value in lines if not name.startswith("#")}


def test_lines_for_people_have_ids_before_the_message() -> None:
    begin_request("mine-4")
    in_session("anna")
    record = logging.LogRecord("poselift", logging.INFO, "", 0, "it %s", ("works",), None)
    assert _add_ids(record)
    text = _TextFormatter().format(record)
    assert text.endswith(" INFO poselift: [request=mine-4 session=anna] it works")


def test_an_exception_is_one_line_of_json() -> None:
    fault = (ValueError, ValueError("first\nsecond"), None)
    record = logging.LogRecord("service", logging.ERROR, "", 0, "failed\nhere", (), fault)
    text = _JsonFormatter().format(record)
    assert "\n" not in text
    assert json.loads(text)["exception"].endswith("ValueError: first\nsecond")
