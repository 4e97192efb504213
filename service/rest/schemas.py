"""JSON bodies as OpenAPI describes them; ``service.wire`` reads and writes them."""
# ruff: noqa: D101, D106

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from poselift.card import Training
from poselift.formats import FORMATS
from poselift.poses import Axes
from service.error_table import ERROR_KINDS
from service.requests import LiftOptions, SessionOptions
from service.served_models import ModelSet

_XYS = "x, y in pixels (x right, y down) and a score, 1 if left out; null: missing."
_Numbers: TypeAlias = Annotated[list[float], Field(min_length=2, max_length=3, description=_XYS)]
_Keypoint: TypeAlias = _Numbers | None
_Point: TypeAlias = Annotated[list[float], Field(min_length=3, max_length=3)]
_Quality: TypeAlias = Literal["measured", "filled", "unknown"]
_TYPES = ", ".join(kind.type for kind in ERROR_KINDS.values())


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class _Answered(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Clip(_Asked):
    id: Annotated[str, Field(max_length=200)] | None = None
    """Unique in the request; the clip's position if left out."""
    keypoints: Annotated[list[list[_Keypoint] | None], Field(min_length=1)]
    """For each frame the joints of the keypoint format, in its order; null where nothing was
    detected. Nulls before the first and after the last detection count against no limit."""
    first_frame: Annotated[int, Field(ge=0)] = 0
    """The number of the first frame in its source; frames in warnings are counted from it."""
    timestamps_s: list[float] | None = None
    """The time of each frame in seconds, rising; takes the place of `fps`."""


class LiftRequest(LiftOptions):
    clips: Annotated[list[Clip], Field(min_length=1)]


class ConvertedFile(LiftRequest):
    """A lift request, but for the image's size where neither the file nor the query tells it."""

    image_size: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(  # type: ignore[assignment]
        default_factory=list
    )
    """Width and height in pixels."""


class Skeleton(_Answered):
    name: str
    joints: list[str]
    parents: list[int]
    """For each joint the index of its parent; -1 for the root."""


class ModelSummary(_Answered):
    name: str
    version: str
    causal: bool
    receptive_field: int
    """Frames of input a pose depends on."""
    keypoint_format: str
    licence: str


class Model(ModelSummary):
    aliases: list[str]
    created: str
    skeleton: Skeleton
    filter_widths: list[int]
    channels: int
    normalisation: Literal["screen", "person"]
    training: Training


class Models(_Answered):
    models: list[Model]


class LiftedClip(_Answered):
    id: str
    poses: list[list[_Point] | None]
    """For each frame the joints' x, y, z in metres relative to the root joint; null where the
    quality is unknown."""
    trajectory: list[_Point | None] | None
    """The root's trajectory in camera space, in metres, from models that estimate it."""
    quality: list[_Quality]
    expected_errors: list[list[float] | None] | None
    """How far from the truth each joint is likely to be, in metres, from models that tell it;
    null where the quality is unknown."""
    joint_quality: list[str]
    """For each frame one letter a joint of the request's format: m measured, f filled, r rejected
    as an outlier, n never seen."""
    first_frame: int


class _FromModel(_Answered):
    model: ModelSummary
    skeleton: Skeleton
    units: Literal["metres"]
    axes: Axes


class InputWarning(_Answered):
    code: str
    """Never changes: see the table of warnings in the documentation."""
    clip: str = ""
    """The clip concerned, in answers about clips."""
    track_id: str = ""
    """The person concerned, in live sessions."""
    frames: Annotated[list[int], Field(min_length=2, max_length=2)] = []
    """The first and the last frame concerned, if not all are."""
    detail: str


class LiftResponse(_FromModel):
    clips: list[LiftedClip]
    warnings: list[InputWarning]
    """What is doubtful about the input."""


class OpenSession(SessionOptions):
    """How a live session is opened."""


class Session(_FromModel):
    session_id: str
    next_index: int


class Person(_Asked):
    track_id: Annotated[str, Field(max_length=100)] | int = ""
    """The same for a person throughout; left out with `associate`."""
    keypoints: list[_Keypoint] | None


class Frame(_Asked):
    index: Annotated[int, Field(ge=0)]
    """From 0, rising by one."""
    people: list[Person]
    timestamp_s: float | None = None
    """In seconds, rising; with every frame of a session or with none."""


class LiftFramesRequest(_Asked):
    frames: list[Frame] = []
    flush: bool = False
    """With `lookahead_frames`: also answer the frames that still wait for those after them, as if
    no more were to come."""


class Problem(_Answered):
    class Fault(_Answered):
        where: str
        expected: str

    type: Annotated[str, Field(description=f"Never changes: {_TYPES}.")]
    title: str
    status: int = 0
    detail: str
    next_index: int = 0
    """The frame expected, where one was refused."""
    errors: list[Fault] = []
    """What is wrong where, as in clips[2].keypoints[17][4]."""


class Detectors(_Answered):
    class Detector(_Answered):
        name: str
        installed: bool
        keypoint_format: str

    detectors: list[Detector]


class DetectLine(_Answered):
    """One of ``progress``, ``request`` and ``error``; either of the last two is the last line."""

    class Progress(_Answered):
        frame: int
        """How many frames are done."""
        frames: int | None
        """Of how many, where the file tells."""

    progress: Progress | None = None
    request: LiftRequest | None = None
    warnings: list[str] = []
    """With ``request``: how the video was read."""
    error: Problem | None = None


class PersonPose(_Answered):
    track_id: str
    pose: list[_Point] | None
    """The joints' x, y, z in metres relative to the root joint."""
    trajectory: _Point | None
    quality: _Quality
    expected_errors: list[float] | None
    """How far from the truth each joint is likely to be, in metres."""
    joint_quality: str
    """One letter a joint, as in clips."""
    source: int | None
    """The person's place in the people that were sent; null if not among them."""
    problem: Problem | None = None


class FramePoses(_Answered):
    index: int
    people: list[PersonPose]
    durable: Literal[False] = False
    """Only while the session store is away."""
    warnings: list[InputWarning] = []
    """Only with new ones: each is told once for a person."""


class LiftFramesResponse(_Answered):
    frames: list[FramePoses]
    next_index: int


class Status(_Answered):
    status: Literal["alive", "ready", "degraded"]


_BODIES = (
    *(
        LiftRequest,
        ConvertedFile,
        LiftResponse,
        OpenSession,
        Session,
        LiftFramesRequest,
        LiftFramesResponse,
    ),
    *(Detectors, DetectLine, Models, Status, Problem),
)


def schemas(models: ModelSet) -> Mapping[str, Any]:
    """The schemas by name, of a service with these models."""
    _, found = models_json_schema(
        [(each, "validation") for each in _BODIES], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = found["$defs"]
    cards = [model.card for model in models]
    causal = [card.name for card in cards if card.architecture.causal]
    causal += [alias for alias, name in models.aliases.items() if name in causal]
    for asked in ("LiftRequest", "OpenSession"):
        properties = schemas[asked]["properties"]
        properties["model"]["enum"] = [*models.aliases, *(card.name for card in cards)]
        properties["keypoint_format"]["enum"] = list(FORMATS)
    schemas["OpenSession"]["properties"]["model"]["description"] = (
        f"A causal one ({', '.join(causal)}); with `lookahead_frames` a symmetric one, which then "
        "is `default` where none is named."
    )
    return schemas
