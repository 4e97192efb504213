"""What only HTTP has: invalid bodies, media types, limits, keys and the other paths."""

import gzip
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from poselift.v1 import poselift_pb2 as messages
from tests.contract.conftest import LIMITS
from tests.contract.scenarios import keypoints, request
from tests.contract.transports import as_message, http_problem
from tests.serving import ServiceProcess, service_process

JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}
GOOD_JSON = orjson.dumps(request())
GOOD_PROTOBUF = as_message(request()).SerializeToString()
MAX_BODY_BYTES = int(LIMITS["MAX_BODY_BYTES"])


@pytest.fixture(scope="module")
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


def check_still_serving(client: httpx.Client) -> None:
    assert client.post("/v1/lift", content=GOOD_JSON, headers=JSON).status_code == 200


def with_number(text: str) -> bytes:
    """A good request but for one coordinate: clip 0, frame 1, joint 2."""
    clip = keypoints()
    clip[1][2] = [123456.5, 1.0, 1.0]
    return orjson.dumps(request(clip)).replace(b"123456.5", text.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\x00" * 100,
        GOOD_JSON[:-1],
        GOOD_JSON[: len(GOOD_JSON) // 2],
        GOOD_JSON + b"}",
        GOOD_JSON.replace(b"image_size", b"image\xffsize"),
        b"\xef\xbb\xbf" + GOOD_JSON,
        GOOD_JSON.decode().encode("utf-16"),
        GOOD_JSON.replace(b'"image_size"', b"image_size"),
        with_number("NaN"),
        with_number("Infinity"),
        with_number("-Infinity"),
        with_number("01"),
        with_number("1e"),
        b'{"model": "\\ud800", ' + with_number("1e999")[1:],
        b'{"flip": ' + b"[" * 500 + b"]" * 500 + b", " + with_number("1e999")[1:],
        b"[" * 2_000 + b"]" * 2_000,
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"image_size": 1e999',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_invalid_json_is_unreadable(client: httpx.Client, body: bytes) -> None:
    outcome = http_problem(client.post("/v1/lift", content=body, headers=JSON))
    assert outcome.slug == "unreadable"
    check_still_serving(client)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"[]", "body"),
        (b"null", "body"),
        (b'"text"', "body"),
        (b"{}", "image_size"),
        (b'{"image_size": [1e999, 1], "clips": []}', "image_size[0]"),
        (b'{"camera": ' + b"[" * 600 + b"]" * 600 + b"}", "body"),
        (b'{"camera": ' + b"[" * 230 + b"]" * 230 + b"}", "body"),
        (b'{"camera": {"' + b"x" * 10_000 + b'": 1}}', "image_size"),
        (b'{"camera": {"' + b"x" * 100_000 + b'": 1}}', "body"),
        (with_number("1e999"), "clips[0].keypoints[1][2]"),
        (with_number("-1e999"), "clips[0].keypoints[1][2]"),
        (with_number("9" * 400), "clips[0].keypoints[1][2]"),
        (with_number("9" * 60), "clips[0].keypoints[1][2]"),
        (with_number("[" * 500 + "]" * 500), "clips[0].keypoints[1][2]"),
        (with_number('"' + "9" * 400_000 + '"'), "clips[0].keypoints[1][2]"),
        (with_number('"' + "9" * 4_000_000 + '"'), "clips[0].keypoints[1][2]"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_json_of_another_shape_is_invalid(client: httpx.Client, body: bytes, where: str) -> None:
    outcome = http_problem(client.post("/v1/lift", content=body, headers=JSON))
    assert outcome.slug == "invalid"
    assert where in outcome.places
    assert len(outcome.detail) <= 1_001
    check_still_serving(client)


def test_a_repeated_json_name_counts_once(client: httpx.Client) -> None:
    body = b'{"fps": "x", ' + GOOD_JSON[1:-1] + b', "fps": 50}'
    assert client.post("/v1/lift", content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    "body",
    [GOOD_PROTOBUF[:-1], GOOD_PROTOBUF[:40], b"\xff" * 40, b"{}", GOOD_JSON, b"\x0a\x01\xff"],
    ids=lambda body: repr(body[:12]),
)
def test_invalid_protobuf_is_unreadable(client: httpx.Client, body: bytes) -> None:
    outcome = http_problem(client.post("/v1/lift", content=body, headers=PROTOBUF))
    assert outcome.slug == "unreadable"
    check_still_serving(client)


def test_unknown_protobuf_fields_are_refused(client: httpx.Client) -> None:
    field_200 = b"\xc0\x0c\x01"
    for message, where in (
        (messages.LiftRequest(), "body"),
        (messages.LiftRequest(camera=messages.Camera.FromString(field_200)), "camera"),
        (messages.LiftRequest(clips=[messages.Clip.FromString(field_200)]), "clips[0]"),
    ):
        body = message.SerializeToString() or field_200
        outcome = http_problem(client.post("/v1/lift", content=body, headers=PROTOBUF))
        assert outcome.slug == "invalid"
        assert outcome.places == [where]


def test_axes_that_do_not_exist_are_refused(client: httpx.Client) -> None:
    message = as_message(request())
    message.axes = 7  # type: ignore[assignment]
    body = message.SerializeToString()
    outcome = http_problem(client.post("/v1/lift", content=body, headers=PROTOBUF))
    assert outcome.places == ["axes"]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"],
)
def test_other_content_types_are_refused(client: httpx.Client, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    outcome = http_problem(client.post("/v1/lift", content=GOOD_JSON, headers=headers))
    assert outcome.slug == "unsupported-media-type"
    assert "application/json" in outcome.detail


def test_compressed_bodies_are_refused(client: httpx.Client) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    answer = client.post("/v1/lift", content=gzip.compress(GOOD_JSON), headers=headers)
    assert http_problem(answer).slug == "unsupported-media-type"
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("accept", "given", "answered"),
    [
        ("*/*", JSON, JSON),
        ("*/*", PROTOBUF, PROTOBUF),
        ("application/json", PROTOBUF, JSON),
        ("application/x-protobuf", JSON, PROTOBUF),
        ("application/protobuf", JSON, PROTOBUF),
        ("text/html, application/x-protobuf;q=0.5, application/json;q=0.4", JSON, PROTOBUF),
        ("application/json;q=0.1, application/*;q=0.9", PROTOBUF, PROTOBUF),
        ("application/json;q=0, */*;q=0", PROTOBUF, PROTOBUF),
        ("text/html", JSON, JSON),
        ("nonsense;;q=x,,", JSON, JSON),
    ],
)
def test_accept_chooses_the_answer(
    client: httpx.Client, accept: str, given: dict[str, str], answered: dict[str, str]
) -> None:
    body = GOOD_JSON if given is JSON else GOOD_PROTOBUF
    answer = client.post("/v1/lift", content=body, headers=given | {"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == answered["content-type"]


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"'])
def test_json_may_say_that_it_is_utf8(client: httpx.Client, charset: str) -> None:
    headers = {"content-type": f"Application/JSON; charset={charset}"}
    assert client.post("/v1/lift", content=GOOD_JSON, headers=headers).status_code == 200


@contextmanager
def raw_post(service: ServiceProcess, declared: int, sent: bytes) -> Iterator[socket.socket]:
    """A connection on which a JSON body of a declared size has been begun."""
    head = (
        "POST /v1/lift HTTP/1.1\r\nhost: localhost\r\n"
        f"content-type: application/json\r\ncontent-length: {declared}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.http_port), timeout=20) as connection:
        connection.sendall(head.encode() + sent)
        yield connection


def test_a_body_declared_too_large_is_refused_unread(service: ServiceProcess) -> None:
    with raw_post(service, MAX_BODY_BYTES + 1, b"") as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("headers", [JSON, PROTOBUF])
def test_a_body_that_grows_too_large_is_refused(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 100_000 + 2):
            yield b" " * 100_000

    answer = client.post("/v1/lift", content=endless(), headers=headers)
    outcome = http_problem(answer)
    assert outcome.slug == "too-large"
    assert str(MAX_BODY_BYTES) in outcome.detail
    check_still_serving(client)


def test_a_large_body_does_not_delay_small_ones(client: httpx.Client) -> None:
    large = orjson.dumps(request(keypoints(8_000)))
    assert len(large) > 2_000_000
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(client.post, "/v1/lift", content=large, headers=JSON)
        time.sleep(0.05)
        check_still_serving(client)
        assert not answer.done()
        assert len(answer.result().json()["clips"][0]["poses"]) == 8_000


def test_too_many_tiny_clips_are_refused(client: httpx.Client) -> None:
    field_17_empty = b"\x8a\x01\x00"
    answer = client.post("/v1/lift", content=field_17_empty * 2_000_000, headers=PROTOBUF)
    assert http_problem(answer).slug == "too-large"


@pytest.mark.parametrize("missing", [0, 10])
def test_a_disconnected_caller_cancels_the_work(service: ServiceProcess, missing: int) -> None:
    """Whether the caller disconnects while the body arrives or while it is lifted."""
    body = orjson.dumps(request(keypoints(8_000)))
    before = cancelled(service)
    with raw_post(service, len(body), body[: len(body) - missing]):
        pass
    wait_for(lambda: cancelled(service) > before)
    assert not any("Traceback" in line for line in service.log)


def cancelled(service: ServiceProcess) -> float:
    """How many requests to lift over HTTP were cancelled because the caller had disconnected."""
    text = httpx.get(f"{service.url}/metrics").text
    wanted = r'requests_total{operation="lift",outcome="cancelled",transport="http"} (\S+)'
    found = re.search(wanted, text)
    return float(found[1]) if found else 0.0


def wait_for(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


def test_unknown_paths_and_methods_are_problems(client: httpx.Client) -> None:
    for path in ("/v1/nothing", "/v1/lift/", "/%ff%00", "/" + "x" * 5_000):
        assert http_problem(client.get(path)).slug == "not-found"
    answer = client.get("/v1/lift")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Method Not Allowed"


def test_models_are_listed(client: httpx.Client) -> None:
    models = {model["name"]: model for model in client.get("/v1/models").json()["models"]}
    assert models["symmetric"]["aliases"] == ["default"]
    assert models["causal"]["aliases"] == ["live"]
    assert models["causal"]["causal"] is True
    assert models["symmetric"]["receptive_field"] == 27
    assert client.get("/v1/models/default").json() == models["symmetric"]
    answer = client.get("/v1/models/best")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:poselift:problem:not-found"


def test_health_and_metrics(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    for path in ("/healthz", "/readyz"):
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
    assert client.get("/readyz").json() == {"status": "ready"}
    check_still_serving(client)
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'operation="lift",outcome="ok",transport="http"' in metrics.text


OPEN_PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json")


@pytest.fixture(scope="module")
def locked(models: Path) -> Iterator[httpx.Client]:
    """A client of a service that has keys."""
    with (
        service_process(models, API_KEYS="first-key, second-key") as service,
        httpx.Client(base_url=service.url) as client,
    ):
        yield client


@pytest.mark.parametrize("key", ["authorization: bearer first-key", "x-api-key: second-key"])
def test_a_known_api_key_is_accepted(locked: httpx.Client, key: str) -> None:
    name, _, value = key.partition(": ")
    answer = locked.post("/v1/lift", content=GOOD_JSON, headers=JSON | {name: value})
    assert answer.status_code == 200
    assert locked.get("/v1/models", headers={name: value}).status_code == 200


def test_without_a_key_only_the_status_is_open(locked: httpx.Client) -> None:
    for path in ("/v1/models", "/v1/models/default"):
        assert http_problem(locked.get(path)).slug == "unauthenticated"
    answer = locked.post("/v1/lift", content=GOOD_JSON, headers=JSON)
    assert http_problem(answer).slug == "unauthenticated"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert [locked.get(path).status_code for path in OPEN_PATHS] == [200] * 4


@pytest.mark.parametrize(
    "key", ["authorization: Bearer wrong", "x-api-key: first-ke", "x-api-key: schlüssel"]
)
def test_other_keys_are_refused(locked: httpx.Client, key: str) -> None:
    name, _, value = key.partition(": ")
    headers = {**JSON, name: value}
    answer = locked.post("/v1/lift", content=GOOD_JSON, headers=httpx.Headers(headers, "utf-8"))
    assert http_problem(answer).slug == "forbidden"


def test_a_full_queue_gives_a_retry_delay(models: Path) -> None:
    settings = {"MAX_QUEUED_FRAMES": "300", "MAX_BATCH_FRAMES": "128", "THREADS": "1"}
    body = as_message(request(keypoints(15_000))).SerializeToString()
    with service_process(models, **settings) as service, ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(
                lambda _: httpx.post(
                    f"{service.url}/v1/lift", content=body, headers=PROTOBUF, timeout=60
                ),
                range(8),
            )
        )
        metrics = httpx.get(f"{service.url}/metrics", timeout=60).text
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < 8
    for answer in refused:
        assert http_problem(answer).slug == "overloaded"
        assert int(answer.headers["retry-after"]) >= 1
    assert f'poselift_overloaded_requests_total{{reason="queue"}} {len(refused)}.0\n' in metrics


def test_a_request_past_its_deadline_is_stopped(models: Path) -> None:
    body = orjson.dumps(request(keypoints(100_000)))
    with service_process(models, REQUEST_TIMEOUT_S="0.2", THREADS="1") as service:
        answer = httpx.post(f"{service.url}/v1/lift", content=body, headers=JSON, timeout=60)
        assert http_problem(answer).slug == "deadline-exceeded"
        answer = httpx.post(f"{service.url}/v1/lift", content=GOOD_JSON, headers=JSON, timeout=60)
        assert answer.status_code == 200


def test_an_endless_body_is_stopped(models: Path) -> None:
    with (
        service_process(models, REQUEST_TIMEOUT_S="0.3") as service,
        raw_post(service, 100, b"{") as connection,
    ):
        assert connection.recv(4096).startswith(b"HTTP/1.1 504 ")


def test_the_decoding_process_ends_with_its_parent(models: Path) -> None:
    body = orjson.dumps(request(keypoints(5_000)))
    with service_process(models) as service:
        answer = httpx.post(f"{service.url}/v1/lift", content=body, headers=JSON, timeout=60)
        assert answer.status_code == 200
        children = children_of(service.process.pid)
        assert children
        service.process.kill()
        wait_for(lambda: not any(Path(f"/proc/{child}/cmdline").exists() for child in children))


def children_of(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()
