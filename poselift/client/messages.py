"""The library's arrays to messages of ``poselift.v1`` and back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    Required,
    TypeAlias,
    TypedDict,
    TypeVar,
    get_args,
)

import numpy as np
from numpy.typing import ArrayLike

from poselift.array_types import Floats, Qualities
from poselift.cameras import Camera
from poselift.client.errors import ServerError, of_problem
from poselift.clock import Clock
from poselift.errors import InvalidInput, PoseliftError
from poselift.imputation import JOINT_QUALITY, JointQuality, Quality
from poselift.input_check import Coordinates
from poselift.lifting import as_keypoints
from poselift.packed_fields import embedded, packed_floats
from poselift.poses import Axes, Poses, PoseWarning
from poselift.skeletons import H36M17

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from poselift.v1 import poselift_pb2 as messages

M = TypeVar("M", bound="Message")

Keypoints: TypeAlias = ArrayLike | Sequence[ArrayLike | None]
"""Of one person: (T, J, 2) or (T, J, 3) with scores, as ``poselift.lift`` takes them."""

_ENUMS: Final = {
    "axes": get_args(Axes),
    "coordinates": ("pixels", "normalized"),
    "when_behind": ("wait", "drop_oldest"),
}
"""The values of enumerations; numbers in messages count from 1."""
_FPS: Final = 50.0
"""Of clips whose rate is not given, as in ``poselift.lift``."""
_ONLY_CLIP: Final = "clips[0]."
_CAMERA: Final = ("focal_length", "principal_point", "radial", "tangential")
_CODES: Final = bytes.maketrans(JOINT_QUALITY.encode(), bytes(range(len(JOINT_QUALITY))))


class PoseOptions(TypedDict, total=False):
    """The options that clips and live sessions have in common; see ``poselift.lift``.

    What is left out is as there: 50 frames a second of ``coco17`` in pixels, say.
    """

    image_size: Required[tuple[float, float]]
    fps: float
    keypoint_format: str
    coordinates: Coordinates
    model: str
    camera: Camera | None
    min_score: float
    smoothing_s: float
    person_height_m: float | None
    axes: Axes


class LiftOptions(PoseOptions, total=False):
    """The options of lifting clips."""

    flip_augmentation: bool
    constant_bone_lengths: bool
    ground_contact: bool


class SessionOptions(PoseOptions, total=False):
    """The options of a live session; the guide to streaming describes them.

    With ``session_id`` a session of this id is resumed if there is one. With ``associate`` people
    are pushed as a list, and the server finds who is who. With ``lookahead_frames`` a frame is
    answered so many frames later, by a better model. ``allow_gaps`` lets indices be left out.
    """

    session_id: str
    associate: bool
    when_behind: Literal["wait", "drop_oldest"]
    lookahead_frames: int
    allow_gaps: bool


@dataclass(frozen=True)
class Clip:
    """One person's keypoints (T, J, 2 or 3) with what belongs to this clip alone."""

    keypoints: Keypoints
    first_frame: int = 0
    timestamps_s: ArrayLike | None = None


@dataclass(frozen=True)
class ModelInfo:
    """What a server says about a model that it serves.

    Attributes:
        aliases: names that stand for it: ``default``, ``live``.
        details: the rest of its card, with the names of ``GET /v1/models``.
    """

    name: str
    version: str
    causal: bool
    receptive_field: int
    keypoint_format: str
    licence: str
    aliases: tuple[str, ...] = ()
    details: Mapping[str, Any] | None = None


def lift_request(clips: Sequence[Clip | Keypoints], options: LiftOptions) -> bytes:
    """A ``LiftRequest``, serialised.

    Raises:
        InvalidInput: keypoints or options are none; the rest is checked by the server.
    """
    from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

    keypoint_format = options.get("keypoint_format", "coco17")
    written = [
        _clip(each if isinstance(each, Clip) else Clip(each), keypoint_format, f"clips[{number}].")
        for number, each in enumerate(clips)
    ]
    head = _written(messages.LiftRequest, options, LiftOptions).SerializeToString()
    number = messages.LiftRequest.CLIPS_FIELD_NUMBER
    return head + b"".join(embedded(number, clip) for clip in written)


