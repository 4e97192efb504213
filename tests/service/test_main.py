"""The service as a process: it starts, says so, drains on SIGTERM and explains its refusals."""

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
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.models import person_clip
from tests.serving import launch, service_process


def body(frames: int) -> dict[str, object]:
    return {"image_size": [1000, 800], "clips": [{"keypoints": person_clip(frames).tolist()}]}


def test_it_serves_both_transports_once_it_says_it_is_ready(models: Path) -> None:
    with service_process(models) as service:
        assert httpx.get(f"{service.url}/readyz").status_code == 200
        answer = httpx.post(f"{service.url}/v1/lift", json=body(20))
        assert answer.status_code == 200
        assert len(answer.json()["clips"][0]["poses"]) == 20
        with grpc.insecure_channel(f"127.0.0.1:{service.grpc_port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
            status = health.Check(health_pb2.HealthCheckRequest(), timeout=10).status
        assert status == health_pb2.HealthCheckResponse.SERVING
        ready = service.log[-1]
        assert "model symmetric" in ready
        assert "(default)" in ready
        assert service.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_request_in_progress_finish(models: Path, number: signal.Signals) -> None:
    with service_process(models) as service, ThreadPoolExecutor() as threads:
        answer = threads.submit(httpx.post, f"{service.url}/v1/lift", json=body(20_000), timeout=60)
        _wait_until_lifting(service.url)
        service.process.send_signal(number)
        assert len(answer.result().json()["clips"][0]["poses"]) == 20_000
        assert service.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{service.url}/healthz")
    assert not any("Traceback" in line for line in service.log)


def _wait_until_lifting(url: str) -> None:
    for _ in range(600):
        metrics = httpx.get(f"{url}/metrics").text
        queued = [line for line in metrics.splitlines() if line.startswith("poselift_queued_f")]
        if any(float(line.split()[-1]) > 0 for line in queued):
            return
        time.sleep(0.01)
    raise AssertionError("the request never reached the queue")


def test_draining_is_bounded(models: Path) -> None:
    with service_process(models, DRAIN_TIMEOUT_S="0.5", MAX_BATCH_FRAMES="64") as service:
        post = threading.Thread(target=_post_and_forget, args=(service.url,))
        post.start()
        _wait_until_lifting(service.url)
        started = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - started < 10
        post.join()


def _post_and_forget(url: str) -> None:
    with contextlib.suppress(httpx.TransportError):
        httpx.post(f"{url}/v1/lift", json=body(100_000), timeout=60)


def failed_start(models: Path, **settings: str) -> tuple[int, str]:
    process = launch(models, settings)
    _, log = process.communicate(timeout=60)
    assert "Traceback" not in log
    return process.returncode, log.strip().splitlines()[-1]


@pytest.mark.parametrize("which", ["HTTP", "GRPC"])
def test_a_port_in_use_is_told_in_one_line(models: Path, which: str) -> None:
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


def test_a_wrong_setting_is_told_in_one_line(models: Path) -> None:
    status, line = failed_start(models, MAX_CLIPS_PER_REQUEST="many")
    assert status == 2
    assert "POSELIFT_MAX_CLIPS_PER_REQUEST='many'" in line


def test_a_folder_without_models_is_told(tmp_path: Path) -> None:
    status, line = failed_start(tmp_path)
    assert status == 1
    assert f"no model in {tmp_path}" in line


def test_an_unknown_alias_target_is_told(models: Path) -> None:
    status, line = failed_start(models, DEFAULT_MODEL="symetric")
    assert status == 1
    assert "no model is named 'symetric'" in line


def test_a_misspelt_variable_is_warned_about(models: Path) -> None:
    with service_process(models, GRPC_PROT="1234") as service:
        (warning,) = [line for line in service.log if "WARNING" in line]
        assert "POSELIFT_GRPC_PROT" in warning
        assert "did you mean POSELIFT_GRPC_PORT" in warning


def test_help_is_not_needed_to_stop_it_early(models: Path) -> None:
    """A signal during start-up ends it too."""
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
