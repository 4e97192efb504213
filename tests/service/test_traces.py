"""Traces go to a collector, within those of callers, and tell nothing of what was asked."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from service.environment import wants_traces
from tests.models import person_clip
from tests.serving import ServiceProcess, service_process

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT, UNSAMPLED = f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """A collector's address, and the spans that come."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["content-length"]))
            request = ExportTraceServiceRequest.FromString(body)
            spans.extend(
                span
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", spans
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def spans(models: Path) -> list[Span]:
    """All that a service sends of a few requests, from its start to its end."""
    with collector() as (endpoint, sent), pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        with service_process(models, LIVE_MODEL="causal") as service:
            ask_over_http(service)
            ask_over_grpc(service)
            assert service.stop() == 0  # what is left is sent then
        return sent


def ask_over_http(service: ServiceProcess) -> None:
    person = person_clip(4).tolist()
    body = {"image_size": [1000, 800], "clips": [{"id": "anna", "keypoints": person}]}
    session = {"image_size": [1000, 800], "session_id": "s-1"}
    frames = {"frames": [{"index": 0, "people": [{"track_id": "anna", "keypoints": person[0]}]}]}
    headers = {"traceparent": TRACEPARENT, "content-type": "application/json"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        client.post("/v1/lift", json=body)
        client.post("/v1/lift", content=b'{"anna"')
        client.post("/v1/sessions", json=session)
        client.post("/v1/sessions/s-1/frames", json=frames)
        client.get("/v1/models", headers={"traceparent": UNSAMPLED})


def ask_over_grpc(service: ServiceProcess) -> None:
    first = messages.LiftStreamRequest(open=messages.OpenSession(image_size=[1000, 800]))
    joints = [value for x, y in person_clip(1)[0, :, :2].tolist() for value in (x, y, 1)]
    person = messages.Person(track_id="anna", keypoints=joints)
    frames = [messages.Frame(index=index, people=[person]) for index in range(2)]
    stream = [first, *(messages.LiftStreamRequest(frame=frame) for frame in frames)]
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        poselift, metadata = stubs.PoseLiftStub(channel), [("traceparent", TRACEPARENT)]
        poselift.ListModels(messages.ListModelsRequest(), metadata=metadata, timeout=60)
        list(poselift.LiftStream(iter(stream), metadata=metadata, timeout=60))


def within(spans: list[Span], name: str) -> list[list[str]]:
    """The names of what each request of this name has within it, in order of their ends."""
    requests = [span for span in spans if span.name == name and span.trace_id.hex() == TRACE]
    return [
        [span.name for span in spans if is_within(spans, span, request)] for request in requests
    ]


def is_within(spans: list[Span], span: Span, outer: Span) -> bool:
    above = [each for each in spans if each.span_id == span.parent_span_id]
    return any(each is outer or is_within(spans, each, outer) for each in above)


def test_requests_belong_to_their_callers_trace(spans: list[Span]) -> None:
    told = [
        (span.name, span.attributes[-1].value.string_value)
        for span in spans
        if span.parent_span_id.hex() == PARENT
    ]
    assert sorted(told) == [
        ("grpc lift_stream", "ok"),
        ("grpc list_models", "ok"),
        ("http lift", "ok"),
        ("http lift", "unreadable"),
        ("http lift_frames", "ok"),
        ("http open_session", "ok"),
    ]  # and not the one whose caller does not trace it


def test_a_clips_trace_has_its_wait_and_the_run_of_its_batch(spans: list[Span]) -> None:
    assert within(spans, "http lift") == [
        ["decode", "encode", "queue_wait", "batch_run", "lift", "postprocess"],
        ["decode"],
    ]
    wait, run = (
        next(span for span in spans if span.name == name) for name in ("queue_wait", "batch_run")
    )
    assert wait.start_time_unix_nano <= wait.end_time_unix_nano == run.start_time_unix_nano
    assert run.start_time_unix_nano <= run.end_time_unix_nano


def test_a_live_frames_trace_has_the_store_too(spans: list[Span]) -> None:
    assert within(spans, "http open_session") == [["store_open"]]
    assert within(spans, "http lift_frames") == [["queue_wait", "batch_run", "store_append"]]


def test_frames_of_a_stream_are_traces_linked_to_it(spans: list[Span]) -> None:
    (stream,) = (span for span in spans if span.name == "grpc lift_stream")
    assert within(spans, "grpc lift_stream") == [["store_open"]]
    frames = [span for span in spans if span.name == "lift_frame"]
    assert len(frames) == 2
    for frame in frames:
        assert frame.trace_id != stream.trace_id
        assert [link.span_id for link in frame.links] == [stream.span_id]
        inner = [span.name for span in spans if span.parent_span_id == frame.span_id]
        assert inner == ["queue_wait", "batch_run", "store_append"]


def test_nothing_of_people_is_in_a_trace(spans: list[Span]) -> None:
    assert not any(b"anna" in span.SerializeToString() for span in spans)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"ENDPOINT": "http://collector:4318"}, True),
        ({"TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"ENDPOINT": "http://collector:4318", "PROTOCOL": "http/protobuf"}, True),
        ({"ENDPOINT": "http://collector:4317", "PROTOCOL": "grpc"}, False),
        ({"METRICS_ENDPOINT": "http://collector:4318"}, False),
    ],
)
def test_a_collector_is_named_by_the_variables_of_opentelemetry(
    variables: dict[str, str], wanted: bool
) -> None:
    named = {f"OTEL_EXPORTER_OTLP_{name}": text for name, text in variables.items()}
    assert wants_traces(named) == wanted
    assert not wants_traces({**named, "OTEL_SDK_DISABLED": "true"})
    assert not wants_traces({**named, "OTEL_TRACES_EXPORTER": "none"})


def test_without_a_collector_nothing_that_sends_is_loaded() -> None:
    program = "import sys, service.__main__; sys.exit('service.trace_export' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_collector_that_is_away_delays_neither_answers_nor_the_end(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with service_process(models) as service:
            assert httpx.get(f"{service.url}/v1/models", timeout=60).status_code == 200
            assert service.stop() == 0
