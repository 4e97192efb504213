"""The codec: keypoints to a model's input, and a model's output to poses.

Clips, live frames, look-ahead windows, training and evaluation all go through it, so that none of
them can drift from the others: convert the format, fill what is missing, normalise; and after the
network the inverse transform, relative to the root joint.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Floats, Mask, Qualities
from poselift.cameras import Camera
from poselift.card import Card
from poselift.chunks import Chunk, Span, cut
from poselift.clock import TIMESTAMP_TICKS_PER_S
from poselift.errors import InvalidInput
from poselift.formats import FORMATS, conversion
from poselift.imputation import (
    MAX_GAP_S,
    MIN_SCORE,
    UNKNOWN,
    Imputation,
    ImputationState,
    JointQuality,
    Quality,
    gap_ticks,
    known_segments,
    measured_joints,
)
from poselift.input_check import Coordinates, InputCheck, many_outliers, to_pixels
from poselift.layout_check import check_layout
from poselift.normalisation import InverseTransform, Kind, ScreenCamera, normaliser
from poselift.outliers import (
    SWAP_GROUPS,
    CheckedFrames,
    MotionMemory,
    OutlierCheck,
    swap_back,
)
from poselift.poses import ModelOutput, Poses, PoseWarning
from poselift.unseen import unseen_limbs

_REJECTED = np.uint8(JointQuality.REJECTED)
FAR_OUT = "pixel coordinates nearer the image: these are too large to lift"


@dataclass(frozen=True)
class ModelInput:
    """What a codec must know of a model: its input and the root joint of its output."""

    keypoint_format: str
    normalisation: Kind
    causal: bool
    root: int = 0
    trajectory_camera: ScreenCamera | None = None
    """As in ``poselift.card.Card``."""
    output_joints: tuple[str, ...] = ()
    """Names of the joints of its poses."""

    @classmethod
    def of(cls, card: Card) -> "ModelInput":
        """That of a model with this card."""
        return cls(
            card.input.keypoint_format,
            card.normalisation,
            card.architecture.causal,
            card.output.parents.index(-1),
            card.trajectory_camera,
            tuple(card.output.joints),
        )


@dataclass(frozen=True)
class Preprocessing:
    """How a caller's keypoints are read.

    Attributes:
        keypoint_format: a name in ``poselift.formats.FORMATS``.
        image_size: width and height in pixels.
        camera: known intrinsics, in pixels.
        min_score: joints scored lower are missing.
        max_gap_s: the longest gap with nothing measured that is filled.
        fps: frames per second.
        has_timestamps: frames come with timestamps, which tell the time between them instead.
        coordinates: what keypoints are sent in.
        reject_outliers: as ``poselift.outliers`` does; without, its effect is measured.
    """

    keypoint_format: str
    image_size: tuple[float, float]
    camera: Camera | None = None
    min_score: float = MIN_SCORE
    max_gap_s: float = MAX_GAP_S
    fps: float = 50.0
    has_timestamps: bool = False
    coordinates: Coordinates = "pixels"
    reject_outliers: bool = True

    @property
    def ticks_per_s(self) -> float:
        """What the time between frames is counted in: see ``poselift.clock``."""
        return TIMESTAMP_TICKS_PER_S if self.has_timestamps else self.fps


class Encoded(NamedTuple):
    """T frames as a model's input: consecutive ones of a clip, or one of each of several tracks."""

    inputs_TJ2: Floats
    """Normalised as the model's card says."""
    inverse: InverseTransform
    quality_T: Qualities
    """Codes of ``poselift.imputation.Quality``."""
    measured_TJ: Mask
    """Which of the model's input joints were measured, outliers apart."""
    seen_TJ: Mask
    """Which of them were measured at any time, or so far if causal."""
    joint_quality_TC: Qualities
    """Codes of ``poselift.imputation.JointQuality`` of the caller's joints."""
    swapped_TG: Mask
    """Which of ``poselift.outliers.SWAP_GROUPS`` were swapped back."""
    warnings: tuple[PoseWarning, ...] = ()

    def of(self, frames: slice) -> "Encoded":
        """That of some of the frames, without the clip's warnings."""
        return Encoded(
            self.inputs_TJ2[frames],
            self.inverse.of(frames),
            self.quality_T[frames],
            self.measured_TJ[frames],
            self.seen_TJ[frames],
            self.joint_quality_TC[frames],
            self.swapped_TG[frames],
        )

    @property
    def segments(self) -> tuple[slice, ...]:
        """Of a clip, the runs of frames between unknown ones; each is lifted as a clip."""
        return known_segments(self.quality_T)

    def chunks(self, span: Span, longest: int) -> Iterator[Chunk]:
        """The chunks that a clip is lifted in: of each segment, of ``longest`` frames or so."""
        for segment in self.segments:
            yield from cut(segment, span, longest)


