"""The OpenAPI document: its examples work, it lists what is served, and it drives the server."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from playwright.async_api import Page, async_playwright
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.rest.examples import LIFT_REQUESTS
from tests.contract.scenarios import keypoints
from tests.serving import ServiceProcess

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def document(service: ServiceProcess) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{service.url}/openapi.json").json()
    return answer


OPERATIONS = [
    ("/v1/lift", "POST"),
    ("/v1/sessions", "POST"),
    ("/v1/convert", "POST"),
    ("/v1/detect", "POST"),
    ("/v1/detectors", "GET"),
    ("/v1/sessions/{session_id}/frames", "POST"),
    ("/v1/sessions/{session_id}", "GET"),
    ("/v1/sessions/{session_id}", "DELETE"),
    ("/v1/models", "GET"),
    ("/v1/models/{name}", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
]


SOUND, UNSOUND = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
DRIVEN = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def cases(service: ServiceProcess, path: str, method: str, mode: GenerationMode) -> Any:
    """Requests that the document allows, or some that it does not."""
    api = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    return api[path][method].as_strategy(generation_mode=mode)


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [(*operation, SOUND) for operation in OPERATIONS]
    + [(*operation, UNSOUND) for operation in OPERATIONS[:3]],
)
def test_the_server_matches_its_openapi_document(
    service: ServiceProcess, path: str, method: str, mode: GenerationMode
) -> None:
    @given(case=cases(service, path, method, mode))
    @DRIVEN
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    check()


def test_any_options_go_with_real_keypoints(service: ServiceProcess) -> None:
    """A schema cannot say how many joints a format has, so here are clips that have as many."""
    statuses = set()

    @given(case=cases(service, "/v1/lift", "POST", SOUND))
    @DRIVEN
    def check(case: schemathesis.Case) -> None:
        assume(isinstance(case.body, dict))
        keypoint_format = case.body.get("keypoint_format", "coco17")
        case.body["clips"] = [{"keypoints": keypoints(3, keypoint_format)}]
        statuses.add(case.call_and_validate(checks=CHECKS).status_code)

    check()
    assert statuses <= {200, 422}
    assert 200 in statuses


def test_every_path_is_documented(document: dict[str, Any]) -> None:
    documented = {
        (path, method.upper())
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert documented == set(OPERATIONS)


def test_the_examples_work_as_pasted(service: ServiceProcess, document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/lift"]["post"]["requestBody"]["content"]
    examples = content["application/json"]["examples"]
    assert examples.keys() == LIFT_REQUESTS.keys()
    for example in examples.values():
        answer = httpx.post(f"{service.url}/v1/lift", json=example["value"])
        assert answer.status_code == 200, answer.text


def test_the_session_examples_work_as_pasted(
    service: ServiceProcess, document: dict[str, Any]
) -> None:
    def example(path: str) -> Any:
        content = document["paths"][path]["post"]["requestBody"]["content"]
        return content["application/json"]["example"]

    opened = httpx.post(f"{service.url}/v1/sessions", json=example("/v1/sessions"))
    assert opened.status_code == 201, opened.text
    path = "/v1/sessions/{session_id}/frames"
    url = service.url + path.format(**opened.json())
    lifted = httpx.post(url, json=example(path))
    assert lifted.status_code == 200, lifted.text
    assert len(lifted.json()["frames"][0]["people"][0]["pose"]) == 17


def test_it_offers_the_models_that_are_served(document: dict[str, Any]) -> None:
    names = document["components"]["schemas"]["LiftRequest"]["properties"]["model"]["enum"]
    assert {"default", "live", "symmetric", "causal"} <= set(names)


@pytest.fixture
async def explorer(service: ServiceProcess) -> AsyncIterator[Page]:
    """The API explorer in a browser that can reach only the service."""
    async with async_playwright() as playwright:
        nowhere = f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {urlsplit(service.url).hostname}"
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", nowhere]
        )
        page = await browser.new_page()
        page.set_default_timeout(60_000)
        await page.goto(f"{service.url}/docs")
        yield page
        await browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")
async def test_requests_can_be_tried_on_the_page(explorer: Page) -> None:
    for operation in ("lift", "openSession", "listModels", "ready"):
        block = explorer.locator(f"[id$='-{operation}']")
        await block.locator(".opblock-summary-control").click()
        await block.locator(".try-out__btn").click()
        await block.locator(".execute").click()
        status = await block.locator(
            ".live-responses-table tbody .response-col_status"
        ).first.inner_text()
        assert status.split()[0] in {"200", "201"}, operation


def test_the_page_loads_nothing_from_elsewhere(service: ServiceProcess) -> None:
    page = httpx.get(f"{service.url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "https://" not in page.text  # it must work where there is no internet
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert httpx.get(f"{service.url}{path}").status_code == 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_examples_work_with_curl(service: ServiceProcess, document: dict[str, Any]) -> None:
    answers = [
        curl(service.url + path.format(session_id="anna"), example)
        for path, item in document["paths"].items()
        for example in examples(item.get("post", {}))
    ]
    assert len(answers) == len(LIFT_REQUESTS) + 2
    for expected in (b'"poses"', b'"session_id"', b'"pose"'):
        assert any(expected in answer for answer in answers)
    assert not any(b"urn:poselift:problem" in answer for answer in answers)


def examples(operation: dict[str, Any]) -> list[Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    several = [each["value"] for each in content.get("examples", {}).values()]
    return several + [content[name] for name in ("example",) if name in content]


def curl(url: str, body: object) -> bytes:
    command = ["curl", "-s", url, "-H", "content-type: application/json", "-d", json.dumps(body)]
    return subprocess.run(command, capture_output=True, check=True).stdout
