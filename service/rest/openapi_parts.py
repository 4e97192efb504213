"""What schemas and operations of the OpenAPI document are made of."""

from collections.abc import Sequence
from typing import Any

from service.error_table import ERROR_KINDS
from service.rest.errors import PROBLEM_TYPE
from service.wire.codecs import JSON

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/"
NUMBER: Schema = {"type": "number"}
STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
STRINGS: Schema = {"type": "array", "items": STRING}
POINT: Schema = {"type": "array", "items": NUMBER, "minItems": 3, "maxItems": 3}
POINT_OR_NULL = POINT | {"type": ["array", "null"]}
KEYPOINT: Schema = {
    "type": ["array", "null"],
    "description": "x, y in pixels (x right, y down) and a score, 1 if left out; null: missing.",
    "items": NUMBER,
    "minItems": 2,
    "maxItems": 3,
}


def operation(
    name: str, summary: str, answer: Schema, errors: Sequence[str], *, keyed: bool = False
) -> Schema:
    """An operation: what it answers, and with which errors; ``keyed`` if it may ask for a key."""
    responses: Schema = {"200": {"description": "Done.", "content": answer}}
    responses |= {status: _problem(status) for status in errors}
    described: Schema = {"operationId": name, "summary": summary, "responses": responses}
    if keyed:
        # The empty alternative: a service without keys is open to all.
        described["security"] = [{}, {"bearer": []}, {"header": []}]
    return described


def content(schema: str) -> Schema:
    """A JSON body of a named schema."""
    return {JSON.media_type: {"schema": {"$ref": REFERENCE + schema}}}


def binary(message: str) -> Schema:
    """A protobuf body of a named message."""
    return {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": f"A serialised `poselift.v1.{message}`.",
        }
    }


def _problem(status: str) -> Schema:
    titles = [kind.title for kind in ERROR_KINDS.values() if str(kind.http_status) == status]
    answer: Schema = {
        "description": f"{titles[0]}.",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": REFERENCE + "Problem"}}},
    }
    if status == "429":
        answer["headers"] = {
            "retry-after": {"description": "Seconds to wait.", "schema": INTEGER, "required": True}
        }
    return answer


def object_of(properties: Schema) -> Schema:
    """A schema of an object all of whose properties are always there."""
    return {"type": "object", "properties": properties, "required": list(properties)}
