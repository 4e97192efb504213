"""The part of the OpenAPI document about live sessions over plain requests."""

from poselift.formats import FORMATS
from poselift.imputation import QUALITY
from service.engine import Engine
from service.requests import SessionOptions
from service.rest import examples
from service.rest.openapi_parts import (
    INTEGER,
    KEYPOINT,
    NUMBER,
    POINT,
    REFERENCE,
    STRING,
    Schema,
    binary,
    content,
    object_of,
    operation,
)
from service.wire.codecs import JSON, PROTOBUF

_ERRORS = ("400", "401", "403", "404", "409", "413", "415", "422", "429", "503", "504")


def session_paths() -> Schema:
    """The operations."""
    session_id = {
        "name": "session_id",
        "in": "path",
        "required": True,
        "schema": STRING | {"minLength": 1},
        "example": "anna",
    }
    return {
        "/v1/sessions": {"post": _open()},
        "/v1/sessions/{session_id}/frames": {"parameters": [session_id], "post": _frames()},
        "/v1/sessions/{session_id}": {
            "parameters": [session_id],
            "get": operation(
                "getSession",
                "Which frame a session expects next.",
                content("Session"),
                ("401", "403", "404", "503"),
                keyed=True,
            ),
            "delete": _without_answer(
                operation(
                    "deleteSession",
                    "Forget a session.",
                    {},
                    ("401", "403", "404", "409", "429", "503"),
                    keyed=True,
                )
            ),
        },
    }


def session_schemas(engine: Engine) -> Schema:
    """The messages."""
    options = SessionOptions.model_json_schema(ref_template=REFERENCE + "{model}")
    options.pop("$defs", None)
    properties = options["properties"]
    causal = [card.name for card in engine.cards() if card.architecture.causal]
    aliases = [alias for alias, name in engine.aliases().items() if name in causal]
    properties["model"]["enum"] = [*engine.aliases(), *(card.name for card in engine.cards())]
    properties["model"]["description"] = (
        f"A causal one ({', '.join([*aliases, *causal])}); with `lookahead_frames` a symmetric "
        "one, which then is `default` where none is named."
    )
    properties["keypoint_format"]["enum"] = list(FORMATS)
    frame = object_of(
        {
            "index": INTEGER | {"minimum": 0, "description": "From 0, rising by one."},
            "people": {"type": "array", "items": {"$ref": REFERENCE + "Person"}},
        }
    )
    return {
        "OpenSession": options | {"title": "OpenSession"},
        "Session": object_of(
            {
                "session_id": STRING,
                "next_index": INTEGER,
                "model": {"$ref": REFERENCE + "ModelSummary"},
                "skeleton": {"$ref": REFERENCE + "Skeleton"},
                "units": {"const": "metres"},
                "axes": {"enum": ["camera", "y_up"]},
            }
        ),
        "LiftFramesRequest": object_of(
            {
                "frames": {"type": "array", "items": {"$ref": REFERENCE + "Frame"}},
                "flush": {
                    "type": "boolean",
                    "default": False,
                    "description": "With `lookahead_frames`: also answer the frames that still "
                    "wait for those after them, as if no more were to come.",
                },
            }
        )
        | {"required": ["frames"], "additionalProperties": False},
        "Frame": frame | {"additionalProperties": False},
        "Person": _person(),
        "LiftFramesResponse": object_of(
            {
                "frames": {"type": "array", "items": {"$ref": REFERENCE + "FramePoses"}},
                "next_index": INTEGER,
            }
        ),
        "FramePoses": _frame_poses(),
        "PersonPose": _person_pose(),
    }


def _open() -> Schema:
    answer = content("Session") | {PROTOBUF.media_type: binary("Opened")}
    body = content("OpenSession") | {PROTOBUF.media_type: binary("OpenSession")}
    body[JSON.media_type]["example"] = dict(examples.OPEN_SESSION)
    opened = operation(
        "openSession",
        "Open a live session, or resume the one of the id given.",
        answer,
        _ERRORS,
        keyed=True,
    )
    opened["responses"]["201"] = opened["responses"].pop("200")
    return opened | {"requestBody": {"required": True, "content": body}}


def _frames() -> Schema:
    answer = content("LiftFramesResponse") | {PROTOBUF.media_type: binary("LiftFramesResponse")}
    body = content("LiftFramesRequest") | {PROTOBUF.media_type: binary("LiftFramesRequest")}
    body[JSON.media_type]["example"] = dict(examples.LIFT_FRAMES)
    lifted = operation(
        "liftFrames", "Lift the next frames of a live session.", answer, _ERRORS, keyed=True
    )
    lifted["description"] = (
        "All frames are checked before any is lifted. A frame sent again is answered again, for "
        "the last 64; after a gap the answer is 409 and names the index expected."
    )
    return lifted | {"requestBody": {"required": True, "content": body}}


def _without_answer(described: Schema) -> Schema:
    described["responses"].pop("200")
    described["responses"]["204"] = {"description": "Forgotten."}
    return described


def _person() -> Schema:
    person = object_of(
        {
            "track_id": {
                "type": ["string", "integer"],
                "maxLength": 100,
                "description": "The same for a person throughout; left out with `associate`.",
            },
            "keypoints": {"type": ["array", "null"], "items": KEYPOINT},
        }
    )
    return person | {"required": ["keypoints"], "additionalProperties": False}


def _frame_poses() -> Schema:
    poses = object_of(
        {
            "index": INTEGER,
            "people": {"type": "array", "items": {"$ref": REFERENCE + "PersonPose"}},
            "durable": {"const": False, "description": "Only while the session store is away."},
        }
    )
    return poses | {"required": ["index", "people"]}


def _person_pose() -> Schema:
    pose = object_of(
        {
            "track_id": STRING,
            "pose": {
                "type": ["array", "null"],
                "description": "The joints' x, y, z in metres relative to the root joint.",
                "items": POINT,
            },
            "trajectory": POINT | {"type": ["array", "null"]},
            "quality": {"enum": list(QUALITY)},
            "expected_errors": {
                "type": ["array", "null"],
                "description": "How far from the truth each joint is likely to be, in metres.",
                "items": NUMBER,
            },
            "problem": {"$ref": REFERENCE + "Problem"},
        }
    )
    return pose | {"required": ["track_id", "pose", "trajectory", "quality", "expected_errors"]}
