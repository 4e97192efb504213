"""What only gRPC has: invalid messages, deadlines, keys, health, reflection."""

import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from tests.contract.conftest import LIMITS
from tests.contract.scenarios import keypoints, request
from tests.contract.transports import Grpc, as_message, grpc_problem
from tests.serving import ServiceProcess, service_process

GOOD = as_message(request()).SerializeToString()
METHOD = "/poselift.v1.PoseLift/Lift"


@pytest.fixture(scope="module")
def channel(service: ServiceProcess) -> Iterator[grpc.Channel]:
    with channel_to(service) as channel:
        yield channel


def channel_to(service: ServiceProcess) -> grpc.Channel:
    return grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}")


def refusal(channel: grpc.Channel, body: bytes, timeout: float = 30) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(METHOD)(body, timeout=timeout)
    return refused.value


@pytest.mark.parametrize("body", [GOOD[:-1], b"\xff" * 40, b"{}"])
def test_invalid_protobuf_is_unreadable(channel: grpc.Channel, body: bytes) -> None:
    assert grpc_problem(refusal(channel, body)).slug == "unreadable"
    assert messages.LiftResponse.FromString(channel.unary_unary(METHOD)(GOOD, timeout=30)).clips


def test_unknown_fields_are_refused(channel: grpc.Channel) -> None:
    assert grpc_problem(refusal(channel, GOOD + b"\xc0\x0c\x01")).places == ["body"]


def test_unpacked_keypoints_are_read(channel: grpc.Channel) -> None:
    """Protobuf lets a sender write a packed field item by item."""
    packed = as_message(request(keypoints(1)))
    number_of_four_bytes = bytes([messages.Clip.KEYPOINTS_FIELD_NUMBER << 3 | 5])
    clip = b"".join(
        number_of_four_bytes + struct.pack("<f", number) for number in packed.clips[0].keypoints
    )
    length = bytes([len(clip) & 127 | 128, len(clip) >> 7])
    unpacked = messages.LiftRequest(image_size=packed.image_size).SerializeToString()
    unpacked += b"\x8a\x01" + length + clip
    method = channel.unary_unary(METHOD)
    assert method(unpacked, timeout=30) == method(packed.SerializeToString(), timeout=30)


def test_a_message_over_the_limit_is_refused(channel: grpc.Channel) -> None:
    error = refusal(channel, bytes(int(LIMITS["MAX_BODY_BYTES"]) + 1))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_the_callers_deadline_holds(channel: grpc.Channel) -> None:
    body = as_message(request(keypoints(8_000))).SerializeToString()
    assert refusal(channel, body, timeout=0.001).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert channel.unary_unary(METHOD)(GOOD, timeout=30)


def test_the_services_own_deadline_holds(models: Path) -> None:
    with service_process(models, REQUEST_TIMEOUT_S="0.002", THREADS="1") as service:
        transport = Grpc(service)
        assert transport.lift(request(keypoints(40_000))).slug == "deadline-exceeded"
        transport.close()


def test_a_full_queue_gives_a_retry_delay(models: Path) -> None:
    settings = {"MAX_QUEUED_FRAMES": "300", "MAX_BATCH_FRAMES": "128", "THREADS": "1"}
    body = as_message(request(keypoints(16_000))).SerializeToString()
    with service_process(models, **settings) as service, channel_to(service) as channel:
        # Which of them run at the same time is not known.
        calls = [channel.unary_unary(METHOD).future(body, timeout=60) for _ in range(10)]
        error = next(filter(None, [call.exception() for call in calls]), None)
    assert error is not None
    assert grpc_problem(error).slug == "overloaded"
    trailers = dict(error.trailing_metadata())
    assert int(trailers["retry-after"]) >= 1
    status, info = Status.FromString(trailers["grpc-status-details-bin"]), RetryInfo()
    assert (status.code, status.message) == (error.code().value[0], error.details())
    assert status.details[0].Unpack(info)
    assert 0 < info.retry_delay.ToMilliseconds() <= 1000 * int(trailers["retry-after"])


def test_a_known_api_key_is_accepted(models: Path) -> None:
    with service_process(models, API_KEYS="key") as service:
        transport = Grpc(service)
        assert transport.lift(request()).slug == "unauthenticated"
        assert transport.lift(request(), api_key="other").slug == "forbidden"
        assert transport.lift(request(), api_key="key").slug == "ok"
        transport.close()
        with channel_to(service) as channel:
            stub = stubs.PoseLiftStub(channel)
            with pytest.raises(grpc.RpcError) as refused:
                stub.ListModels(messages.ListModelsRequest(), timeout=30)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
            by_header = (("x-api-key", "key"),)
            assert stub.ListModels(messages.ListModelsRequest(), metadata=by_header, timeout=30)
            assert health_of(channel, "").status == health_pb2.HealthCheckResponse.SERVING


def health_of(channel: grpc.Channel, service: str) -> health_pb2.HealthCheckResponse:
    stub = health_pb2_grpc.HealthStub(channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)


def test_models_are_listed(channel: grpc.Channel) -> None:
    answer = stubs.PoseLiftStub(channel).ListModels(messages.ListModelsRequest(), timeout=30)
    models = {model.name: model for model in answer.models}
    assert list(models["symmetric"].details.aliases) == ["default"]
    assert models["causal"].causal
    assert models["causal"].receptive_field == 27
    assert len(models["causal"].details.skeleton.joints) == 17


def test_health(channel: grpc.Channel) -> None:
    serving = health_pb2.HealthCheckResponse.SERVING
    assert health_of(channel, "").status == serving
    assert health_of(channel, "poselift.v1.PoseLift").status == serving
    stub = health_pb2_grpc.HealthStub(channel)
    listed = stub.List(health_pb2.HealthListRequest(), timeout=30).statuses
    assert {name: answer.status for name, answer in listed.items()} == {
        "": serving,
        "poselift.v1.PoseLift": serving,
    }
    with pytest.raises(grpc.RpcError) as refused:
        health_of(channel, "nothing")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_open_methods_do_not_delay_shutdown(models: Path) -> None:
    """A health watch ends by itself; a caller of reflection may never have asked enough."""
    states, has_ended = health_pb2.HealthCheckResponse, threading.Event()

    def questions() -> Iterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        has_ended.wait(120)

    with service_process(models, DRAIN_TIMEOUT_S="600") as service, channel_to(service) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == states.SERVING
        answers = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            questions()
        )
        assert next(answers).list_services_response.service
        assert service.stop(timeout_s=60) == 0
        assert {answer.status for answer in watch} <= {states.NOT_SERVING}
        has_ended.set()


def test_reflection_names_the_services(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([question]), timeout=30)
    names = {service.name for service in answer.list_services_response.service}
    assert {"poselift.v1.PoseLift", "grpc.health.v1.Health"} <= names
