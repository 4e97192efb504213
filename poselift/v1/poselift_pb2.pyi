from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Coordinates(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COORDINATES_UNSPECIFIED: _ClassVar[Coordinates]
    COORDINATES_PIXELS: _ClassVar[Coordinates]
    COORDINATES_NORMALIZED: _ClassVar[Coordinates]

class Axes(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AXES_UNSPECIFIED: _ClassVar[Axes]
    AXES_CAMERA: _ClassVar[Axes]
    AXES_Y_UP: _ClassVar[Axes]
    AXES_Z_UP: _ClassVar[Axes]

class Quality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUALITY_UNSPECIFIED: _ClassVar[Quality]
    QUALITY_MEASURED: _ClassVar[Quality]
    QUALITY_FILLED: _ClassVar[Quality]
    QUALITY_UNKNOWN: _ClassVar[Quality]

class WhenBehind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHEN_BEHIND_UNSPECIFIED: _ClassVar[WhenBehind]
    WHEN_BEHIND_WAIT: _ClassVar[WhenBehind]
    WHEN_BEHIND_DROP_OLDEST: _ClassVar[WhenBehind]
COORDINATES_UNSPECIFIED: Coordinates
COORDINATES_PIXELS: Coordinates
COORDINATES_NORMALIZED: Coordinates
AXES_UNSPECIFIED: Axes
AXES_CAMERA: Axes
AXES_Y_UP: Axes
AXES_Z_UP: Axes
QUALITY_UNSPECIFIED: Quality
QUALITY_MEASURED: Quality
QUALITY_FILLED: Quality
QUALITY_UNKNOWN: Quality
WHEN_BEHIND_UNSPECIFIED: WhenBehind
WHEN_BEHIND_WAIT: WhenBehind
WHEN_BEHIND_DROP_OLDEST: WhenBehind

class LiftRequest(_message.Message):
    __slots__ = ("model", "image_size", "fps", "keypoint_format", "camera", "min_score", "axes", "coordinates", "person_height_m", "flip_augmentation", "clips", "smoothing_s", "constant_bone_lengths", "ground_contact")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    KEYPOINT_FORMAT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    COORDINATES_FIELD_NUMBER: _ClassVar[int]
    PERSON_HEIGHT_M_FIELD_NUMBER: _ClassVar[int]
    FLIP_AUGMENTATION_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    SMOOTHING_S_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_BONE_LENGTHS_FIELD_NUMBER: _ClassVar[int]
    GROUND_CONTACT_FIELD_NUMBER: _ClassVar[int]
    model: str
    image_size: _containers.RepeatedScalarFieldContainer[float]
    fps: float
    keypoint_format: str
    camera: Camera
    min_score: float
    axes: Axes
    coordinates: Coordinates
    person_height_m: float
    flip_augmentation: bool
    clips: _containers.RepeatedCompositeFieldContainer[Clip]
    smoothing_s: float
    constant_bone_lengths: bool
    ground_contact: bool
    def __init__(self, model: _Optional[str] = ..., image_size: _Optional[_Iterable[float]] = ..., fps: _Optional[float] = ..., keypoint_format: _Optional[str] = ..., camera: _Optional[_Union[Camera, _Mapping]] = ..., min_score: _Optional[float] = ..., axes: _Optional[_Union[Axes, str]] = ..., coordinates: _Optional[_Union[Coordinates, str]] = ..., person_height_m: _Optional[float] = ..., flip_augmentation: _Optional[bool] = ..., clips: _Optional[_Iterable[_Union[Clip, _Mapping]]] = ..., smoothing_s: _Optional[float] = ..., constant_bone_lengths: _Optional[bool] = ..., ground_contact: _Optional[bool] = ...) -> None: ...

class Clip(_message.Message):
    __slots__ = ("id", "keypoints", "first_frame", "timestamps_s")
    ID_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_S_FIELD_NUMBER: _ClassVar[int]
    id: str
    keypoints: _containers.RepeatedScalarFieldContainer[float]
    first_frame: int
    timestamps_s: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, id: _Optional[str] = ..., keypoints: _Optional[_Iterable[float]] = ..., first_frame: _Optional[int] = ..., timestamps_s: _Optional[_Iterable[float]] = ...) -> None: ...

class Camera(_message.Message):
    __slots__ = ("focal_length", "principal_point", "radial", "tangential", "fov_degrees")
    FOCAL_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_POINT_FIELD_NUMBER: _ClassVar[int]
    RADIAL_FIELD_NUMBER: _ClassVar[int]
    TANGENTIAL_FIELD_NUMBER: _ClassVar[int]
    FOV_DEGREES_FIELD_NUMBER: _ClassVar[int]
    focal_length: _containers.RepeatedScalarFieldContainer[float]
    principal_point: _containers.RepeatedScalarFieldContainer[float]
    radial: _containers.RepeatedScalarFieldContainer[float]
    tangential: _containers.RepeatedScalarFieldContainer[float]
    fov_degrees: float
    def __init__(self, focal_length: _Optional[_Iterable[float]] = ..., principal_point: _Optional[_Iterable[float]] = ..., radial: _Optional[_Iterable[float]] = ..., tangential: _Optional[_Iterable[float]] = ..., fov_degrees: _Optional[float] = ...) -> None: ...

class LiftResponse(_message.Message):
    __slots__ = ("model", "skeleton", "units", "axes", "clips", "warnings")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SKELETON_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    model: Model
    skeleton: Skeleton
    units: str
    axes: Axes
    clips: _containers.RepeatedCompositeFieldContainer[LiftedClip]
    warnings: _containers.RepeatedCompositeFieldContainer[InputWarning]
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., skeleton: _Optional[_Union[Skeleton, _Mapping]] = ..., units: _Optional[str] = ..., axes: _Optional[_Union[Axes, str]] = ..., clips: _Optional[_Iterable[_Union[LiftedClip, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[InputWarning, _Mapping]]] = ...) -> None: ...

class InputWarning(_message.Message):
    __slots__ = ("code", "detail", "clip", "track_id", "frames")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CLIP_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    code: str
    detail: str
    clip: str
    track_id: str
    frames: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, code: _Optional[str] = ..., detail: _Optional[str] = ..., clip: _Optional[str] = ..., track_id: _Optional[str] = ..., frames: _Optional[_Iterable[int]] = ...) -> None: ...

