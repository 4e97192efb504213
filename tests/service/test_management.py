"""The management port: it answers from its own thread, and says when the event loop is stuck."""

import asyncio
import re
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry

from service.health import Pulse, ServiceState
from service.machine import bound_socket, unix_socket
from service.management import ManagementServer, WholeServer
from service.metrics import Metrics
from service.shared_loads import SharedLoads
from service.siblings import Siblings
from tests.serving import ServiceProcess, service_process


@pytest.fixture(scope="module")
def service(models: Path) -> Iterator[ServiceProcess]:
    with service_process(models, MANAGEMENT_PORT="0") as running:
        yield running


def wait_for(url: str, status: int) -> httpx.Response:
    """The answer with this status; blocks the thread that asks."""
    until = time.monotonic() + 60
    while (answer := httpx.get(url, timeout=60)).status_code != status:
        assert time.monotonic() < until, answer.text
        time.sleep(0.02)
    return answer


@contextmanager
def silent_connections(port: int) -> Iterator[list[socket.socket]]:
    """More connections than a management port has places, which are silent."""
    with ExitStack() as held:
        yield [
            held.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            for _ in range(150)
        ]


async def test_it_answers_while_the_event_loop_is_stuck_and_says_so() -> None:
    _ask_a_service_that_is_stuck()


def _ask_a_service_that_is_stuck() -> None:
    """Blocks the event loop, which is that of the service."""
    state, registry = ServiceState(ready=True, max_lag_s=0.3), CollectorRegistry()
    Metrics(registry).watch_process(state)
    pulse = state.pulse
    beating = pulse.beat()
    beating.send(None)  # it waits for its first beat
    with bound_socket("management", "127.0.0.1", 0) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with ManagementServer(bound, state, registry).running():
            wait_for(f"{url}/healthz", 200)
            stuck = wait_for(f"{url}/healthz", 503).json()
            assert stuck["type"] == "urn:poselift:problem:unavailable"
            assert "stuck" in stuck["detail"]
            wait_for(f"{url}/readyz", 503)
            (lag,) = [
                float(line.split()[1])
                for line in httpx.get(f"{url}/metrics").text.splitlines()
                if line.startswith("poselift_event_loop_lag_seconds")
            ]
            assert lag > 0.3
    beating.close()


def test_a_pulse_that_does_not_beat_yet_is_not_late() -> None:
    assert Pulse().late_s == Pulse().worst_s == 0


async def test_it_answers_before_the_service_is_ready() -> None:
    with bound_socket("management", "127.0.0.1", 0) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with ManagementServer(bound, ServiceState(), CollectorRegistry()).running():
            assert wait_for(f"{url}/healthz", 200).json() == {"status": "alive"}
            wait_for(f"{url}/readyz", 503)


async def test_the_metrics_of_all_tell_of_a_worker_that_is_not_there(tmp_path: Path) -> None:
    siblings = Siblings(tmp_path, 2, SharedLoads(2))
    with ExitStack() as running, bound_socket("management", "127.0.0.1", 0) as bound:
        running.enter_context(WholeServer(bound, siblings, CollectorRegistry()).running())
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        seen = [degraded(url)]
        for worker in siblings.each():
            registry, state = CollectorRegistry(), ServiceState(ready=True)
            Metrics(registry).watch_process(state)
            own = unix_socket(worker.management_path)
            running.enter_context(ManagementServer(own, state, registry).running())
            wait_for_worker(worker)
            seen.append(degraded(url))
        state.doubts.append(lambda: "part of its work does not go")
        seen.append(degraded(url))
    assert seen == [{"1": 1, "2": 1}, {"1": 0, "2": 1}, {"1": 0, "2": 0}, {"1": 0, "2": 1}]


def degraded(url: str) -> dict[str, float]:
    """Which workers are, as the metrics of all say."""
    told = wait_for(f"{url}/metrics", 200).text
    found = re.findall(r'(?m)^poselift_degraded{worker="(\d)"} (.+)', told)
    return {worker: float(value) for worker, value in found}


def wait_for_worker(worker: Siblings) -> None:
    """Until its management port takes connections; those before are refused at once."""
    until = time.monotonic() + 60
    with socket.socket(socket.AF_UNIX) as asking:
        while asking.connect_ex(str(worker.management_path)):
            assert time.monotonic() < until
            time.sleep(0.02)


