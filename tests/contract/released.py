"""What has been released of the contract: names, numbers and types that never change.

``python -m tests.contract.released`` adds what is new to ``released.json``; what is there stays.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from google.protobuf.descriptor import Descriptor, EnumDescriptor

from poselift.v1 import poselift_pb2 as messages
from tests.models import model_set_folder
from tests.serving import service_process

RELEASED = Path(__file__).with_name("released.json")


def protobuf() -> dict[str, Any]:
    """Fields by message and values by enum, each with its number and type."""
    file = messages.DESCRIPTOR
    found: dict[str, Any] = {}
    for name, message in file.message_types_by_name.items():
        found[name] = _fields(message)
    for name, enum in file.enum_types_by_name.items():
        found[name] = _values(enum)
    for service in file.services_by_name.values():
        found[service.name] = {
            method.name: f"{method.input_type.name} -> {method.output_type.name}"
            for method in service.methods
        }
    return found


def _fields(message: Descriptor) -> dict[str, str]:
    return {
        field.name: f"{field.number} type {field.type}{' repeated' * field.is_repeated}"
        for field in message.fields
    }


def _values(enum: EnumDescriptor) -> dict[str, int]:
    return {value.name: value.number for value in enum.values}


def openapi(document: Mapping[str, Any]) -> dict[str, Any]:
    """Statuses by path and method, and properties by schema with their types."""
    paths = {
        f"{method.upper()} {path}": dict.fromkeys(operation["responses"], "answered")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    schemas = {
        name: {field: _kind(about) for field, about in schema.get("properties", {}).items()}
        for name, schema in document["components"]["schemas"].items()
    }
    return paths | schemas


def _kind(about: Mapping[str, Any]) -> str:
    """A type as far as it must stay: a further alternative may come."""
    return str(about.get("type") or about.get("$ref") or "alternatives")


def missing(released: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What was released and is no more, or is something else."""
    return [
        f"{owner}.{name}: {told} -> {now.get(owner, {}).get(name)}"
        for owner, names in released.items()
        for name, told in names.items()
        if now.get(owner, {}).get(name) != told
    ]


def main() -> None:
    """Add what is new."""
    with tempfile.TemporaryDirectory() as folder:
        models = model_set_folder(Path(folder))
        with service_process(models, DEFAULT_MODEL="symmetric") as service:
            document = httpx.get(f"{service.url}/openapi.json").json()
    now = {"protobuf": protobuf(), "openapi": openapi(document)}
    RELEASED.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
