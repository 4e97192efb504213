"""The OpenAPI document: bodies are read raw, so what they hold is said here and tested."""

from poselift.formats import FORMATS
from poselift.imputation import QUALITY
from service.engine import Engine
from service.error_table import ERROR_KINDS
from service.requests import LiftOptions
from service.rest import examples
from service.rest.openapi_parts import (
    INTEGER,
    KEYPOINT,
    NUMBER,
    POINT,
    POINT_OR_NULL,
    REFERENCE,
    STRING,
    STRINGS,
    Schema,
    binary,
    content,
    object_of,
    operation,
)
from service.rest.openapi_sessions import session_paths, session_schemas
from service.wire.codecs import JSON, PROTOBUF

_ERRORS_OF_LIFT = ("400", "401", "403", "413", "415", "422", "429", "503", "504")
_ERRORS_OF_GET = ("401", "403", "503")


def openapi_document(engine: Engine) -> Schema:
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


def _paths() -> Schema:
    models = content("Models"), _ERRORS_OF_GET
    return {
        "/v1/lift": {"post": _lift_operation()},
        **session_paths(),
        "/v1/models": {"get": operation("listModels", "The models served.", *models, keyed=True)},
        "/v1/models/{name}": {
            "parameters": [
                {
                    "name": "name",
                    "in": "path",
                    "required": True,
                    "description": "A model's name or alias.",
                    "schema": STRING | {"minLength": 1},
                    "example": "default",
                }
            ],
            "get": operation(
                "getModel",
                "One model.",
                content("Model"),
                ("401", "403", "404", "503"),
                keyed=True,
            ),
        },
        "/healthz": {"get": operation("alive", "Is it alive?", content("Status"), ())},
        "/readyz": {
            "get": operation("ready", "Should requests go here?", content("Status"), ("503",))
        },
        "/metrics": {
            "get": operation(
                "metrics", "Metrics for Prometheus.", {"text/plain": {"schema": STRING}}, ()
            )
        },
    }


def _lift_operation() -> Schema:
    answer = content("LiftResponse")
    answer[PROTOBUF.media_type] = binary("LiftResponse")
    body = content("LiftRequest")
    body[JSON.media_type]["examples"] = {
        name: {"value": request} for name, request in examples.LIFT_REQUESTS.items()
    }
    body[PROTOBUF.media_type] = binary("LiftRequest")
    summary = "Lift clips of 2D keypoints to 3D poses."
    lift = operation("lift", summary, answer, _ERRORS_OF_LIFT, keyed=True)
    lift["description"] = (
        "The answer is in the format that `accept` names, else in that of the request. "
        f"`{PROTOBUF.media_type}` bodies are messages of `poselift.v1`."
    )
    return lift | {"requestBody": {"required": True, "content": body}}


def _schemas(engine: Engine) -> Schema:
    request = LiftOptions.model_json_schema(ref_template=REFERENCE + "{model}")
    return {
        **request.pop("$defs"),
        "LiftRequest": _lift_request(request, engine),
        "Clip": _clip(),
        "LiftResponse": object_of(
            {
                "model": {"$ref": REFERENCE + "ModelSummary"},
                "skeleton": {"$ref": REFERENCE + "Skeleton"},
                "units": {"const": "metres"},
                "axes": {"enum": ["camera", "y_up"]},
                "clips": {"type": "array", "items": {"$ref": REFERENCE + "LiftedClip"}},
            }
        ),
        "LiftedClip": _lifted_clip(),
        "Skeleton": object_of(
            {
                "name": STRING,
                "joints": STRINGS,
                "parents": {
                    "type": "array",
                    "items": INTEGER,
                    "description": "For each joint the index of its parent; -1 for the root.",
                },
            }
        ),
        "ModelSummary": object_of(_summary_properties()),
        "Model": object_of(_summary_properties() | _details_properties()),
        "Models": object_of(
            {"models": {"type": "array", "items": {"$ref": REFERENCE + "Model"}}},
        ),
        "Training": object_of(
            {
                "data": STRING,
                "frame_rates": {"type": "array", "items": NUMBER},
                "seed": {"type": ["integer", "null"]},
                "recipe": STRING,
                "cost": STRING,
                "held_out_errors": {
                    "type": "object",
                    "additionalProperties": NUMBER,
                    "description": "Millimetres, MPJVE in millimetres per frame.",
                },
                "limits": STRING,
            }
        ),
        "Status": object_of({"status": {"enum": ["alive", "ready", "degraded"]}}),
        **session_schemas(engine),
        "Problem": _problem_details(),
    }


def _lift_request(options: Schema, engine: Engine) -> Schema:
    names = [*engine.aliases(), *(card.name for card in engine.cards())]
    properties = options["properties"]
    properties["model"]["enum"] = names
    properties["keypoint_format"]["enum"] = list(FORMATS)
    properties["clips"] = {
        "type": "array",
        "items": {"$ref": REFERENCE + "Clip"},
        "minItems": 1,
    }
    return options | {"title": "LiftRequest", "required": [*options["required"], "clips"]}


def _clip() -> Schema:
    clip = object_of(
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
                "items": {"type": ["array", "null"], "items": KEYPOINT},
                "minItems": 1,
            },
        }
    )
    return clip | {"required": ["keypoints"], "additionalProperties": False}


def _lifted_clip() -> Schema:
    return object_of(
        {
            "id": STRING,
            "poses": {
                "type": "array",
                "description": "For each frame the joints' x, y, z in metres relative to the root "
                "joint; null where the quality is unknown.",
                "items": {"type": ["array", "null"], "items": POINT},
            },
            "trajectory": {
                "type": ["array", "null"],
                "description": "The root's path in camera space, in metres, from models that "
                "estimate it.",
                "items": POINT_OR_NULL,
            },
            "quality": {"type": "array", "items": {"enum": list(QUALITY)}},
            "expected_errors": {
                "type": ["array", "null"],
                "description": "How far from the truth each joint is likely to be, in metres, from "
                "models that tell it; null where the quality is unknown.",
                "items": {"type": ["array", "null"], "items": NUMBER},
            },
        }
    )


def _summary_properties() -> Schema:
    return {
        "name": STRING,
        "version": STRING,
        "causal": {"type": "boolean"},
        "receptive_field": INTEGER | {"description": "Frames of input a pose depends on."},
        "keypoint_format": STRING,
        "licence": STRING,
    }


def _details_properties() -> Schema:
    return {
        "aliases": STRINGS,
        "created": STRING,
        "skeleton": {"$ref": REFERENCE + "Skeleton"},
        "filter_widths": {"type": "array", "items": INTEGER},
        "channels": INTEGER,
        "normalisation": {"enum": ["screen", "person"]},
        "training": {"$ref": REFERENCE + "Training"},
    }


def _problem_details() -> Schema:
    types = ", ".join(kind.type for kind in ERROR_KINDS.values())
    fault = object_of({"where": STRING, "expected": STRING})
    details = object_of(
        {
            "type": STRING | {"description": f"Never changes: {types}."},
            "title": STRING,
            "status": INTEGER,
            "detail": STRING,
            "next_index": INTEGER | {"description": "The frame expected, where one was refused."},
            "errors": {
                "type": "array",
                "description": "What is wrong where, as in clips[2].keypoints[17][4].",
                "items": fault,
            },
        }
    )
    return details | {"required": ["type", "title", "status", "detail"]}
