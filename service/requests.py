"""What callers ask for and what they get back, the same for every transport."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from poselift.array_types import Doubles, Floats
from poselift.cameras import Camera
from poselift.card import Card
from poselift.codec import Preprocessing
from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.imputation import MIN_SCORE
from poselift.input_check import Coordinates, mark_missing
from poselift.lifting import SHORTEST_M, TALLEST_M
from poselift.poses import Axes, Poses
from poselift.postprocess.pipeline import Postprocessing
from poselift.video.detection import MOST_LOOKED_FOR
from poselift.video.detectors import USUAL_DETECTOR

_Finite = Annotated[float, Field(allow_inf_nan=False, ge=-3.0e38, le=3.0e38)]
_Positive = Annotated[float, Field(allow_inf_nan=False, gt=0, le=1.0e6)]


class CameraOptions(BaseModel):
    """Intrinsics in pixels and lens distortion as in OpenCV's k1 k2 k3 and p1 p2."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    focal_length: tuple[_Positive, _Positive] | _Positive | None = None
    fov_degrees: Annotated[float, Field(allow_inf_nan=False, ge=1, le=160)] | None = None
    """Across the image's width, instead of a focal length."""
    principal_point: tuple[_Finite, _Finite] | None = None
    """The middle of the image, if not given."""
    radial: tuple[_Finite, _Finite, _Finite] = (0.0, 0.0, 0.0)
    tangential: tuple[_Finite, _Finite] = (0.0, 0.0)


class PoseOptions(BaseModel):
    """What is known of the keypoints and wanted of the poses, in clips and live sessions alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    image_size: tuple[_Positive, _Positive]
    """Width and height in pixels."""
    fps: Annotated[float, Field(allow_inf_nan=False, gt=0, le=1000)] = 50.0
    """Validated, recorded and used to count ``max_gap_s``; clips are never resampled."""
    keypoint_format: str = "coco17"
    camera: CameraOptions | None = None
    min_score: Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)] = MIN_SCORE
    """A joint scored below this is missing."""
    axes: Axes = "camera"
    coordinates: Coordinates = "pixels"
    """What the keypoints are sent in: ``normalized`` is 0 to 1 over the image."""
    person_height_m: (
        Annotated[float, Field(allow_inf_nan=False, ge=SHORTEST_M, le=TALLEST_M)] | None
    ) = None
    """Scale poses and trajectory to a person of this height."""
    smoothing_s: Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)] = 0.0
    """Smooth poses and trajectory: of clips over so many seconds around each frame, two frames
    before and after it at least; live over so many seconds before it, less where people move
    fast."""

    def joint_count(self) -> int:
        """How many joints a frame has.

        Raises:
            InvalidInput: there is no such format.
        """
        if self.keypoint_format not in FORMATS:
            expected = f"one of {', '.join(FORMATS)}, found {self.keypoint_format[:100]!r}"
            raise InvalidInput.at("keypoint_format", expected)
        return len(FORMATS[self.keypoint_format].joints)

    def preprocessing(self, max_gap_s: float) -> Preprocessing:
        """How the keypoints are read; gaps of up to ``max_gap_s`` are filled."""
        return Preprocessing(
            self.keypoint_format,
            self.image_size,
            None if self.camera is None else Camera.of(self.image_size, **dict(self.camera)),
            self.min_score,
            max_gap_s,
            self.fps,
            coordinates=self.coordinates,
        )


class LiftOptions(PoseOptions):
    """Everything in a lift request but the clips."""

    model: str = "default"
    flip_augmentation: bool = False
    """Average the pose with that of the mirrored input: a little better, twice the cost."""
    constant_bone_lengths: bool = False
    """Give each bone of a clip its median length throughout."""
    ground_contact: bool = False
    """Change the trajectory of each clip so that feet which stand do not slide."""

    def postprocessing(self) -> Postprocessing:
        """What is done to the poses."""
        return Postprocessing(
            self.smoothing_s,
            self.constant_bone_lengths,
            self.ground_contact,
            self.person_height_m,
        )


class SessionOptions(PoseOptions):
    """How a live session is opened."""

    model: str = "live"
    session_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = None
    """An id that exists is resumed; the service makes one where none is given."""
    associate: bool = False
    """Tell people apart by where they are, for detectors that do not track them."""
    lookahead_frames: Annotated[int, Field(ge=0, le=10_000)] = 0
    """How many frames later each is answered, by a symmetric model that sees those too. Causal
    models answer at once."""
    when_behind: Literal["wait", "drop_oldest"] = "wait"
    """What happens to frames that come faster than they are lifted: they wait for their turn, or
    the oldest waiting ones are left out, as if the camera had been slower for a moment."""
    allow_gaps: bool = False
    """The index may jump: in the frames between no person is detected."""


class ConvertOptions(BaseModel):
    """How a file is read, whose name has no folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    reader: Annotated[str, Field(max_length=100)] | None = None
    keypoint_format: Annotated[str, Field(max_length=100)] | None = None
    image_size: tuple[_Positive, _Positive] | None = None
    fps: Annotated[float, Field(allow_inf_nan=False, gt=0, le=1000)] | None = None
    min_frames: Annotated[int, Field(ge=1)] = 1


