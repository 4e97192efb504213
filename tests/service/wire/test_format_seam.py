"""The recipe of a wire format: a class and its entry among the served ones; no other change."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI
from uvicorn.server import ServerState

from service.requests import LiftRequest, LiftResult
from service.rest.app import create_app
from service.rest.connections import SOCKET, ConnectionLimits, Connections, SocketConnection
from service.validation import Limits
from service.wire.served_formats import SERVED_FORMATS, JsonFormat
from tests.contract.scenarios import request
from tests.models import running_service

ZIPPED = {"content-type": "application/x-zipped"}


class ZippedFormat(JsonFormat):
    """JSON in gzip."""

    media_types = ("application/x-zipped",)
    subprotocol = "poselift.v1.zipped"
    is_text = False

    def decode_lift_request(self, body: bytes, limits: Limits) -> LiftRequest:
        return super().decode_lift_request(gzip.decompress(body), limits)

    def encode_lift_result(self, result: LiftResult) -> bytes:
        return gzip.compress(super().encode_lift_result(result))


@pytest.fixture
async def app(models: Path) -> AsyncIterator[FastAPI]:
    async with running_service(models) as context:
        yield create_app(replace(context, formats=(*SERVED_FORMATS, ZippedFormat())))


async def test_requests_and_answers_are_in_the_new_format(app: FastAPI) -> None:
    body = orjson.dumps(request())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://service"
    ) as client:
        plain = await client.post(
            "/v1/lift", content=body, headers={"content-type": "application/json"}
        )
        zipped = await client.post("/v1/lift", content=gzip.compress(body), headers=ZIPPED)
        refused = await client.post("/v1/lift", content=body, headers={"content-type": "x/y"})
    assert zipped.headers["content-type"] == ZIPPED["content-type"]
    assert orjson.loads(gzip.decompress(zipped.content)) == plain.json()
    assert ZIPPED["content-type"] in refused.json()["detail"]


async def test_streams_are_offered_the_new_format(app: FastAPI) -> None:
    connections, config = Connections(ConnectionLimits()), uvicorn.Config(app)
    config.load()
    socket = SocketConnection(connections, config=config, server_state=ServerState(), app_state={})
    state = {SOCKET: socket}
    scope = {"type": "websocket", "path": "/v1/stream", "headers": [], "state": state}
    events = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(events)

    async def send(event: Any) -> None:
        sent.append(event)

    await app(scope | {"subprotocols": ["unknown", ZippedFormat.subprotocol]}, receive, send)
    assert (sent[0]["type"], sent[0]["subprotocol"]) == (
        "websocket.accept",
        ZippedFormat.subprotocol,
    )