@contextmanager
def of_the_clip() -> Iterator[None]:
    """Errors about a request's only clip name the places in it alone."""
    try:
        yield
    except InvalidInput as error:
        if not any(fault.where.startswith(_ONLY_CLIP) for fault in error.field_errors):
            raise
        faults = tuple(
            replace(fault, where=fault.where.removeprefix(_ONLY_CLIP))
            for fault in error.field_errors
        )
        raise InvalidInput(error.detail.replace(_ONLY_CLIP, ""), faults) from None


def lifted(body: bytes, clips: Sequence[Clip | Keypoints], options: LiftOptions) -> list[Poses]:
    """The poses of a ``LiftResponse`` to a request, clip by clip, each with its warnings."""
    from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

    answer = parsed(messages.LiftResponse, body)
    if len(answer.clips) != len(clips):
        raise ServerError(f"{len(clips)} clips were sent, and {len(answer.clips)} came back")
    joints = len(answer.skeleton.joints)
    found = []
    for clip, sent in zip(answer.clips, clips, strict=True):
        warnings = [each for each in answer.warnings if each.clip == clip.id]
        times_s = sent.timestamps_s if isinstance(sent, Clip) else None
        poses = _timed(_poses(clip, joints, warnings), options.get("fps") or _FPS, times_s)
        found.append(
            replace(poses, axes=axes_of(answer.axes), skeleton=skeleton_of(answer.skeleton))
        )
    return found


def axes_of(number: int) -> Axes:
    """Axes by their number in messages; camera axes where it is not set."""
    names: tuple[Axes, ...] = get_args(Axes)
    return names[max(number, 1) - 1]


def skeleton_of(skeleton: "messages.Skeleton") -> str:
    """The name of a skeleton; where a server tells none, that of the library's."""
    return skeleton.name or H36M17.name


def opening(options: SessionOptions) -> "messages.OpenSession":
    """How a session is opened."""
    from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

    return _written(messages.OpenSession, options, SessionOptions)


def models_of(described: Sequence[Mapping[str, Any]]) -> list[ModelInfo]:
    """The models in the answer of ``GET /v1/models``, or of ``ListModels`` as JSON."""
    return [model_of(each) for each in described]


def model_of(described: Mapping[str, Any]) -> ModelInfo:
    """A model from its fields by their names."""
    rest = dict(described)
    own = {name: rest.pop(name) for name in ModelInfo.__annotations__ if name in rest}
    own["aliases"] = tuple(own.get("aliases", ()))
    return ModelInfo(**own | {"details": rest})


def summary_of(model: "messages.Model") -> ModelInfo:
    """The model of a session."""
    names = ("name", "version", "causal", "receptive_field", "keypoint_format", "licence")
    return ModelInfo(**{name: getattr(model, name) for name in names})


def parsed(kind: type[M], body: bytes) -> M:
    """A message of a server.

    Raises:
        ServerError: these bytes are none.
    """
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - an extra's

    try:
        return kind.FromString(body)
    except DecodeError:
        name = kind.DESCRIPTOR.full_name
        raise ServerError(f"the answer is not a {name}: is this a poselift server?") from None


def one_frame(keypoints: ArrayLike | None, keypoint_format: str, where: str) -> Floats:
    """One person in one frame (J, 3); raises ``InvalidInput`` naming the place."""
    try:
        (keypoints_J3,) = as_keypoints([keypoints], keypoint_format)
    except InvalidInput as error:
        raise _placed(error, "keypoints[0]", where) from None
    frame: Floats = keypoints_J3
    return frame


def warning_of(warning: "messages.InputWarning") -> PoseWarning:
    """A warning of a clip, or of a person in a live session."""
    frames = (warning.frames[0], warning.frames[1]) if len(warning.frames) == 2 else None
    return PoseWarning(warning.code, warning.detail, frames, warning.track_id or None)


def problem_of(problem: "messages.Problem") -> PoseliftError:
    """The error that a message tells."""
    places = [{"where": each.where, "expected": each.expected} for each in problem.errors]
    return of_problem({"type": problem.type, "detail": problem.detail, "errors": places})


def codes_of(letters: Sequence[str], joints: int) -> Qualities:
    """Codes of ``JointQuality`` (N, joints) from one letter each; none at all: never seen."""
    if all(len(each) == joints for each in letters):
        codes = "".join(letters).encode().translate(_CODES)
        return np.frombuffer(codes, np.uint8).reshape(len(letters), joints).copy()
    blank = np.full((len(letters), joints), JointQuality.NEVER_SEEN, np.uint8)
    for row, each in zip(blank, letters, strict=True):
        if len(each) == joints:
            row[:] = np.frombuffer(each.encode().translate(_CODES), np.uint8)
    return blank