class DetectOptions(BaseModel):
    """How people are found in a video."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: Annotated[str, Field(min_length=1, max_length=64)] = USUAL_DETECTOR
    people: Annotated[int, Field(ge=1, le=MOST_LOOKED_FOR)] | None = None
    min_frames: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class Clip:
    """One person's keypoints: (frames, joints, 3) float32, pixels x, y and score; 0 is missing."""

    id: str
    keypoints_TJ3: Floats
    first_frame: int = 0
    """The number of the first frame in its source."""
    timestamps_s: Doubles | None = None
    """The time of each frame (T,), instead of a frame rate."""

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.keypoints_TJ3)

    @cached_property
    def detected(self) -> slice:
        """The frames from the first to the last detection; all, if there is none."""
        if mark_missing(self.keypoints_TJ3[[0, -1]])[..., 2].any(axis=1).all():
            return slice(0, len(self))  # quick, and often so
        frames = np.flatnonzero(self.keypoints_TJ3[..., 2].any(axis=1))
        if len(frames):
            between = slice(int(frames[0]), int(frames[-1]) + 1)
            marked = mark_missing(self.keypoints_TJ3[between])
            frames = between.start + np.flatnonzero(marked[..., 2].any(axis=1))
        return slice(int(frames[0]), int(frames[-1]) + 1) if len(frames) else slice(0, len(self))

    def lifted(self, max_gap_s: float, fps: float) -> slice:
        """The frames that can have a pose: those, and as many after them as a gap may last."""
        start, stop = self.detected.start, self.detected.stop
        times = self.timestamps_s
        if times is None:
            return slice(start, min(stop + math.ceil(max_gap_s * fps) + 1, len(self)))
        rises = np.isfinite(times).all() and (np.diff(times) > 0).all()
        if len(times) != len(self) or not rises:
            return slice(0, len(self))  # which is refused
        last = np.searchsorted(times, times[stop - 1] + max_gap_s, side="right") + 1
        return slice(start, max(stop, min(int(last), len(self))))

    def cropped(self, frames: slice) -> "Clip":
        """Only some of the frames."""
        if frames == slice(0, len(self)):
            return self
        times = None if self.timestamps_s is None else self.timestamps_s[frames]
        return replace(self, keypoints_TJ3=self.keypoints_TJ3[frames], timestamps_s=times)


@dataclass(frozen=True)
class LiftRequest:
    """Clips to lift, all under the same options."""

    options: LiftOptions
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class LiftedClip:
    """A clip's poses; frames of unknown quality are zeros here and null in messages."""

    id: str
    poses: Poses


@dataclass(frozen=True)
class LiftResult:
    """The answer to a ``LiftRequest``: its clips in the same order."""

    card: Card
    axes: str
    clips: tuple[LiftedClip, ...]