def test_metrics_are_on_the_management_port_alone(service: ServiceProcess) -> None:
    assert "poselift_model_info" in httpx.get(f"{service.management_url}/metrics").text
    assert httpx.get(f"{service.url}/metrics").status_code == 404
    assert "/metrics" not in httpx.get(f"{service.url}/openapi.json").json()["paths"]


@pytest.mark.parametrize("path", ["healthz", "readyz"])
def test_probes_are_on_both_ports(service: ServiceProcess, path: str) -> None:
    ours = httpx.get(f"{service.management_url}/{path}")
    assert ours.status_code == 200
    assert ours.json() == httpx.get(f"{service.url}/{path}").json()


def test_requests_are_not_answered_on_the_management_port(service: ServiceProcess) -> None:
    assert httpx.get(f"{service.management_url}/v1/models").status_code == 404


def test_stacks_of_all_threads_and_tasks_are_told(service: ServiceProcess) -> None:
    stacks = httpx.get(f"{service.management_url}/debug/stacks").text
    assert "thread MainThread" in stacks
    assert "thread management" in stacks
    assert "task pulse" in stacks


def test_the_log_level_is_set_while_it_runs(service: ServiceProcess) -> None:
    url = f"{service.management_url}/debug/log-level"
    assert httpx.put(f"{url}/debug").text == "debug\n"
    assert httpx.put(f"{url}/info").text == "info\n"
    wrong = httpx.put(f"{url}/loud")
    assert wrong.status_code == 422
    assert "warning" in wrong.text


def test_pages_that_rebind_a_name_to_this_machine_cannot_debug(service: ServiceProcess) -> None:
    url = f"{service.management_url}/debug/stacks"
    answer = httpx.get(url, headers={"host": "rebound.example:80"})
    assert answer.status_code == 403
    assert "thread" not in answer.text


def test_strangers_do_not_keep_probes_from_being_answered(service: ServiceProcess) -> None:
    with silent_connections(service.management_port) as (*_, last):
        for _ in range(3):
            assert httpx.get(f"{service.management_url}/healthz", timeout=60).status_code == 200
        assert last.recv(1) == b""  # no head came within some time


def test_a_head_without_end_is_refused(service: ServiceProcess) -> None:
    with socket.create_connection(("127.0.0.1", service.management_port), 60) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n")
        connection.sendall(b"a: %s\r\n" % (b"b" * 70_000))
        assert connection.recv(12) == b"HTTP/1.1 431"


async def test_workers_are_asked_while_all_usual_threads_have_other_work(tmp_path: Path) -> None:
    siblings, work = Siblings(tmp_path, 2, SharedLoads(2)), threading.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    held = asyncio.create_task(asyncio.to_thread(work.wait))
    first, hung = siblings.each()
    own = unix_socket(first.management_path)
    with (
        ManagementServer(own, ServiceState(ready=True), CollectorRegistry()).running(),
        closing(unix_socket(hung.management_path)) as silent,
    ):
        silent.listen()
        wait_for_worker(first)
        try:
            async with asyncio.timeout(60):
                assert (await siblings.alive()).told() == {"status": "alive"}
                readiness = (await siblings.readiness()).told()
        finally:
            work.set()
    await held
    said = "worker 2: does not answer, or is being started"
    assert readiness == {"status": "degraded", "detail": said}


@pytest.mark.parametrize("path", ["healthz", "absent"])
def test_each_answer_has_an_id(service: ServiceProcess, path: str) -> None:
    url = f"{service.management_url}/{path}"
    assert httpx.get(url, headers={"x-request-id": "probe-1"}).headers["x-request-id"] == "probe-1"
    assert httpx.get(url).headers["x-request-id"]


async def test_callers_elsewhere_cannot_debug() -> None:
    with bound_socket("management", "127.0.0.1", 0) as bound:
        app = ManagementServer(bound, ServiceState(), CollectorRegistry())._server.config.app
    for address, status in (("127.0.0.1", 200), ("203.0.113.7", 403)):
        caller = httpx.ASGITransport(app, client=(address, 4711))
        async with httpx.AsyncClient(transport=caller, base_url="http://localhost") as client:
            assert (await client.get("/debug/stacks")).status_code == status


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is of Linux")
def test_it_goes_on_after_there_were_no_descriptors_left(service: ServiceProcess) -> None:
    pid, said = service.process.pid, len(service.log)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))  # those are open for good
    try:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{service.management_url}/healthz", timeout=5)
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    wait_for(f"{service.management_url}/healthz", 200)
    assert len(service.log) < said + 10  # whatever else wanted one
