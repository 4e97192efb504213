from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Axes(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AXES_UNSPECIFIED: _ClassVar[Axes]
    AXES_CAMERA: _ClassVar[Axes]
    AXES_Y_UP: _ClassVar[Axes]

class Quality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUALITY_UNSPECIFIED: _ClassVar[Quality]
    QUALITY_MEASURED: _ClassVar[Quality]
    QUALITY_FILLED: _ClassVar[Quality]
    QUALITY_UNKNOWN: _ClassVar[Quality]
AXES_UNSPECIFIED: Axes
AXES_CAMERA: Axes
AXES_Y_UP: Axes
QUALITY_UNSPECIFIED: Quality
QUALITY_MEASURED: Quality
QUALITY_FILLED: Quality
QUALITY_UNKNOWN: Quality

class LiftRequest(_message.Message):
    __slots__ = ("model", "image_size", "fps", "keypoint_format", "camera", "min_score", "axes", "flip_augmentation", "clips")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    KEYPOINT_FORMAT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORE_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    FLIP_AUGMENTATION_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    model: str
    image_size: _containers.RepeatedScalarFieldContainer[float]
    fps: float
    keypoint_format: str
    camera: Camera
    min_score: float
    axes: Axes
    flip_augmentation: bool
    clips: _containers.RepeatedCompositeFieldContainer[Clip]
    def __init__(self, model: _Optional[str] = ..., image_size: _Optional[_Iterable[float]] = ..., fps: _Optional[float] = ..., keypoint_format: _Optional[str] = ..., camera: _Optional[_Union[Camera, _Mapping]] = ..., min_score: _Optional[float] = ..., axes: _Optional[_Union[Axes, str]] = ..., flip_augmentation: _Optional[bool] = ..., clips: _Optional[_Iterable[_Union[Clip, _Mapping]]] = ...) -> None: ...

class Clip(_message.Message):
    __slots__ = ("id", "keypoints")
    ID_FIELD_NUMBER: _ClassVar[int]
    KEYPOINTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    keypoints: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, id: _Optional[str] = ..., keypoints: _Optional[_Iterable[float]] = ...) -> None: ...

class Camera(_message.Message):
    __slots__ = ("focal_length", "principal_point", "radial", "tangential")
    FOCAL_LENGTH_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_POINT_FIELD_NUMBER: _ClassVar[int]
    RADIAL_FIELD_NUMBER: _ClassVar[int]
    TANGENTIAL_FIELD_NUMBER: _ClassVar[int]
    focal_length: _containers.RepeatedScalarFieldContainer[float]
    principal_point: _containers.RepeatedScalarFieldContainer[float]
    radial: _containers.RepeatedScalarFieldContainer[float]
    tangential: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, focal_length: _Optional[_Iterable[float]] = ..., principal_point: _Optional[_Iterable[float]] = ..., radial: _Optional[_Iterable[float]] = ..., tangential: _Optional[_Iterable[float]] = ...) -> None: ...

class LiftResponse(_message.Message):
    __slots__ = ("model", "skeleton", "units", "axes", "clips")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SKELETON_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    CLIPS_FIELD_NUMBER: _ClassVar[int]
    model: Model
    skeleton: Skeleton
    units: str
    axes: Axes
    clips: _containers.RepeatedCompositeFieldContainer[LiftedClip]
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., skeleton: _Optional[_Union[Skeleton, _Mapping]] = ..., units: _Optional[str] = ..., axes: _Optional[_Union[Axes, str]] = ..., clips: _Optional[_Iterable[_Union[LiftedClip, _Mapping]]] = ...) -> None: ...

class LiftedClip(_message.Message):
    __slots__ = ("id", "poses", "trajectory", "quality")
    ID_FIELD_NUMBER: _ClassVar[int]
    POSES_FIELD_NUMBER: _ClassVar[int]
    TRAJECTORY_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    id: str
    poses: _containers.RepeatedScalarFieldContainer[float]
    trajectory: _containers.RepeatedScalarFieldContainer[float]
    quality: _containers.RepeatedScalarFieldContainer[Quality]
    def __init__(self, id: _Optional[str] = ..., poses: _Optional[_Iterable[float]] = ..., trajectory: _Optional[_Iterable[float]] = ..., quality: _Optional[_Iterable[_Union[Quality, str]]] = ...) -> None: ...

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
    __slots__ = ("data", "frame_rates", "cost", "held_out_errors", "limits")
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
    data: str
    frame_rates: _containers.RepeatedScalarFieldContainer[float]
    cost: str
    held_out_errors: _containers.ScalarMap[str, float]
    limits: str
    def __init__(self, data: _Optional[str] = ..., frame_rates: _Optional[_Iterable[float]] = ..., cost: _Optional[str] = ..., held_out_errors: _Optional[_Mapping[str, float]] = ..., limits: _Optional[str] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...
