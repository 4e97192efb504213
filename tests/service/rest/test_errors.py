"""Every error has a status, and surprises tell callers nothing."""

import httpx
import pytest
from fastapi import FastAPI

from service import errors
from service.rest.errors import STATUS, register_error_handlers

SECRET = "the database is at 10.0.0.7"


def app_that_raises(error: Exception) -> FastAPI:
    app = FastAPI()
    register_error_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    return app


async def answer_to(error: Exception) -> httpx.Response:
    transport = httpx.ASGITransport(app_that_raises(error), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.get("/")


MET_BY_CALLERS = set(errors.PoseliftError.__subclasses__()) - {
    errors.ModelError,
    errors.StoreError,
}


def test_every_error_that_callers_meet_has_a_status() -> None:
    assert set(STATUS) == set(errors.PoseliftError.__subclasses__()) - {
        errors.ModelError,
        errors.StoreError,
    }


@pytest.mark.parametrize("error", [RuntimeError(SECRET), errors.ModelError(SECRET)])
async def test_a_surprise_is_a_problem_that_tells_nothing(error: Exception) -> None:
    answer = await answer_to(error)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:poselift:problem:internal"
    assert SECRET not in answer.text


async def test_a_full_queue_rounds_the_wait_up() -> None:
    answer = await answer_to(errors.Overloaded("full", retry_after_s=1.2))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"


async def test_long_texts_are_cut() -> None:
    answer = await answer_to(errors.Invalid.at("model", "x" * 1_000_000))
    assert len(answer.content) < 5_000