class LiftedClip(_message.Message):
    __slots__ = ("id", "poses", "trajectory", "quality", "expected_errors", "joint_quality", "first_frame")
    ID_FIELD_NUMBER: _ClassVar[int]
    POSES_FIELD_NUMBER: _ClassVar[int]
    TRAJECTORY_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ERRORS_FIELD_NUMBER: _ClassVar[int]
    JOINT_QUALITY_FIELD_NUMBER: _ClassVar[int]
    FIRST_FRAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    poses: _containers.RepeatedScalarFieldContainer[float]
    trajectory: _containers.RepeatedScalarFieldContainer[float]
    quality: _containers.RepeatedScalarFieldContainer[Quality]
    expected_errors: _containers.RepeatedScalarFieldContainer[float]
    joint_quality: _containers.RepeatedScalarFieldContainer[str]
    first_frame: int
    def __init__(self, id: _Optional[str] = ..., poses: _Optional[_Iterable[float]] = ..., trajectory: _Optional[_Iterable[float]] = ..., quality: _Optional[_Iterable[_Union[Quality, str]]] = ..., expected_errors: _Optional[_Iterable[float]] = ..., joint_quality: _Optional[_Iterable[str]] = ..., first_frame: _Optional[int] = ...) -> None: ...

class LiftStreamRequest(_message.Message):
    __slots__ = ("open", "frame", "close")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    open: OpenSession
    frame: Frame
    close: CloseSession
    def __init__(self, open: _Optional[_Union[OpenSession, _Mapping]] = ..., frame: _Optional[_Union[Frame, _Mapping]] = ..., close: _Optional[_Union[CloseSession, _Mapping]] = ...) -> None: ...

