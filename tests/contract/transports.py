"""One interface to lift over every transport: requests as JSON, outcomes of one form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import httpx
import numpy as np
import orjson
from numpy.typing import NDArray

from poselift.v1 import poselift_pb2 as messages
from poselift.v1 import poselift_pb2_grpc as stubs
from tests.serving import ServiceProcess

Request = Mapping[str, Any]

_TIMEOUT_S = 60
_QUALITY = {1: "measured", 2: "filled", 3: "unknown"}
_AXES = {
    "camera": messages.AXES_CAMERA,
    "y_up": messages.AXES_Y_UP,
    "z_up": messages.AXES_Z_UP,
}
ENUMS: Mapping[str, Mapping[str, int]] = {
    "axes": _AXES,
    "coordinates": {
        "pixels": messages.COORDINATES_PIXELS,
        "normalized": messages.COORDINATES_NORMALIZED,
    },
    "when_behind": {
        "wait": messages.WHEN_BEHIND_WAIT,
        "drop_oldest": messages.WHEN_BEHIND_DROP_OLDEST,
    },
}
_NO_SUCH = 9
"""The number of no enum value."""
_CODES = {
    "unreadable": "INVALID_ARGUMENT",
    "invalid": "INVALID_ARGUMENT",
    "too-large": "RESOURCE_EXHAUSTED",
    "overloaded": "RESOURCE_EXHAUSTED",
    "unauthenticated": "UNAUTHENTICATED",
    "forbidden": "PERMISSION_DENIED",
    "deadline-exceeded": "DEADLINE_EXCEEDED",
}
_STATUSES = {
    "unreadable": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "foreign-origin": 403,
    "unknown-host": 421,
    "not-found": 404,
    "too-large": 413,
    "unsupported-media-type": 415,
    "invalid": 422,
    "overloaded": 429,
    "deadline-exceeded": 504,
}


@dataclass(frozen=True)
class LiftedClip:
    """A clip of an answer; frames without a pose are NaN."""

    id: str
    poses: NDArray[np.float64]
    trajectory: NDArray[np.float64] | None
    quality: list[str]
    expected_errors: NDArray[np.float64] | None
    joint_quality: list[str]
    first_frame: int


@dataclass(frozen=True)
class Outcome:
    """What came back: clips, or the slug of a problem and what it says."""

    slug: str = "ok"
    detail: str = ""
    errors: Sequence[Mapping[str, str]] = ()
    clips: Sequence[LiftedClip] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    """Model name, units, axes and skeleton joints."""
    warnings: Sequence[Mapping[str, Any]] = ()

    @property
    def places(self) -> list[str]:
        """Where the errors are."""
        return [error["where"] for error in self.errors]


class Transport(Protocol):
    """A way to reach the service."""

    def lift(self, request: Request, api_key: str | None = None) -> Outcome:
        """Lift, and check that the transport's own status fits what it says."""


class JsonOverHttp:
    """POST /v1/lift with JSON."""

    def __init__(self, service: ServiceProcess) -> None:
        self._client = httpx.Client(base_url=service.url, timeout=_TIMEOUT_S)

    def close(self) -> None:
        self._client.close()

    def lift(self, request: Request, api_key: str | None = None) -> Outcome:
        headers = {"content-type": "application/json", **_bearer(api_key)}
        answer = self._client.post("/v1/lift", content=orjson.dumps(request), headers=headers)
        if answer.status_code != 200:
            return http_problem(answer)
        assert answer.headers["content-type"] == "application/json"
        result = answer.json()
        return Outcome(
            clips=[_json_clip(clip) for clip in result["clips"]],
            about={
                "model": result["model"]["name"],
                "units": result["units"],
                "axes": result["axes"],
                "joints": result["skeleton"]["joints"],
            },
            warnings=result["warnings"],
        )


class ProtobufOverHttp:
    """POST /v1/lift with protobuf."""

    def __init__(self, service: ServiceProcess) -> None:
        self._client = httpx.Client(base_url=service.url, timeout=_TIMEOUT_S)

    def close(self) -> None:
        self._client.close()

    def lift(self, request: Request, api_key: str | None = None) -> Outcome:
        headers = {"content-type": "application/x-protobuf", **_bearer(api_key)}
        body = as_message(request).SerializeToString()
        answer = self._client.post("/v1/lift", content=body, headers=headers)
        if answer.status_code != 200:
            return http_problem(answer)
        assert answer.headers["content-type"] == "application/x-protobuf"
        return _outcome(messages.LiftResponse.FromString(answer.content))


