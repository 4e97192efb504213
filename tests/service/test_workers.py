"""Several workers behind one pair of ports: they are one service to callers and operators."""

import asyncio
import copy
import os
import re
import secrets
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from poselift import AsyncClient
from poselift.v1 import poselift_pb2 as messages
from service.keys import KeyRing, Keys, hash_of
from service.request_errors import Forbidden, Overloaded
from service.shared_amounts import SharedAmounts, SharedLevels, SharedPlaces
from service.shared_loads import ABSENT_S, SharedLoads
from service.shares import Pool, Rates
from service.siblings import Siblings
from tests.live.clients import Ended, Requests, assert_equal, lifted, opened, stream
from tests.live.replicas import walks
from tests.models import model_folder, person_clip
from tests.service.test_main import _wait_until_lifting, body, failed_start, post
from tests.service.test_management import silent_connections
from tests.serving import ServiceProcess, descendants, service_process

OPENING = {"model": "causal", "image_size": [1000, 800], "fps": 20}
KEYS = {"one": "live_sessions = 1", "free": ""}


def key_file(path: Path, *names: str) -> Path:
    entries = [f'[[keys]]\nname = "{name}"\nsha256 = "{hash_of(name)}"\n' for name in names]
    path.write_text("".join([*entries, "[quotas.one]\nlive_sessions = 1\n"]))
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return key_file(tmp_path_factory.mktemp("keys") / "keys.toml", "one", "free")


@pytest.fixture(scope="module")
def service(models: Path, keys: Path) -> Iterator[ServiceProcess]:
    settings = {"MANAGEMENT_PORT": "0", "API_KEYS_FILE": str(keys), "STORE_SETTLE_S": "0"}
    settings |= {"ACCESS_LOG": "true", "MAX_QUEUED_FRAMES": "3000"}
    with service_process(models, WORKERS="2", **settings) as running:
        yield running


def metrics_of(service: ServiceProcess) -> str:
    return httpx.get(f"{service.management_url}/metrics", timeout=60).text


def sample(service: ServiceProcess, name: str) -> dict[str, float]:
    """A metric of each worker, by its number; whatever other labels it has are added up."""
    sums: dict[str, float] = {}
    for worker, value in re.findall(
        rf'(?m)^{name}{{.*worker="(\d+)".*}} (.+)', metrics_of(service)
    ):
        sums[worker] = sums.get(worker, 0.0) + float(value)
    return sums


def process_of(service: ServiceProcess, part: str) -> int:
    said = re.findall(rf"{part} is process (\d+)", "".join(service.log))
    return int(said[-1])


def kill_holder(service: ServiceProcess) -> None:
    """Kill the worker with the only live session, once those before have ended."""
    until = time.monotonic() + 60
    while sum((holding := sample(service, "poselift_live_sessions")).values()) != 1:
        assert time.monotonic() < until, holding
        time.sleep(0.05)
    holder, seen = max(holding, key=holding.__getitem__), len(service.log)
    os.kill(process_of(service, f"worker {holder}"), signal.SIGKILL)
    service.log_says(f"worker {holder} ended with status -9", after=seen)


def wait_until_ready(service: ServiceProcess) -> None:
    until = time.monotonic() + 60
    while httpx.get(f"{service.management_url}/readyz", timeout=60).json()["status"] != "ready":
        assert time.monotonic() < until, "".join(service.log)
        time.sleep(0.1)


def test_connections_come_to_all_workers_and_metrics_tell_of_each(service: ServiceProcess) -> None:
    until = time.monotonic() + 60
    answered: dict[str, float] = {}
    while len([each for each in answered.values() if each]) < 2:
        assert time.monotonic() < until, answered
        headers = {"x-api-key": "free"}
        assert httpx.get(f"{service.url}/v1/models", headers=headers, timeout=60).is_success
        answered = sample(service, "poselift_requests_total")
    assert sample(service, "poselift_ready") == {"1": 1, "2": 1}
    assert sample(service, "poselift_degraded") == {"1": 0, "2": 0}
    assert httpx.get(f"{service.url}/readyz", timeout=60).json() == {"status": "ready"}
    assert httpx.get(f"{service.management_url}/healthz").json() == {"status": "alive"}
    stacks = httpx.get(f"{service.management_url}/debug/stacks", timeout=60).text
    assert stacks.count("thread management") == 2