class OpenSession(_message.Message):
    __slots__ = ("model", "image_size", "fps", "keypoint_format", "camera", "min_score", "axes", "coordinates", "person_height_m", "session_id", "associate", "when_behind", "lookahead_frames", "smoothing_s", "allow_gaps")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    KEYPOINT_FORMAT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    COORDINATES_FIELD_NUMBER: _ClassVar[int]
    PERSON_HEIGHT_M_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    ASSOCIATE_FIELD_NUMBER: _ClassVar[int]
    WHEN_BEHIND_FIELD_NUMBER: _ClassVar[int]
    LOOKAHEAD_FRAMES_FIELD_NUMBER: _ClassVar[int]
    SMOOTHING_S_FIELD_NUMBER: _ClassVar[int]
    ALLOW_GAPS_FIELD_NUMBER: _ClassVar[int]
    model: str
    image_size: _containers.RepeatedScalarFieldContainer[float]
    fps: float
    keypoint_format: str
    camera: Camera
    min_score: float
    axes: Axes
    coordinates: Coordinates
    person_height_m: float
    session_id: str
    associate: bool
    when_behind: WhenBehind
    lookahead_frames: int
    smoothing_s: float
    allow_gaps: bool
    def __init__(self, model: _Optional[str] = ..., image_size: _Optional[_Iterable[float]] = ..., fps: _Optional[float] = ..., keypoint_format: _Optional[str] = ..., camera: _Optional[_Union[Camera, _Mapping]] = ..., min_score: _Optional[float] = ..., axes: _Optional[_Union[Axes, str]] = ..., coordinates: _Optional[_Union[Coordinates, str]] = ..., person_height_m: _Optional[float] = ..., session_id: _Optional[str] = ..., associate: _Optional[bool] = ..., when_behind: _Optional[_Union[WhenBehind, str]] = ..., lookahead_frames: _Optional[int] = ..., smoothing_s: _Optional[float] = ..., allow_gaps: _Optional[bool] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("index", "people", "timestamp_s")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_S_FIELD_NUMBER: _ClassVar[int]
    index: int
    people: _containers.RepeatedCompositeFieldContainer[Person]
    timestamp_s: float
    def __init__(self, index: _Optional[int] = ..., people: _Optional[_Iterable[_Union[Person, _Mapping]]] = ..., timestamp_s: _Optional[float] = ...) -> None: ...

class Person(_message.Message):
    __slots__ = ("track_id", "keypoints")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    keypoints: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, track_id: _Optional[str] = ..., keypoints: _Optional[_Iterable[float]] = ...) -> None: ...