def floats(values: Sequence[float], *shape: int) -> Floats:
    """A repeated field as an array; its first axis is as long as there are values for."""
    return np.fromiter(values, np.float32, len(values)).reshape(-1, *shape)


def _clip(clip: Clip, keypoint_format: str, where: str) -> bytes:
    from poselift.v1 import poselift_pb2 as messages  # noqa: PLC0415 - an extra's

    try:
        keypoints_TJ3 = as_keypoints(clip.keypoints, keypoint_format)
    except InvalidInput as error:
        raise _placed(error, "keypoints", f"{where}keypoints") from None
    if clip.first_frame < 0:
        raise InvalidInput.at(f"{where}first_frame", f"0 or more, found {clip.first_frame}")
    times = () if clip.timestamps_s is None else np.asarray(clip.timestamps_s, float).tolist()
    if clip.timestamps_s is not None and len(times) != len(keypoints_TJ3):
        raise InvalidInput.at(
            f"{where}timestamps_s", f"one for each of {len(keypoints_TJ3)} frames, found {times!r}"
        )
    rest = messages.Clip(first_frame=clip.first_frame, timestamps_s=times)
    keypoints = packed_floats((messages.Clip.KEYPOINTS_FIELD_NUMBER, keypoints_TJ3))
    return keypoints + rest.SerializeToString()


def _written(kind: Callable[..., M], options: Mapping[str, Any], known: type) -> M:
    """A message with options, those of a typed dictionary, as its fields.

    Raises:
        InvalidInput: there is no such option, or a value is none that it takes.
    """
    for name in options.keys() - known.__annotations__.keys():
        raise InvalidInput.at(name, f"one of the options {', '.join(known.__annotations__)}")
    fields = {name: value for name, value in options.items() if value is not None}
    if not isinstance(fields.get("model", ""), str):
        raise InvalidInput.at("model", "the name of a model that the server serves")
    for name, values in _ENUMS.items():
        if name in fields:
            fields[name] = _number(name, fields[name], values)
    if "camera" in fields:
        fields["camera"] = {name: getattr(fields["camera"], name) for name in _CAMERA}
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        given = ", ".join(fields)
        raise InvalidInput.at(given, f"values that these options take: {error}") from None


def _number(name: str, value: str, values: tuple[str, ...]) -> int:
    if value not in values:
        raise InvalidInput.at(name, f"one of {', '.join(values)}, found {value!r}")
    return values.index(value) + 1


def _poses(
    clip: "messages.LiftedClip", joints: int, warnings: Sequence["messages.InputWarning"]
) -> Poses:
    """A clip's poses; those of unknown frames are zero, as in the library."""
    letters = clip.joint_quality
    return Poses(
        floats(clip.poses, joints, 3),
        floats(clip.trajectory, 3) if clip.trajectory else None,
        floats(clip.expected_errors, joints) if clip.expected_errors else None,
        quality=qualities(clip.quality),
        joint_quality=codes_of(letters, len(letters[0])) if letters else None,
        first_frame=clip.first_frame,
        warnings=tuple(warning_of(each) for each in warnings),
    )


def _timed(poses: Poses, fps: float, timestamps_s: ArrayLike | None) -> Poses:
    """With the times that the poses have, which the server does not send back."""
    if timestamps_s is None:
        return replace(poses, fps=fps)
    times_s = np.asarray(timestamps_s, np.float64)
    return replace(poses, fps=Clock.of(fps, times_s, len(poses)).fps, timestamps_s=times_s)


def qualities(numbers: Sequence[int]) -> Qualities:
    """Codes of ``Quality`` from the numbers of messages."""
    codes: Qualities = np.asarray(numbers, np.int64).clip(1, len(Quality)).astype(np.uint8) - 1
    return codes


def _placed(error: InvalidInput, before: str, where: str) -> InvalidInput:
    """The same error about the place in what was passed to the client."""
    (fault,) = error.field_errors
    if not fault.where.startswith(before):
        return error
    return InvalidInput.at(where + fault.where.removeprefix(before), fault.expected)