def test_strangers_do_not_keep_probes_from_being_answered(service: ServiceProcess) -> None:
    with silent_connections(service.management_port):
        for path in ("healthz", "readyz"):
            answer = httpx.get(f"{service.management_url}/{path}", timeout=60)
            assert answer.status_code == 200


async def test_a_quota_is_of_the_whole_service(service: ServiceProcess) -> None:
    # gRPC channels of one process to one address share a connection; WebSockets do not.
    async with stream(service, "websocket-json", "one") as held:
        await opened(held)
        for _ in range(8):
            async with stream(service, "websocket-json", "one") as live:
                with pytest.raises(Ended, match="sessions: you may have 1"):
                    await opened(live)


@pytest.mark.parametrize("transport", ["grpc", "websocket-json"])
async def test_a_killed_worker_costs_a_reconnect_and_no_frame(
    service: ServiceProcess, transport: str
) -> None:
    frames = walks("anna", frames=40)
    async with stream(service, transport, "free") as live:
        session_id = (await opened(live))["session_id"]
        whole = await lifted(live, frames)
        assert len(whole) == 40
    async with stream(service, transport, "free") as live:
        session_id = (await opened(live))["session_id"]
        answers = await lifted(live, frames[:20])
        await asyncio.to_thread(kill_holder, service)
        with pytest.raises(Ended):
            await lifted(live, frames[20:])
    # The other one goes on, while this one is started again.
    async with stream(service, transport, "free") as live:
        resumed = await opened(live, session_id=session_id)
        assert resumed["next_index"] >= 20
        answers += await lifted(live, frames[20:])
    for one, other in zip(answers, whole, strict=True):
        for person, twin in zip(one["people"], other["people"], strict=True):
            np.testing.assert_allclose(person["pose"], twin["pose"], atol=1e-4)
    await asyncio.to_thread(wait_until_ready, service)
    assert sum(sample(service, "poselift_process_restarts_total").values()) >= 1


async def test_a_session_over_requests_stays_where_it_is(service: ServiceProcess) -> None:
    """Each request comes by a connection of its own, to any worker."""
    frames = walks("anna", "berta", frames=24)
    async with stream(service, "grpc", "free") as live:
        await opened(live)
        expected = await lifted(live, frames)
    changes = await asyncio.to_thread(changes_of_hands, service)
    answers = []
    async with Requests(service, "free") as requests:
        session_id = (await requests.open()).json()["session_id"]
    for each in frames:
        async with Requests(service, "free") as requests:
            answer = await requests.frames(session_id, [each])
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-session-id"] == session_id
            answers += answer.json()["frames"]
    assert_equal(answers, expected)
    async with Requests(service, "free") as requests:
        assert (await requests.frames(session_id, [frames[0]])).json()["frames"][0]["index"] == 0
        gap = await requests.frames(session_id, [replace(frames[0], index=99)])
        assert gap.status_code == 409
        assert gap.json()["next_index"] == 24
        assert (await requests.ask("DELETE", f"/v1/sessions/{session_id}")).status_code == 204
    async with Requests(service) as stranger:
        assert (await stranger.frames(session_id, [frames[0]])).status_code == 401
    assert await asyncio.to_thread(changes_of_hands, service) == changes


async def test_a_session_is_of_the_worker_that_opens_it(service: ServiceProcess) -> None:
    """Before its first frame too, when a change of hands would count as one more opening."""
    before = await asyncio.to_thread(events, service, "opened")
    for _ in range(6):
        async with Requests(service, "free") as requests:
            session_id = (await requests.open()).json()["session_id"]
            answer = await requests.frames(session_id, walks("anna", frames=1))
            assert answer.status_code == 200, answer.text
            deleted = await requests.ask("DELETE", f"/v1/sessions/{session_id}")
            assert deleted.status_code == 204
    assert await asyncio.to_thread(events, service, "opened") == before + 6


def changes_of_hands(service: ServiceProcess) -> float:
    """How often a session went on in another worker, or with another connection."""
    return events(service, "resumed")


def events(service: ServiceProcess, event: str) -> float:
    """How often something became of sessions, in all workers."""
    told = rf'session_events_total{{event="{event}",worker="."}} (.+)'
    return sum(map(float, re.findall(told, metrics_of(service))))


