"""The OpenAPI document: bodies are read raw, so what they hold is said here and tested."""

from collections.abc import Sequence
from typing import Any

from service.engine import Engine
from service.pose.formats import FORMATS
from service.pose.missing import QUALITY
from service.requests import LiftOptions
from service.rest import examples
from service.rest.errors import PROBLEM_TYPE, STATUS
from service.wire.codecs import JSON, PROTOBUF

_Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/"
_NUMBER: _Schema = {"type": "number"}
_STRING: _Schema = {"type": "string"}
_INTEGER: _Schema = {"type": "integer"}
_STRINGS: _Schema = {"type": "array", "items": _STRING}
_POINT: _Schema = {"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3}
_POINT_OR_NULL = _POINT | {"type": ["array", "null"]}
_KEYPOINT: _Schema = {
    "type": ["array", "null"],
    "description": "x, y in pixels (x right, y down) and a score, 1 if left out; null: missing.",
    "items": _NUMBER,
    "minItems": 2,
    "maxItems": 3,
}
_ERRORS_OF_LIFT = ("400", "401", "403", "413", "415", "422", "429", "503", "504")
_ERRORS_OF_GET = ("401", "403", "503")


def openapi_document(engine: Engine) -> _Schema:
    """The document of a service with these models."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "poselift",
            "version": "1",
            "description": "Lifts 2D human keypoints to 3D poses in metres.",
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas(engine),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _paths() -> _Schema:
    models = _content("Models"), _ERRORS_OF_GET
    return {
        "/v1/lift": {"post": _lift_operation()},
        "/v1/models": {"get": _operation("listModels", "The models served.", *models, keyed=True)},
        "/v1/models/{name}": {
            "parameters": [
                {
                    "name": "name",
                    "in": "path",
                    "required": True,
                    "description": "A model's name or alias.",
                    "schema": _STRING | {"minLength": 1},
                    "example": "default",
                }
            ],
            "get": _operation(
                "getModel",
                "One model.",
                _content("Model"),
                ("401", "403", "404", "503"),
                keyed=True,
            ),
        },
        "/healthz": {"get": _operation("alive", "Is it alive?", _content("Status"), ())},
        "/readyz": {
            "get": _operation("ready", "Should requests go here?", _content("Status"), ("503",))
        },
        "/metrics": {
            "get": _operation(
                "metrics", "Metrics for Prometheus.", {"text/plain": {"schema": _STRING}}, ()
            )
        },
    }


def _lift_operation() -> _Schema:
    answer = _content("LiftResponse")
    answer[PROTOBUF.media_type] = _binary("LiftResponse")
    body = _content("LiftRequest")
    body[JSON.media_type]["examples"] = {
        name: {"value": request} for name, request in examples.LIFT_REQUESTS.items()
    }
    body[PROTOBUF.media_type] = _binary("LiftRequest")
    summary = "Lift clips of 2D keypoints to 3D poses."
    operation = _operation("lift", summary, answer, _ERRORS_OF_LIFT, keyed=True)
    operation["description"] = (
        "The answer is in the format that `accept` names, else in that of the request. "
        f"`{PROTOBUF.media_type}` bodies are messages of `poselift.v1`."
    )
    return operation | {"requestBody": {"required": True, "content": body}}


def _operation(
    name: str, summary: str, content: _Schema, errors: Sequence[str], *, keyed: bool = False
) -> _Schema:
    responses: _Schema = {"200": {"description": "Done.", "content": content}}
    responses |= {status: _problem(status) for status in errors}
    operation: _Schema = {"operationId": name, "summary": summary, "responses": responses}
    if keyed:
        # The empty alternative: a service without keys is open to all.
        operation["security"] = [{}, {"bearer": []}, {"header": []}]
    return operation


def _content(schema: str) -> _Schema:
    return {JSON.media_type: {"schema": {"$ref": _REFERENCE + schema}}}


def _binary(message: str) -> _Schema:
    return {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": f"A serialised `poselift.v1.{message}`.",
        }
    }


def _problem(status: str) -> _Schema:
    titles = [error.title for error, number in STATUS.items() if str(number.value) == status]
    answer: _Schema = {
        "description": f"{titles[0]}.",
        "content": {PROBLEM_TYPE: {"schema": {"$ref": _REFERENCE + "Problem"}}},
    }
    if status == "429":
        answer["headers"] = {
            "retry-after": {"description": "Seconds to wait.", "schema": _INTEGER, "required": True}
        }
    return answer


def _schemas(engine: Engine) -> _Schema:
    request = LiftOptions.model_json_schema(ref_template=_REFERENCE + "{model}")
    return {
        **request.pop("$defs"),
        "LiftRequest": _lift_request(request, engine),
        "Clip": _clip(),
        "LiftResponse": _object(
            {
                "model": {"$ref": _REFERENCE + "ModelSummary"},
                "skeleton": {"$ref": _REFERENCE + "Skeleton"},
                "units": {"const": "metres"},
                "axes": {"enum": ["camera", "y_up"]},
                "clips": {"type": "array", "items": {"$ref": _REFERENCE + "LiftedClip"}},
            }
        ),
        "LiftedClip": _lifted_clip(),
        "Skeleton": _object(
            {
                "name": _STRING,
                "joints": _STRINGS,
                "parents": {
                    "type": "array",
                    "items": _INTEGER,
                    "description": "For each joint the index of its parent; -1 for the root.",
                },
            }
        ),
        "ModelSummary": _object(_summary_properties()),
        "Model": _object(_summary_properties() | _details_properties()),
        "Models": _object(
            {"models": {"type": "array", "items": {"$ref": _REFERENCE + "Model"}}},
        ),
        "Training": _object(
            {
                "data": _STRING,
                "frame_rates": {"type": "array", "items": _NUMBER},
                "cost": _STRING,
                "held_out_errors": {
                    "type": "object",
                    "additionalProperties": _NUMBER,
                    "description": "Millimetres, MPJVE in millimetres per frame.",
                },
                "limits": _STRING,
            }
        ),
        "Status": _object({"status": {"enum": ["alive", "ready"]}}),
        "Problem": _problem_details(),
    }


def _lift_request(options: _Schema, engine: Engine) -> _Schema:
    names = [*engine.aliases(), *(card.name for card in engine.cards())]
    properties = options["properties"]
    properties["model"]["enum"] = names
    properties["keypoint_format"]["enum"] = list(FORMATS)
    properties["clips"] = {
        "type": "array",
        "items": {"$ref": _REFERENCE + "Clip"},
        "minItems": 1,
    }
    return options | {"title": "LiftRequest", "required": [*options["required"], "clips"]}


def _clip() -> _Schema:
    clip = _object(
        {
            "id": {
                "type": ["string", "null"],
                "maxLength": 200,
                "description": "Unique in the request; the clip's position if left out.",
            },
            "keypoints": {
                "type": "array",
                "description": "For each frame the joints of the keypoint format, in its order; "
                "null where nothing was detected.",
                "items": {"type": ["array", "null"], "items": _KEYPOINT},
                "minItems": 1,
            },
        }
    )
    return clip | {"required": ["keypoints"], "additionalProperties": False}


def _lifted_clip() -> _Schema:
    return _object(
        {
            "id": _STRING,
            "poses": {
                "type": "array",
                "description": "For each frame the joints' x, y, z in metres relative to the root "
                "joint; null where the quality is unknown.",
                "items": {"type": ["array", "null"], "items": _POINT},
            },
            "trajectory": {
                "type": ["array", "null"],
                "description": "The root's path in camera space, in metres, from models that "
                "estimate it.",
                "items": _POINT_OR_NULL,
            },
            "quality": {"type": "array", "items": {"enum": list(QUALITY)}},
        }
    )


def _summary_properties() -> _Schema:
    return {
        "name": _STRING,
        "version": _STRING,
        "causal": {"type": "boolean"},
        "receptive_field": _INTEGER | {"description": "Frames of input a pose depends on."},
        "keypoint_format": _STRING,
        "licence": _STRING,
    }


def _details_properties() -> _Schema:
    return {
        "aliases": _STRINGS,
        "created": _STRING,
        "skeleton": {"$ref": _REFERENCE + "Skeleton"},
        "filter_widths": {"type": "array", "items": _INTEGER},
        "channels": _INTEGER,
        "normalisation": {"enum": ["screen", "person"]},
        "training": {"$ref": _REFERENCE + "Training"},
    }


def _problem_details() -> _Schema:
    types = ", ".join(f"urn:poselift:problem:{error.slug}" for error in STATUS)
    fault = _object({"where": _STRING, "expected": _STRING})
    details = _object(
        {
            "type": _STRING | {"description": f"Never changes: {types}."},
            "title": _STRING,
            "status": _INTEGER,
            "detail": _STRING,
            "errors": {
                "type": "array",
                "description": "What is wrong where, as in clips[2].keypoints[17][4].",
                "items": fault,
            },
        }
    )
    return details | {"required": ["type", "title", "status", "detail"]}


def _object(properties: _Schema) -> _Schema:
    """A schema of an object all of whose properties are always there."""
    return {"type": "object", "properties": properties, "required": list(properties)}
