"""No released name, number or type of the contract changes."""

import json

import httpx

from tests.contract.released import RELEASED, missing, openapi, protobuf
from tests.serving import ServiceProcess


def test_protobuf_only_gains() -> None:
    assert missing(json.loads(RELEASED.read_text())["protobuf"], protobuf()) == []


def test_openapi_only_gains(service: ServiceProcess) -> None:
    document = httpx.get(f"{service.url}/openapi.json").json()
    assert missing(json.loads(RELEASED.read_text())["openapi"], openapi(document)) == []


def test_a_change_is_noticed() -> None:
    released = {"Clip": {"id": "1 type 9", "keypoints": "2 type 2 repeated"}}
    changed = {"Clip": {"id": "3 type 9", "keypoints": "2 type 2 repeated", "new": "4 type 1"}}
    assert missing(released, changed) == ["Clip.id: 1 type 9 -> 3 type 9"]
