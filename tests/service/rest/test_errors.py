"""Errors as HTTP answers; unexpected ones have no details."""

import httpx
import pytest
from fastapi import FastAPI

from poselift.errors import InvalidInput, ModelError
from service.request_errors import Overloaded
from service.rest.errors import answer_errors

SECRET = "the database is at 10.0.0.7"


def app_that_raises(error: Exception) -> FastAPI:
    app = FastAPI()
    answer_errors(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    return app


async def answer_to(error: Exception) -> httpx.Response:
    transport = httpx.ASGITransport(app_that_raises(error), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.get("/")


@pytest.mark.parametrize("error", [RuntimeError(SECRET), ModelError(SECRET)])
async def test_an_unexpected_error_is_a_problem_without_details(error: Exception) -> None:
    answer = await answer_to(error)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:poselift:problem:internal"
    assert SECRET not in answer.text


async def test_a_full_queue_rounds_the_wait_up() -> None:
    answer = await answer_to(Overloaded("full", retry_after_s=1.2))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"


async def test_long_texts_are_shortened() -> None:
    answer = await answer_to(InvalidInput.at("model", "x" * 1_000_000))
    assert len(answer.content) < 5_000