@dataclass(frozen=True)
class TrackMemory:
    """What encoding remembers of each of B tracks: all that a stream needs to go on."""

    imputation: ImputationState
    motion: MotionMemory

    @classmethod
    def blank(cls, tracks: int, joints: int) -> "TrackMemory":
        """Before the first frame."""
        return cls(ImputationState.blank(tracks, joints), MotionMemory.blank(tracks, joints))

    @classmethod
    def joined(cls, memories: Sequence["TrackMemory"]) -> "TrackMemory":
        """Several one after the other."""
        return cls(
            ImputationState.joined([memory.imputation for memory in memories]),
            MotionMemory.joined([memory.motion for memory in memories]),
        )

    def put(self, tracks: NDArray[np.intp], other: "TrackMemory") -> None:
        """Replace that of some of the tracks, in place."""
        self.imputation.put(tracks, other.imputation)
        self.motion.put(tracks, other.motion)

    def of(self, tracks: NDArray[np.intp] | slice) -> "TrackMemory":
        """That of some of the tracks."""
        return TrackMemory(self.imputation.of(tracks), self.motion.of(tracks))


class Codec:
    """Encodes keypoints read in one way for one model, and decodes what the model gives."""

    def __init__(self, model: ModelInput, preprocessing: Preprocessing) -> None:
        self._model = model
        self._how = preprocessing
        format_ = FORMATS[model.keypoint_format]
        self._convert = conversion(preprocessing.keypoint_format, format_.name)
        self._outliers = OutlierCheck(
            format_.name, preprocessing.ticks_per_s, not preprocessing.reject_outliers
        )
        max_gap = gap_ticks(preprocessing.max_gap_s, preprocessing.ticks_per_s)
        self._imputation = Imputation(format_.joints, self._convert.usable_K, max_gap)
        self._normalise = normaliser(
            model.normalisation,
            format_.joints,
            preprocessing.image_size,
            preprocessing.camera,
            model.trajectory_camera,
        )
        self._unseen = unseen_limbs(format_.joints, model.output_joints)
        self.check = InputCheck(preprocessing.keypoint_format, preprocessing.image_size)

    def encode(
        self,
        keypoints_TC3: Floats,
        where: str = "keypoints",
        elapsed_T: NDArray[np.int64] | None = None,
    ) -> Encoded:
        """Encode a clip that a caller sent.

        Of coordinates and score, 0 where missing; ``where`` is the clip's place in the request, and
        ``elapsed_T`` the ticks since the frame before, 1 each if not given.

        Raises:
            InvalidInput: nothing is measured, the format or the coordinates are others than those
                named, or the keypoints are too far out to normalise.
        """
        pixels_TC3 = self.to_pixels(keypoints_TC3)
        observed = self.check.observe_clip(pixels_TC3, where)
        check_layout(pixels_TC3, self._how.keypoint_format, where)
        encoded = self.encode_trusted(pixels_TC3, elapsed_T)
        if not encoded.segments:
            raise InvalidInput.at(where, "at least one measured joint")
        if not _is_finite(encoded):
            raise InvalidInput.at(where, FAR_OUT)
        doubts = self.check.doubts(observed)
        return encoded._replace(warnings=(*doubts, *_corrections(encoded)))

    def to_pixels(self, keypoints: Floats) -> Floats:
        """Keypoints (…, C, 3) that a caller sent in pixels, with score 0 where they are missing."""
        return to_pixels(keypoints, self._how.coordinates, self._how.image_size)

    def encode_trusted(
        self, pixels_TC3: Floats, elapsed_T: NDArray[np.int64] | None = None
    ) -> Encoded:
        """Encode a clip in pixels without checks, as of simulated or prepared keypoints."""
        if elapsed_T is None:
            elapsed_T = np.ones(len(pixels_TC3), np.int64)
        converted = self._convert(pixels_TC3)
        measured_TJ = measured_joints(converted, self._how.min_score)
        checked = self._outliers.check_clip(converted, measured_TJ, elapsed_T)
        filled_TJ2, quality_T, seen_TJ = self._imputation.fill(
            checked.keypoints[..., :2], checked.accepted, elapsed_T, self._model.causal
        )
        joint_quality_TC = self._joint_quality(pixels_TC3, self._as_sent(checked), seen_TJ)
        return Encoded(
            *self._normalise(filled_TJ2),
            quality_T,
            checked.accepted,
            seen_TJ,
            joint_quality_TC,
            checked.swapped,
        )

    def encode_next(
        self, pixels_PC3: Floats, memory: TrackMemory, elapsed_P: NDArray[np.int64]
    ) -> tuple[Encoded, TrackMemory]:
        """Encode the next frame of each of P tracks, and what to remember of them after it.

        Of pixels and score in the caller's format; ``elapsed_P`` are ticks since the frame before.
        """
        converted = self._convert(pixels_PC3)
        measured_PJ = measured_joints(converted, self._how.min_score)
        checked, motion = self._outliers.check_frame(
            converted, measured_PJ, elapsed_P, memory.motion
        )
        filled, state = self._imputation.fill_next(
            checked.keypoints[:, None, :, :2],
            checked.accepted[:, None],
            elapsed_P[:, None],
            memory.imputation,
        )
        seen_PJ = filled.seen_TJ[:, 0]
        encoded = Encoded(
            *self._normalise_finite(filled.keypoints_TJ2[:, 0]),
            filled.quality_T[:, 0],
            checked.accepted,
            seen_PJ,
            self._joint_quality(pixels_PC3, self._as_sent(checked), seen_PJ),
            checked.swapped,
        )
        return encoded, TrackMemory(state, motion)

    def _as_sent(self, checked: CheckedFrames) -> Mask:
        """Outliers (…, J) on the sides that the caller sent them on."""
        outliers = checked.outliers
        if not (checked.swapped.any() and outliers.any()):
            return outliers
        return swap_back(checked.keypoints, outliers, checked.swapped, self._model.keypoint_format)[
            1
        ]

    def _joint_quality(self, pixels_TC3: Floats, outliers_TJ: Mask, seen_TJ: Mask) -> Qualities:
        """Codes of ``JointQuality`` (T, C) of the caller's C joints.

        Of joints that the model does not use only those of one frame are known: measured or not.
        """
        measured_TC = measured_joints(pixels_TC3, self._how.min_score)
        if measured_TC.all() and not outliers_TJ.any():
            return np.zeros(measured_TC.shape, np.uint8)
        quality = np.where(measured_TC, JointQuality.MEASURED, JointQuality.FILLED)
        used = np.flatnonzero(self._convert.copied_C >= 0)
        joints = self._convert.copied_C[used]
        of_used = np.where(outliers_TJ[:, joints], JointQuality.REJECTED, quality[:, used])
        quality[:, used] = np.where(
            seen_TJ[:, joints] | outliers_TJ[:, joints], of_used, JointQuality.NEVER_SEEN
        )
        return quality.astype(np.uint8)

    def seen_since(self, joint_quality_PC: Qualities, seen_PJ: Mask) -> Qualities:
        """Joint qualities told once more is known of which joints are seen at any time."""
        used = self._convert.copied_C >= 0
        is_seen_PC = np.zeros(joint_quality_PC.shape, np.bool_)
        is_seen_PC[:, used] = seen_PJ[:, self._convert.copied_C[used]]
        was_never_PC = joint_quality_PC == JointQuality.NEVER_SEEN
        return np.where(was_never_PC & is_seen_PC, JointQuality.FILLED, joint_quality_PC).astype(
            np.uint8
        )

    def fill_between(self, state: ImputationState, measured_TJ: Mask) -> Floats:
        """As ``poselift.imputation.Imputation.fill_between``."""
        return self._imputation.fill_between(state, measured_TJ)

    def inputs_of(self, filled_TJ2: Floats) -> Floats:
        """The model's inputs for keypoints of its format that were filled before."""
        return self._normalise_finite(filled_TJ2)[0]

    def encode_filled(self, filled_TJ2: Floats, seen_TJ: Mask) -> Encoded:
        """Encode keypoints of the model's format that were filled before, taken as measured.

        ``seen_TJ`` tells which of the joints were measured at any time, or so far if causal.
        """
        frames = len(filled_TJ2)
        return Encoded(
            *self._normalise_finite(filled_TJ2),
            np.full(frames, Quality.MEASURED, np.uint8),
            np.ones(filled_TJ2.shape[:2], np.bool_),
            seen_TJ,
            np.zeros((frames, 0), np.uint8),
            np.zeros((frames, len(SWAP_GROUPS)), np.bool_),
        )

    def decode(self, output: ModelOutput, encoded: Encoded) -> Poses:
        """Poses in camera axes, relative to the root joint; zero where unknown.

        The model gave ``output``, which may be changed, for all frames of ``encoded``.
        """
        poses, trajectory = denormalise(output, encoded.inverse, self._model.root)
        self._unseen.settle(poses, output.expected_errors, encoded.seen_TJ)
        is_unknown_T = encoded.quality_T == UNKNOWN
        if is_unknown_T.any():
            for values in (poses, trajectory, output.expected_errors):
                if values is not None:
                    values[is_unknown_T] = 0
        return Poses(
            poses,
            trajectory,
            output.expected_errors,
            quality=encoded.quality_T,
            joint_quality=encoded.joint_quality_TC,
            warnings=encoded.warnings,
        )

    def _normalise_finite(self, filled_TJ2: Floats) -> tuple[Floats, InverseTransform]:
        """Normalise frames of many people, whose wild numbers must not fail each other's batch.

        Keypoints far beyond any image overflow, and become zero.
        """
        inputs_TJ2, inverse = self._normalise(filled_TJ2)
        if not np.isfinite(inputs_TJ2).all():
            inputs_TJ2 = np.nan_to_num(inputs_TJ2, posinf=0, neginf=0)
        return inputs_TJ2, inverse