async def test_a_session_goes_on_over_requests_when_its_worker_is_killed(
    service: ServiceProcess,
) -> None:
    frames = walks("anna", frames=10)
    async with Requests(service, "free") as requests:
        session_id = (await requests.open()).json()["session_id"]
        assert (await requests.frames(session_id, frames[:5])).status_code == 200
    await asyncio.to_thread(kill_holder, service)
    until, status = time.monotonic() + 60, 0
    while status != 200:
        assert time.monotonic() < until
        async with Requests(service, "free") as requests:
            with suppress(httpx.TransportError):
                answer = await requests.frames(session_id, frames[5:])
                status = answer.status_code
    assert answer.json()["next_index"] == 10
    await asyncio.to_thread(wait_until_ready, service)


@asynccontextmanager
async def connections_of_one(
    service: ServiceProcess, count: int = 4
) -> AsyncIterator[tuple[list[httpx.AsyncClient], int]]:
    """Connections that all are one worker's, and its number."""
    found: dict[int, list[httpx.AsyncClient]] = {1: [], 2: []}
    # Certificates take longer to load than a service without them to ask.
    options: dict[str, Any] = {"base_url": service.url, "timeout": 60, "verify": False}
    options["limits"] = httpx.Limits(keepalive_expiry=None)  # another one may be the other's
    options["headers"] = {"x-api-key": "free", "content-type": "application/json"}
    async with AsyncExitStack() as clients:
        while max(map(len, found.values())) < count:
            client = await clients.enter_async_context(httpx.AsyncClient(**options))
            name = secrets.token_hex(8)
            await client.get("/v1/models", headers={"x-request-id": name})
            ((worker, _),) = await asyncio.to_thread(access, service, name)
            found[worker].append(client)
        worker = max(found, key=lambda each: len(found[each]))
        yield found[worker], worker


def access(service: ServiceProcess, request_id: str) -> list[tuple[int, str]]:
    """What the log says of a request, and by which worker."""
    service.log_says(f"request={request_id}]")
    said = re.findall(rf"worker=(\d) request={request_id}\] (.*)", "".join(service.log))
    return [(int(worker), line) for worker, line in said]


async def lift_all(
    connections: Sequence[httpx.AsyncClient], content: bytes, each: int = 5
) -> dict[str, httpx.Response]:
    """Answers to so many requests on each connection, one after the other, by their ids."""
    answers: dict[str, httpx.Response] = {}

    async def lift(connection: httpx.AsyncClient) -> None:
        for _ in range(each):
            name = secrets.token_hex(8)
            headers = {"x-request-id": name}
            answers[name] = await connection.post("/v1/lift", content=content, headers=headers)

    await asyncio.gather(*map(lift, connections))
    return answers


def lifts(service: ServiceProcess) -> float:
    """How many requests to lift clips were answered, by all workers."""
    told = r'poselift_requests_total{operation="lift",.*} (.+)'
    return sum(map(float, re.findall(told, metrics_of(service))))


async def test_clips_go_to_the_worker_with_less_work(service: ServiceProcess) -> None:
    """Where all connections are one worker's, as those of few callers may be."""
    before = await asyncio.to_thread(lifts, service)
    batches = await asyncio.to_thread(sample, service, "poselift_batch_items_count")
    async with connections_of_one(service) as (connections, _):
        ((_, alone),) = (await lift_all(connections[:1], body(100), each=1)).items()
        answers = await lift_all(connections, body(100))
    assert await asyncio.to_thread(lifts, service) == before + 1 + len(answers)
    after = await asyncio.to_thread(sample, service, "poselift_batch_items_count")
    assert all(after[worker] > batches.get(worker, 0.0) for worker in "12"), (batches, after)
    for name, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-request-id"] == name
        ((_, said),) = access(service, name)
        assert said.endswith("caller free at 127.0.0.1")
        assert_same_poses(answer, alone)


def assert_same_poses(answer: httpx.Response, other: httpx.Response) -> None:
    poses, expected = [each.json()["clips"][0]["poses"] for each in (answer, other)]
    np.testing.assert_allclose(poses, expected, atol=1e-4)


async def test_clips_are_refused_only_where_no_worker_has_room(service: ServiceProcess) -> None:
    """A queue has room for one of these clips, so that two on one worker would be too many."""
    content = message(2_000)
    async with connections_of_one(service, 3) as (connections, _):
        for each in connections:
            each.headers["content-type"] = "application/x-protobuf"
        answers = await lift_all(connections[:2], content)
        assert {answer.status_code for answer in answers.values()} == {200}
        until, statuses = time.monotonic() + 60, {200}
        while 429 not in statuses:
            assert time.monotonic() < until
            answers = await lift_all(connections, content)
            statuses = {answer.status_code for answer in answers.values()}
            assert statuses <= {200, 429}


