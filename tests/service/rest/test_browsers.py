"""Pages in browsers: those of other origins, and those whose names lead here, are refused."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
import websockets
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from websockets.exceptions import InvalidStatus

from tests.contract.transports import http_problem
from tests.serving import ServiceProcess, service_process

FRIEND = "https://app.example"
STRANGER = "https://stranger.example"
PAGE_HEADERS = {"content-type": "text/plain"}


@pytest.fixture(scope="module")
def local(models: Path) -> Iterator[ServiceProcess]:
    """A service on a loopback address, as a developer starts it."""
    with service_process(models, LIVE_MODEL="causal", CONVERT="true") as running:
        yield running


@pytest.fixture(scope="module")
def public(models: Path) -> Iterator[ServiceProcess]:
    """A service that is asked from elsewhere, by a page of a friend."""
    settings = {"HOST": "0.0.0.0", "ALLOW_ANONYMOUS": "true", "LIVE_MODEL": "causal"}
    allowed = {"ALLOWED_ORIGINS": f"{FRIEND}:443", "ALLOWED_HOSTS": "poses.example,10.0.0.5"}
    undescribed = {"DOCS": "false", "REFLECTION": "false"}
    with service_process(models, **settings, **allowed, **undescribed) as running:
        yield running


def ask(service: ServiceProcess, **headers: str) -> httpx.Response:
    """What a page may send to any origin without asking it first."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{service.url}/v1/convert", headers=PAGE_HEADERS | named, timeout=60)


async def socket_status(service: ServiceProcess, origin: str | None) -> int:
    headers = {} if origin is None else {"Origin": origin}
    url = f"ws://127.0.0.1:{service.http_port}/v1/stream"
    try:
        async with websockets.connect(url, additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize("origin", [STRANGER, "null", "http://127.0.0.1:1", "http://localhost"])
def test_pages_of_other_origins_may_not_ask(local: ServiceProcess, origin: str) -> None:
    assert http_problem(ask(local, origin=origin)).slug == "foreign-origin"


async def test_sockets_of_other_origins_are_not_opened(
    local: ServiceProcess, public: ServiceProcess
) -> None:
    assert await socket_status(local, STRANGER) == 403
    assert await socket_status(public, STRANGER) == 403
    assert await socket_status(public, FRIEND) == 101
    for service in (local, public):
        assert await socket_status(service, f"http://127.0.0.1:{service.http_port}") == 101
        assert await socket_status(service, None) == 101


def test_its_own_pages_and_programs_may_ask(local: ServiceProcess) -> None:
    for headers in (
        {},
        {"origin": local.url},
        {"origin": "https://public.example", "sec_fetch_site": "same-origin"},
    ):
        assert http_problem(ask(local, **headers)).slug == "invalid"


def test_allowed_pages_may_read_answers_and_errors(public: ServiceProcess) -> None:
    asked = {"origin": FRIEND, "access-control-request-method": "POST"}
    read = "content-type,x-api-key,request-timeout,content-disposition,traceparent,tracestate"
    asked["access-control-request-headers"] = read
    preflight = httpx.options(f"{public.url}/v1/lift", headers=asked)
    assert preflight.status_code == 200
    answers = [
        preflight,
        httpx.get(f"{public.url}/v1/models", headers={"origin": FRIEND}),
        httpx.get(f"{public.url}/v1/models/none", headers={"origin": FRIEND}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert {answer.headers["access-control-allow-origin"] for answer in answers} == {FRIEND}
    exposed = answers[1].headers["access-control-expose-headers"]
    assert {"poselift-warnings", "content-disposition"} <= set(exposed.split(", "))
    strange = httpx.options(f"{public.url}/v1/lift", headers={**asked, "origin": STRANGER})
    assert strange.status_code == 403
    assert "access-control-allow-origin" not in strange.headers


@pytest.mark.parametrize("host", ["localhost:80", "127.0.0.1", "[::1]:8000"])
def test_loopback_names_are_always_known(
    local: ServiceProcess, public: ServiceProcess, host: str
) -> None:
    for service in (local, public):
        assert httpx.get(f"{service.url}/v1/models", headers={"host": host}).status_code == 200


def test_a_page_whose_name_leads_here_learns_nothing(local: ServiceProcess) -> None:
    """DNS rebinding: to the browser it is of the same origin."""
    rebound = {"host": "rebound.example:8000", "origin": "http://rebound.example:8000"}
    answer = httpx.get(f"{local.url}/v1/models", headers=rebound)
    assert http_problem(answer).slug == "unknown-host"
    assert answer.status_code == 421


def test_names_can_be_given(public: ServiceProcess) -> None:
    def status(host: str, path: str = "/v1/models") -> int:
        return httpx.get(f"{public.url}{path}", headers={"host": host}).status_code

    assert status("poses.example") == 200
    assert status("POSES.example:8000") == 200
    assert status("other.example") == 421
    assert status("10.1.2.3:8000", "/readyz") == 200  # as load balancers ask


def test_descriptions_can_be_switched_off(public: ServiceProcess) -> None:
    for path in ("/docs", "/openapi.json"):
        assert httpx.get(f"{public.url}{path}").status_code == 404
    with grpc.insecure_channel(f"127.0.0.1:{public.grpc_port}") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        with pytest.raises(grpc.RpcError) as refused:
            list(stub.ServerReflectionInfo(iter([asked]), timeout=60))
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