def _is_finite(encoded: Encoded) -> bool:
    """Whether all inputs are finite but those of unknown frames."""
    inputs_TJ2 = encoded.inputs_TJ2
    if np.isfinite(inputs_TJ2).all():
        return True
    return bool(np.isfinite(inputs_TJ2[encoded.quality_T != UNKNOWN]).all())


def _corrections(encoded: Encoded) -> Iterator[PoseWarning]:
    """What was changed in a clip, if it was much."""
    is_outlier_TC = encoded.joint_quality_TC == _REJECTED
    if outliers := int(np.count_nonzero(is_outlier_TC)):
        measured = int(np.count_nonzero(encoded.joint_quality_TC == JointQuality.MEASURED))
        if detail := many_outliers(outliers, measured):
            yield PoseWarning("many_outliers", detail, _span(np.any(is_outlier_TC, axis=1)))
    if not encoded.swapped_TG.any():
        return
    for group, name in enumerate(SWAP_GROUPS):
        swapped_T: Mask = encoded.swapped_TG[:, group]
        if count := int(swapped_T.sum()):
            frames = "1 frame" if count == 1 else f"{count} frames"
            detail = f"left and right {name} were swapped back in {frames}"
            yield PoseWarning("sides_swapped", detail, _span(swapped_T))


def _span(chosen_T: Mask) -> tuple[int, int]:
    """The first and the last of some frames."""
    frames = np.flatnonzero(chosen_T)
    return int(frames[0]), int(frames[-1])


def denormalise(
    output: ModelOutput, inverse: InverseTransform, root: int
) -> tuple[Floats, Floats | None]:
    """Denormalize: poses relative to the root joint, and the trajectory, in camera axes."""
    with np.errstate(all="ignore"):
        poses = inverse.poses(output.poses - output.poses[:, root, None])
        trajectory = output.trajectory
        return poses, None if trajectory is None else inverse.trajectory(trajectory)