async def test_a_clip_is_passed_on_that_would_be_late(service: ServiceProcess) -> None:
    """The worker with the connection would refuse it from its head; by the other it may be late.

    Its caller hears what the other one says, also before all of the body was sent.
    """
    async with connections_of_one(service, 2) as (connections, worker):
        for each in connections:
            each.headers["content-type"] = "application/x-protobuf"
        late = {"request-timeout": "0.01"}
        contents = {"": message(10_000), "free": message(2_000)}
        statuses: dict[str, set[int]] = {key: set() for key in contents}
        await lift_all(connections[:1], contents["free"], each=1)
        working = asyncio.create_task(lift_all(connections[:1], message(20_000), each=1))
        await asyncio.to_thread(wait_until_in_progress, service, worker)
        while not working.done():
            for key, found in statuses.items():
                headers = late | {"x-api-key": key}
                answer = await connections[1].post(
                    "/v1/lift", content=contents[key], headers=headers
                )
                found.add(answer.status_code)
        assert statuses[""] == {401}
        assert statuses["free"] in ({504}, {200, 504}, {200})
        assert {answer.status_code for answer in (await working).values()} == {200}


def wait_until_in_progress(service: ServiceProcess, worker: int) -> None:
    until = time.monotonic() + 60
    while sample(service, "poselift_requests_in_progress")[str(worker)] == 0:
        assert time.monotonic() < until


def message(frames: int) -> bytes:
    clip = messages.Clip(keypoints=person_clip(frames).ravel().tolist())
    return messages.LiftRequest(image_size=[1000, 800], clips=[clip]).SerializeToString()


async def test_clips_are_answered_while_the_other_worker_is_stuck_or_gone(
    service: ServiceProcess,
) -> None:
    async with connections_of_one(service) as (connections, worker):
        other = process_of(service, f"worker {3 - worker}")
        os.kill(other, signal.SIGSTOP)
        try:
            await asyncio.sleep(1.2 * ABSENT_S)
            answers = await lift_all(connections, body(100))
        finally:
            os.kill(other, signal.SIGCONT)
        assert {access(service, name)[0][0] for name in answers} == {worker}
        await lift_until_both_answer(service, connections)
        seen = len(service.log)
        os.kill(other, signal.SIGKILL)
        await asyncio.to_thread(service.log_says, "ended with status -9", after=seen)
        answers |= await lift_all(connections, body(100))
        assert {answer.status_code for answer in answers.values()} == {200}
        await asyncio.to_thread(wait_until_ready, service)
        await lift_until_both_answer(service, connections)


async def test_a_request_for_a_worker_that_hangs_is_answered_in_time(
    service: ServiceProcess,
) -> None:
    siblings = Siblings(Path(), 2, SharedLoads(2))
    async with connections_of_one(service, 1) as ((connection,), worker):
        ids = (secrets.token_hex(8) for _ in iter(int, 1))
        opening = OPENING | {"session_id": next(x for x in ids if siblings.whose(x) != worker)}
        assert (await connection.post("/v1/sessions", json=opening)).status_code == 201
        path, told = f"/v1/sessions/{opening['session_id']}", {"request-timeout": "0.5"}
        other = process_of(service, f"worker {3 - worker}")
        os.kill(other, signal.SIGSTOP)
        try:
            answer = await connection.get(path, headers=told | {"x-request-id": "hung"})
        finally:
            os.kill(other, signal.SIGCONT)
        assert answer.status_code == 504
        assert answer.json()["type"].endswith("deadline-exceeded")
        assert answer.headers["x-request-id"] == "hung"
        told_by, line = access(service, "hung")[0]
        assert told_by == worker
        assert "gateway-timeout" in line
        assert (await connection.delete(path)).status_code == 204


async def lift_until_both_answer(
    service: ServiceProcess, connections: Sequence[httpx.AsyncClient]
) -> None:
    until, workers = time.monotonic() + 60, set[int]()
    while workers != {1, 2}:
        assert time.monotonic() < until
        answers = await lift_all(connections, body(100))
        workers |= {access(service, name)[0][0] for name in answers}


async def test_a_clip_over_grpc_is_answered_alike(service: ServiceProcess) -> None:
    keypoints = person_clip(100)
    address = f"grpc://127.0.0.1:{service.grpc_port}"
    async with AsyncClient(address, api_key="free") as client:
        poses = await client.lift(keypoints, image_size=(1000, 800))
    async with connections_of_one(service, 1) as (connections, _):
        ((_, answer),) = (await lift_all(connections, body(100), each=1)).items()
    expected = np.array(answer.json()["clips"][0]["poses"])
    np.testing.assert_allclose(poses.poses, expected, atol=1e-4)


