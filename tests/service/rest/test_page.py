"""The page and its files, as they are served."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from service.rest.errors import answer_errors
from service.rest.page import page_routes

BUILT = Path(__file__).parents[3] / "service" / "page"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(routes=page_routes())
    answer_errors(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


async def test_the_page_and_its_files_come_with_their_policy(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    named = re.findall(r'(?:src|href)="\./(page/[^"]+)"', page.text)
    assert {path.rpartition(".")[2] for path in named} == {"css", "js", "svg"}
    for answer in (page, *[await client.get(f"/{path}") for path in named]):
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = dict(
            part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
        )
        assert policy["default-src"] == "'self'"
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"


async def test_the_detectors_worker_alone_may_run_webassembly(client: httpx.AsyncClient) -> None:
    allowed = [
        file.name
        for file in (BUILT / "page").iterdir()
        if "wasm" in (await client.get(f"/page/{file.name}")).headers["content-security-policy"]
    ]
    assert len(allowed) == 1
    assert allowed[0].startswith("detector-worker-")


async def test_files_are_kept_as_their_names_change_with_them(client: httpx.AsyncClient) -> None:
    for file in (BUILT / "page").iterdir():
        assert re.search(r"-[\w-]{8}\.\w+$", file.name)
        answer = await client.get(f"/page/{file.name}")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.content == file.read_bytes()


@pytest.mark.parametrize(
    "path", ["/page/none.js", "/page/../index.html", "/page/", "/page/%2e%2e/"]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:poselift:problem:not-found"


def test_there_is_no_script_in_the_page() -> None:
    text = (BUILT / "index.html").read_text()
    assert "<script>" not in text
    assert not re.search(r"\son\w+=|\sstyle=", text)


def test_the_page_is_small() -> None:
    sizes = {file.name: file.stat().st_size for file in BUILT.rglob("*") if file.is_file()}
    detector = {name for name in sizes if re.match(r"pose(_\w+)?-", name)}
    assert any(name.endswith(".tflite") for name in detector)
    assert not any("heavy" in name for name in detector)
    assert sum(sizes[name] for name in detector) < 25_000_000
    assert sum(sizes[name] for name in sizes.keys() - detector) < 2_000_000