class CloseSession(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LiftStreamResponse(_message.Message):
    __slots__ = ("opened", "pose", "notice")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    opened: Opened
    pose: FramePoses
    notice: Notice
    def __init__(self, opened: _Optional[_Union[Opened, _Mapping]] = ..., pose: _Optional[_Union[FramePoses, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ("session_id", "next_index", "model", "skeleton", "units", "axes")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SKELETON_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    next_index: int
    model: Model
    skeleton: Skeleton
    units: str
    axes: Axes
    def __init__(self, session_id: _Optional[str] = ..., next_index: _Optional[int] = ..., model: _Optional[_Union[Model, _Mapping]] = ..., skeleton: _Optional[_Union[Skeleton, _Mapping]] = ..., units: _Optional[str] = ..., axes: _Optional[_Union[Axes, str]] = ...) -> None: ...

class FramePoses(_message.Message):
    __slots__ = ("index", "people", "durable", "next_index", "problem", "warnings")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PEOPLE_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    NEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    index: int
    people: _containers.RepeatedCompositeFieldContainer[PersonPose]
    durable: bool
    next_index: int
    problem: Problem
    warnings: _containers.RepeatedCompositeFieldContainer[InputWarning]
    def __init__(self, index: _Optional[int] = ..., people: _Optional[_Iterable[_Union[PersonPose, _Mapping]]] = ..., durable: _Optional[bool] = ..., next_index: _Optional[int] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ..., warnings: _Optional[_Iterable[_Union[InputWarning, _Mapping]]] = ...) -> None: ...

class PersonPose(_message.Message):
    __slots__ = ("track_id", "pose", "trajectory", "quality", "problem", "expected_errors", "source", "joint_quality")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    TRAJECTORY_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_ERRORS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    JOINT_QUALITY_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    pose: _containers.RepeatedScalarFieldContainer[float]
    trajectory: _containers.RepeatedScalarFieldContainer[float]
    quality: Quality
    problem: Problem
    expected_errors: _containers.RepeatedScalarFieldContainer[float]
    source: int
    joint_quality: str
    def __init__(self, track_id: _Optional[str] = ..., pose: _Optional[_Iterable[float]] = ..., trajectory: _Optional[_Iterable[float]] = ..., quality: _Optional[_Union[Quality, str]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ..., expected_errors: _Optional[_Iterable[float]] = ..., source: _Optional[int] = ..., joint_quality: _Optional[str] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("session_id", "next_index", "problem")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    next_index: int
    problem: Problem
    def __init__(self, session_id: _Optional[str] = ..., next_index: _Optional[int] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("type", "title", "detail", "errors")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    type: str
    title: str
    detail: str
    errors: _containers.RepeatedCompositeFieldContainer[Fault]
    def __init__(self, type: _Optional[str] = ..., title: _Optional[str] = ..., detail: _Optional[str] = ..., errors: _Optional[_Iterable[_Union[Fault, _Mapping]]] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("where", "expected")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    where: str
    expected: str
    def __init__(self, where: _Optional[str] = ..., expected: _Optional[str] = ...) -> None: ...

class LiftFramesRequest(_message.Message):
    __slots__ = ("frames", "flush")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    flush: bool
    def __init__(self, frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ..., flush: _Optional[bool] = ...) -> None: ...

class LiftFramesResponse(_message.Message):
    __slots__ = ("frames", "next_index")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    NEXT_INDEX_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[FramePoses]
    next_index: int
    def __init__(self, frames: _Optional[_Iterable[_Union[FramePoses, _Mapping]]] = ..., next_index: _Optional[int] = ...) -> None: ...

class Skeleton(_message.Message):
    __slots__ = ("name", "joints", "parents")
    NAME_FIELD_NUMBER: _ClassVar[int]
    JOINTS_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    joints: _containers.RepeatedScalarFieldContainer[str]
    parents: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., joints: _Optional[_Iterable[str]] = ..., parents: _Optional[_Iterable[int]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "version", "causal", "receptive_field", "keypoint_format", "licence", "details")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CAUSAL_FIELD_NUMBER: _ClassVar[int]
    RECEPTIVE_FIELD_FIELD_NUMBER: _ClassVar[int]
    KEYPOINT_FORMAT_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    causal: bool
    receptive_field: int
    keypoint_format: str
    licence: str
    details: ModelDetails
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., causal: _Optional[bool] = ..., receptive_field: _Optional[int] = ..., keypoint_format: _Optional[str] = ..., licence: _Optional[str] = ..., details: _Optional[_Union[ModelDetails, _Mapping]] = ...) -> None: ...

class ModelDetails(_message.Message):
    __slots__ = ("aliases", "created", "skeleton", "filter_widths", "channels", "normalisation", "training")
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    SKELETON_FIELD_NUMBER: _ClassVar[int]
    FILTER_WIDTHS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    NORMALISATION_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    created: str
    skeleton: Skeleton
    filter_widths: _containers.RepeatedScalarFieldContainer[int]
    channels: int
    normalisation: str
    training: Training
    def __init__(self, aliases: _Optional[_Iterable[str]] = ..., created: _Optional[str] = ..., skeleton: _Optional[_Union[Skeleton, _Mapping]] = ..., filter_widths: _Optional[_Iterable[int]] = ..., channels: _Optional[int] = ..., normalisation: _Optional[str] = ..., training: _Optional[_Union[Training, _Mapping]] = ...) -> None: ...

class Training(_message.Message):
    __slots__ = ("data", "frame_rates", "cost", "held_out_errors", "limits", "seed", "recipe")
    class HeldOutErrorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    DATA_FIELD_NUMBER: _ClassVar[int]
    FRAME_RATES_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    HELD_OUT_ERRORS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    data: str
    frame_rates: _containers.RepeatedScalarFieldContainer[float]
    cost: str
    held_out_errors: _containers.ScalarMap[str, float]
    limits: str
    seed: int
    recipe: str
    def __init__(self, data: _Optional[str] = ..., frame_rates: _Optional[_Iterable[float]] = ..., cost: _Optional[str] = ..., held_out_errors: _Optional[_Mapping[str, float]] = ..., limits: _Optional[str] = ..., seed: _Optional[int] = ..., recipe: _Optional[str] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...