async def test_a_session_outlives_the_keeper_and_its_store(service: ServiceProcess) -> None:
    frames = walks("anna", frames=10)
    before = await asyncio.to_thread(store_restarts, service)
    async with Requests(service, "free") as requests:
        session_id = (await requests.open()).json()["session_id"]
        assert (await requests.frames(session_id, frames[:5])).status_code == 200
        os.kill(process_of(service, "the keeper"), signal.SIGKILL)
        answer = await requests.frames(session_id, frames[5:])
        assert answer.status_code == 200
        until = time.monotonic() + 60
        while (await requests.ask("GET", f"/v1/sessions/{session_id}")).status_code != 200:
            assert time.monotonic() < until
    await asyncio.to_thread(wait_until_ready, service)
    assert await asyncio.to_thread(store_restarts, service) == before + 1


def store_restarts(service: ServiceProcess) -> float:
    """How often the private store was started again, as the keeper tells."""
    said = r'poselift_process_restarts_total{process="store"} (.+)'
    return float(re.findall(said, metrics_of(service))[0])


def test_all_processes_are_started_again(service: ServiceProcess) -> None:
    """Even where all end at once, as where memory is short."""
    parts = ("the keeper", "worker 1", "worker 2")
    seen = len(service.log)
    for part in parts:
        os.kill(process_of(service, part), signal.SIGKILL)
    for part in parts:
        service.log_says(f"{part} ended with status -9", after=seen)
    wait_until_ready(service)


def test_all_workers_read_keys_again(service: ServiceProcess, keys: Path) -> None:
    key_file(keys, "one", "free", "new")
    seen = len(service.log)
    service.process.send_signal(signal.SIGHUP)
    for worker in (1, 2):
        service.log_says(f"[worker={worker}] the API keys were read again", after=seen)
    for _ in range(8):
        answer = httpx.get(f"{service.url}/v1/models", headers={"x-api-key": "new"}, timeout=60)
        assert answer.status_code == 200


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("which", ["HTTP", "GRPC"])
def test_a_second_service_cannot_share_a_port(
    service: ServiceProcess, models: Path, workers: str, which: str
) -> None:
    port = service.http_port if which == "HTTP" else service.grpc_port
    status, line = failed_start(models, WORKERS=workers, **{f"{which}_PORT": str(port)})
    assert status == 1
    assert str(port) in line


def test_nothing_is_left_of_a_service_that_was_killed(models: Path) -> None:
    with service_process(models, WORKERS="2") as service:
        everything = descendants(service.process.pid)
        assert len(everything) >= 3
        service.process.kill()
        service.process.wait(60)
        until = time.monotonic() + 60
        while any(Path(f"/proc/{pid}").exists() for pid in everything):
            assert time.monotonic() < until
            time.sleep(0.1)


def test_a_signal_lets_a_request_in_progress_finish(tmp_path: Path) -> None:
    model_folder(tmp_path / "large", channels=512)  # so that it lasts
    with service_process(tmp_path, WORKERS="2") as running, ThreadPoolExecutor() as threads:
        answer = threads.submit(post, running.url, 20_000)
        _wait_until_lifting(running.url)
        assert running.stop(60) == 0
        assert len(answer.result().json()["clips"][0]["poses"]) == 20_000
        assert not any("Traceback" in line for line in running.log)


def test_a_worker_that_cannot_start_ends_the_service(models: Path) -> None:
    status, line = failed_start(models, WORKERS="2", DEFAULT_MODEL="symetric")
    assert status == 1
    assert "no model is named 'symetric'" in line