class Grpc:
    """The method Lift of poselift.v1."""

    def __init__(self, service: ServiceProcess) -> None:
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{service.grpc_port}", [("grpc.max_receive_message_length", -1)]
        )
        self._stub = stubs.PoseLiftStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def lift(self, request: Request, api_key: str | None = None) -> Outcome:
        metadata = tuple(_bearer(api_key).items())
        try:
            answer = self._stub.Lift(as_message(request), metadata=metadata, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            return grpc_problem(error)
        return _outcome(answer)


def http_problem(answer: httpx.Response) -> Outcome:
    """The problem in an answer, checked against RFC 9457 and the table of statuses."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    outcome = _problem(problem)
    assert problem["status"] == answer.status_code == _STATUSES[outcome.slug], problem
    return outcome


def grpc_problem(error: grpc.RpcError) -> Outcome:
    """The problem in the trailers, checked against the table of codes."""
    trailers = dict(error.trailing_metadata() or ())
    assert "problem-bin" in trailers, f"{error.code()}: {error.details()}"
    problem = orjson.loads(trailers["problem-bin"])
    outcome = _problem(problem)
    assert error.code().name == _CODES[outcome.slug]
    assert error.details() == problem["detail"]
    return outcome


def _problem(problem: Mapping[str, Any]) -> Outcome:
    assert problem["type"].startswith("urn:poselift:problem:")
    assert problem["title"]
    slug = problem["type"].rpartition(":")[2]
    return Outcome(slug, problem["detail"], problem.get("errors", ()))


def as_message(request: Request) -> messages.LiftRequest:
    """A JSON request as protobuf, as far as protobuf can express it."""
    fields = dict(request)
    clips = [
        messages.Clip(**clip | {"keypoints": packed(clip["keypoints"])})
        for clip in fields.pop("clips", ())
    ]
    return messages.LiftRequest(**numbered(fields), clips=clips)


def numbered(fields: Request) -> dict[str, Any]:
    """The fields of a message with enums by number, unknown ones too, and numbers as lists."""
    found = {
        name: ENUMS[name].get(value, _NO_SUCH) if name in ENUMS else value
        for name, value in fields.items()
    }
    camera = dict(found.get("camera") or {})
    if isinstance(camera.get("focal_length"), (int, float)):
        found["camera"] = camera | {"focal_length": [camera["focal_length"]]}
    return found


def packed(keypoints: Sequence[Any]) -> list[float]:
    """Frames of joints as one list; a null frame is given as many joints as the first other."""
    joints = next((len(frame) for frame in keypoints if frame), 17)
    return [
        number
        for frame in keypoints
        for joint in (frame or [None] * joints)
        for number in ((0, 0, 0) if joint is None or None in joint[:2] else (*joint, 1)[:3])
    ]


def _bearer(api_key: str | None) -> dict[str, str]:
    return {} if api_key is None else {"authorization": f"Bearer {api_key}"}


def _json_clip(clip: Mapping[str, Any]) -> LiftedClip:
    joints = next(len(pose) for pose in clip["poses"] if pose is not None)
    poses = _frames(clip["poses"], (joints, 3))
    assert poses is not None
    return LiftedClip(
        clip["id"],
        poses,
        _frames(clip["trajectory"], (3,)),
        clip["quality"],
        _frames(clip["expected_errors"], (joints,)),
        clip["joint_quality"],
        clip["first_frame"],
    )


def _frames(values: Sequence[Any] | None, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """One array of what each frame has, NaN where it has nothing."""
    if values is None:
        return None
    nothing = np.full(shape, np.nan)
    return np.array([nothing if value is None else value for value in values])


def _outcome(answer: messages.LiftResponse) -> Outcome:
    joints = len(answer.skeleton.joints)
    axes = {number: name for name, number in _AXES.items()}
    return Outcome(
        clips=[_message_clip(clip, joints) for clip in answer.clips],
        about={
            "model": answer.model.name,
            "units": answer.units,
            "axes": axes[answer.axes],
            "joints": list(answer.skeleton.joints),
        },
        warnings=[_message_warning(warning) for warning in answer.warnings],
    )


def _message_warning(warning: messages.InputWarning) -> dict[str, Any]:
    told = {"code": warning.code, "clip": warning.clip, "detail": warning.detail}
    return told | ({"frames": list(warning.frames)} if warning.frames else {})


def _message_clip(clip: messages.LiftedClip, joints: int) -> LiftedClip:
    quality = [_QUALITY[code] for code in clip.quality]
    unknown = np.array([name == "unknown" for name in quality])
    poses = np.array(clip.poses, dtype=float).reshape(-1, joints, 3)
    assert not poses[unknown].any()
    poses[unknown] = np.nan
    trajectory = np.array(clip.trajectory, dtype=float).reshape(-1, 3)
    errors = np.array(clip.expected_errors, dtype=float).reshape(-1, joints)
    for array in (trajectory, errors):
        if len(array):
            array[unknown] = np.nan
    return LiftedClip(
        clip.id,
        poses,
        trajectory if len(trajectory) else None,
        quality,
        errors if len(errors) else None,
        list(clip.joint_quality),
        clip.first_frame,
    )
