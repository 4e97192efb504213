"""The service as a process: start, ready line, drain on SIGTERM, and errors at start."""

import contextlib
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import orjson
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.models import model_folder, person_clip
from tests.serving import ServiceProcess, descendants, launch, program, service_process


@pytest.fixture(scope="module")
def slow_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model large enough that a request lasts."""
    folder = tmp_path_factory.mktemp("slow")
    model_folder(folder / "large", channels=512)
    return folder


def body(frames: int) -> bytes:
    keypoints = person_clip(frames).astype(float).round(1).tolist()
    return orjson.dumps({"image_size": [1000, 800], "clips": [{"keypoints": keypoints}]})


def post(url: str, frames: int) -> httpx.Response:
    headers = {"content-type": "application/json"}
    return httpx.post(f"{url}/v1/lift", content=body(frames), headers=headers, timeout=60)


def grpc_health(service: ServiceProcess) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        status = health.Check(health_pb2.HealthCheckRequest(), timeout=60).status
    name: str = health_pb2.HealthCheckResponse.ServingStatus.Name(status)
    return name


def test_it_serves_both_transports_once_it_says_it_is_ready(models: Path) -> None:
    with service_process(models) as service:
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        answer = post(service.url, 20)
        assert answer.status_code == 200
        assert len(answer.json()["clips"][0]["poses"]) == 20
        assert grpc_health(service) == "SERVING"
        ready = service.log[-1]
        assert "model symmetric" in ready
        assert "(default)" in ready
        assert service.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_request_in_progress_finish(
    slow_models: Path, number: signal.Signals
) -> None:
    with service_process(slow_models) as service, ThreadPoolExecutor() as threads:
        answer = threads.submit(post, service.url, 5_000)
        _wait_until_lifting(service.url)
        service.process.send_signal(number)
        assert len(answer.result().json()["clips"][0]["poses"]) == 5_000
        assert service.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{service.url}/healthz")
    assert not any("Traceback" in line for line in service.log)


def test_load_balancers_are_told_before_requests_are_refused(models: Path) -> None:
    with service_process(models, LAME_DUCK_S="100") as service:
        service.process.send_signal(signal.SIGTERM)
        service.log_says("load balancers are told first")
        assert httpx.get(f"{service.url}/readyz").status_code == 503
        assert httpx.get(f"{service.url}/healthz").status_code == 200
        assert grpc_health(service) == "NOT_SERVING"
        assert len(post(service.url, 5).json()["clips"][0]["poses"]) == 5
        assert service.stop() == 0  # a second signal


def _wait_until_lifting(url: str) -> None:
    for _ in range(600):
        metrics = httpx.get(f"{url}/metrics").text
        queued = [line for line in metrics.splitlines() if line.startswith("poselift_queued_f")]
        if any(float(line.split()[-1]) > 0 for line in queued):
            return
        time.sleep(0.01)
    raise AssertionError("the request never reached the queue")


def test_draining_is_bounded(slow_models: Path) -> None:
    with service_process(slow_models, DRAIN_TIMEOUT_S="0.5") as service:
        post = threading.Thread(target=_post_and_forget, args=(service.url,))
        post.start()
        _wait_until_lifting(service.url)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 20
        post.join()


def _post_and_forget(url: str) -> None:
    with contextlib.suppress(httpx.TransportError):
        post(url, 20_000)


def failed_start(models: Path, **settings: str) -> tuple[int, str]:
    process = launch(models, settings)
    _, log = process.communicate(timeout=60)
    assert "Traceback" not in log
    return process.returncode, log.strip().splitlines()[-1]


@pytest.mark.parametrize("which", ["HTTP", "GRPC"])
def test_a_port_in_use_is_a_one_line_error(models: Path, which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, line = failed_start(models, **{f"{which}_PORT": str(port)})
    assert status == 1
    assert f"127.0.0.1:{port}" in line
    assert f"POSELIFT_{which}_PORT" in line


def test_two_services_cannot_share_a_grpc_port(models: Path) -> None:
    with service_process(models) as service:
        status, line = failed_start(models, GRPC_PORT=str(service.grpc_port))
    assert status == 1
    assert str(service.grpc_port) in line


def test_a_wrong_setting_is_a_one_line_error(models: Path) -> None:
    status, line = failed_start(models, MAX_CLIPS_PER_REQUEST="many")
    assert status == 2
    assert "POSELIFT_MAX_CLIPS_PER_REQUEST='many'" in line


def test_a_folder_without_models_is_an_error(tmp_path: Path) -> None:
    status, line = failed_start(tmp_path)
    assert status == 1
    assert f"no model in {tmp_path}" in line


def test_an_unknown_alias_target_is_an_error(models: Path) -> None:
    status, line = failed_start(models, DEFAULT_MODEL="symetric")
    assert status == 1
    assert "no model is named 'symetric'" in line


def test_a_misspelt_variable_stops_the_start(models: Path) -> None:
    """One of API_KEYS had left the service open to all."""
    status, line = failed_start(models, API_KYES="secret")
    assert status == 2
    assert "POSELIFT_API_KYES" in line
    assert "did you mean POSELIFT_API_KEYS" in line
    assert "secret" not in line


def test_it_does_not_listen_to_others_without_keys(models: Path) -> None:
    status, line = failed_start(models, HOST="0.0.0.0")
    assert status == 2
    assert "POSELIFT_ALLOW_ANONYMOUS=true" in line


def test_no_child_process_inherits_secrets(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=the-secret")
    with service_process(models, API_KEYS="the-secret") as service:
        headers = {"x-api-key": "the-secret"}
        url = f"{service.url}/v1/convert?name=clip.json"  # in a process of its own
        assert httpx.post(url, content=body(5), headers=headers, timeout=120).status_code == 200
        children = descendants(service.process.pid)
        named = {program(child) for child in children}
        assert len(children) >= 3, named
        for child in children:
            environment = Path(f"/proc/{child}/environ").read_bytes()
            assert b"the-secret" not in environment, program(child)
            assert b"POSELIFT_" not in environment, program(child)


def test_a_signal_during_start_up_ends_it(models: Path) -> None:
    process = launch(models, {})
    time.sleep(0.1)
    process.terminate()
    try:
        assert process.wait(30) in {0, -signal.SIGTERM}
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    finally:
        process.communicate()