class TestSharedLoads:
    """Of three workers, the second asks who has less to do."""

    @pytest.fixture
    async def workers(self) -> AsyncIterator[list[SharedLoads]]:
        """Each is one and the same table."""
        first = SharedLoads(3)
        workers = [first, copy.copy(first), copy.copy(first)]
        for number, each in enumerate(workers, 1):
            each.join(number)
        taking = [asyncio.create_task(each.take()) for each in workers]
        await asyncio.sleep(0)
        yield workers
        for each in taking:
            each.cancel()

    async def test_the_one_with_the_least_is_chosen(self, workers: list[SharedLoads]) -> None:
        first, second, third = workers
        assert second.less_loaded() is None
        with second.given(work=500), first.given(work=300), third.given(work=200):
            assert second.less_loaded() == 3
            assert first.less_loaded() == 3
            assert third.less_loaded() is None
            with second.given(3, 200):  # passed on, and not there yet
                assert second.less_loaded() == 1
            with third.given() as count:
                count(200)
                assert second.less_loaded() == 1
                count(0)
                assert second.less_loaded() == 3

    async def test_little_difference_is_none(self, workers: list[SharedLoads]) -> None:
        first, second, third = workers
        with second.given(work=40):
            assert second.less_loaded() is None
        with second.given(work=2_200), first.given(work=2_000), third.given(work=2_000):
            assert second.less_loaded() is None
            with second.given(work=100):
                assert second.less_loaded() in (1, 3)

    async def test_who_does_not_take_is_left_out(self, workers: list[SharedLoads]) -> None:
        first, second, third = workers
        third.join(3)
        with second.given(work=500), first.given(work=300):
            assert second.less_loaded() == 1
            first.join(1)
            assert second.less_loaded() is None

    async def test_what_an_ended_worker_gave_is_done(self, workers: list[SharedLoads]) -> None:
        first, second, _ = workers
        given = first.given(2, 500)
        given.__enter__()
        assert second.less_loaded() == 1
        first.join(1)
        assert second.less_loaded() is None


class TestSharedAmounts:
    """What is held is counted over all workers, one of which may be killed."""

    @pytest.fixture
    def workers(self, tmp_path: Path) -> list[SharedAmounts]:
        """Two workers; each is one and the same table."""
        first = SharedAmounts(2)
        both = [first, copy.copy(first)]
        for number, each in enumerate(both, 1):
            each.join(number, tmp_path / "lock")
        return both

    def test_a_quota_and_a_capacity_are_of_all(self, workers: list[SharedAmounts]) -> None:
        here, there = [Pool("places", 8, SharedPlaces(each, "places")) for each in workers]
        here.take("anna", quota=1)
        with pytest.raises(Overloaded):
            there.take("anna", quota=1)
        for _ in range(6):
            there.take("berta")
        with pytest.raises(Overloaded):
            here.take("berta")
        here.take("clara")  # the last place is for those who have few
        assert (here.taken, there.taken) == (8, 8)
        assert (here.taken_here, there.taken_here) == (2, 6)
        here.give_back("anna")
        there.take("anna", quota=1)

    def test_a_killed_worker_holds_nothing(
        self, workers: list[SharedAmounts], tmp_path: Path
    ) -> None:
        here, there = [Pool("places", 8, SharedPlaces(each, "places")) for each in workers]
        here.take("anna", 3)
        there.take("anna", 2)
        successor = copy.copy(workers[0])
        successor.join(1, tmp_path / "lock")
        again = Pool("places", 8, SharedPlaces(successor, "places"))
        assert (again.taken, again.taken_here, there.taken) == (2, 0, 2)
        again.take("anna", quota=3)
        with pytest.raises(Overloaded):
            again.take("anna", quota=3)

    def test_many_parties_come_and_go(self, workers: list[SharedAmounts]) -> None:
        here, there = [Pool("places", 100, SharedPlaces(each, "places")) for each in workers]
        there.take("anna", 0.3)
        for number in range(2_000):
            with here.holding(f"party {number}", 0.1):
                pass
        assert there.taken == pytest.approx(0.3)
        with pytest.raises(Overloaded):
            here.take("anna", quota=1)
        there.give_back("anna", 0.3)
        assert there.taken == here.taken == 0

    def test_rates_and_guesses_are_of_all(self, workers: list[SharedAmounts]) -> None:
        now = [100.0]
        rates = [Rates(lambda: now[0], SharedLevels(each, "rates")) for each in workers]
        rates[0].spend("anna", 1)
        with pytest.raises(Overloaded):
            rates[1].spend("anna", 1)
        ring = KeyRing.of_keys({"right"})
        keys = [
            Keys(ring, lambda: now[0], lambda kind, each=each: SharedLevels(each, kind))
            for each in workers
        ]
        keys[0].holder_of("right", "192.0.2.1")
        for guess in range(20):
            with pytest.raises(Forbidden):
                keys[guess % 2].holder_of("wrong", "192.0.2.1")
        for each in keys:
            with pytest.raises(Overloaded):
                each.holder_of("wrong", "192.0.2.1")
            assert each.holder_of("right", "192.0.2.1")
