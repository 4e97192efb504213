"""The codec: keypoints to a model's input, and a model's output to poses.

Clips, live frames, look-ahead windows, training and evaluation all go through it, so that none of
them can drift from the others: convert the format, fill what is missing, normalise; and after the
network the inverse transform, relative to the root joint.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from poselift.array_types import Floats, Mask, Qualities
from poselift.cameras import Camera
from poselift.card import Card
from poselift.chunks import Chunk, Span, cut
from poselift.errors import InvalidInput
from poselift.formats import FORMATS, convert
from poselift.imputation import (
    MIN_SCORE,
    ImputationState,
    Quality,
    fill,
    fill_causal,
    known_segments,
    measured_joints,
)
from poselift.layout_check import check_layout
from poselift.normalisation import InverseTransform, Kind, ScreenCamera, normaliser
from poselift.poses import ModelOutput, Poses

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

    @classmethod
    def of(cls, card: Card) -> "ModelInput":
        """That of a model with this card."""
        return cls(
            card.input.keypoint_format,
            card.normalisation,
            card.architecture.causal,
            card.output.parents.index(-1),
            card.trajectory_camera,
        )


@dataclass(frozen=True)
class Preprocessing:
    """How a caller's keypoints are read.

    Attributes:
        keypoint_format: a name in ``poselift.formats.FORMATS``.
        image_size: width and height in pixels.
        camera: known intrinsics, in pixels.
        min_score: joints scored lower are missing.
        max_gap_frames: how many frames in a row may have nothing measured.
    """

    keypoint_format: str
    image_size: tuple[float, float]
    camera: Camera | None = None
    min_score: float = MIN_SCORE
    max_gap_frames: int = 12


class Encoded(NamedTuple):
    """T frames as a model's input: consecutive ones of a clip, or one of each of several tracks."""

    inputs_TJ2: Floats
    """Normalised as the model's card says."""
    inverse: InverseTransform
    quality_T: Qualities
    """Codes of ``poselift.imputation.Quality``."""
    measured_TJ: Mask
    """Which of the model's input joints were measured."""

    @property
    def segments(self) -> tuple[slice, ...]:
        """Of a clip, the runs of frames between unknown ones; each is lifted as a clip."""
        return known_segments(self.quality_T)

    def chunks(self, span: Span, longest: int) -> Iterator[Chunk]:
        """The chunks that a clip is lifted in: of each segment, of ``longest`` frames or so."""
        for segment in self.segments:
            yield from cut(segment, span, longest)


class Codec:
    """Encodes keypoints read in one way for one model, and decodes what the model gives."""

    def __init__(self, model: ModelInput, preprocessing: Preprocessing) -> None:
        self._model = model
        self._how = preprocessing
        self._format = FORMATS[model.keypoint_format]
        self._normalise = normaliser(
            model.normalisation,
            self._format.joints,
            preprocessing.image_size,
            preprocessing.camera,
            model.trajectory_camera,
        )

    def encode(self, keypoints_TJ3: Floats, where: str = "keypoints") -> Encoded:
        """Encode a clip that a caller sent.

        Of pixels and score, 0 where missing; ``where`` is the clip's place in the request.

        Raises:
            InvalidInput: nothing is measured, the format is another than the one named, or the
                keypoints are too far out to normalise.
        """
        check_layout(keypoints_TJ3, self._how.keypoint_format, where)
        encoded = self.encode_trusted(keypoints_TJ3)
        if not encoded.segments:
            raise InvalidInput.at(where, "at least one measured joint")
        if not np.isfinite(encoded.inputs_TJ2[encoded.quality_T != Quality.UNKNOWN]).all():
            raise InvalidInput.at(where, FAR_OUT)
        return encoded

    def encode_trusted(self, keypoints_TJ3: Floats) -> Encoded:
        """Encode a clip without checks, as of simulated or prepared keypoints."""
        converted = convert(keypoints_TJ3, self._how.keypoint_format, self._format.name)
        filled_TJ2, quality_T = fill(
            converted,
            self._model.causal,
            self._how.min_score,
            self._how.max_gap_frames,
            self._format,
        )
        measured_TJ = measured_joints(converted, self._how.min_score)
        return Encoded(*self._normalise(filled_TJ2), quality_T, measured_TJ)

    def encode_next(
        self, keypoints_PJ3: Floats, state: ImputationState
    ) -> tuple[Encoded, ImputationState]:
        """Encode the next frame of each of P tracks, and what to remember of them after it.

        The keypoints are pixels and score, in the caller's format.
        """
        converted = convert(keypoints_PJ3, self._how.keypoint_format, self._format.name)
        filled_P1J2, quality_P1, after = fill_causal(
            converted[:, None], state, self._how.min_score, self._how.max_gap_frames, self._format
        )
        measured_PJ = measured_joints(converted, self._how.min_score)
        return self._encode_finite(filled_P1J2[:, 0], quality_P1[:, 0], measured_PJ), after

    def encode_filled(self, filled_TJ2: Floats) -> Encoded:
        """Encode keypoints of the model's format that were filled before, taken as measured."""
        quality_T = np.full(len(filled_TJ2), Quality.MEASURED, np.uint8)
        return self._encode_finite(filled_TJ2, quality_T, np.ones(filled_TJ2.shape[:2], np.bool_))

    def decode(self, output: ModelOutput, encoded: Encoded) -> Poses:
        """Poses in camera axes, relative to the root joint; zero where unknown.

        The model gave ``output``, which may be changed, for all frames of ``encoded``.
        """
        poses, trajectory = denormalise(output, encoded.inverse, self._model.root)
        is_unknown_T = encoded.quality_T == Quality.UNKNOWN
        for values in (poses, trajectory, output.expected_errors):
            if values is not None and is_unknown_T.any():
                values[is_unknown_T] = 0
        return Poses(poses, trajectory, output.expected_errors, quality=encoded.quality_T)

    def _encode_finite(
        self, filled_TJ2: Floats, quality_T: Qualities, measured_TJ: Mask
    ) -> Encoded:
        """Normalise frames of many people, whose wild numbers must not fail each other's batch.

        Keypoints far beyond any image overflow, and become zero.
        """
        inputs_TJ2, inverse = self._normalise(filled_TJ2)
        finite_TJ2 = np.nan_to_num(inputs_TJ2, posinf=0, neginf=0)
        return Encoded(finite_TJ2, inverse, quality_T, measured_TJ)


def denormalise(
    output: ModelOutput, inverse: InverseTransform, root: int
) -> tuple[Floats, Floats | None]:
    """Denormalize: poses relative to the root joint, and the trajectory, in camera axes."""
    with np.errstate(all="ignore"):
        poses = inverse.poses(output.poses - output.poses[:, root, None])
        trajectory = output.trajectory
        return poses, None if trajectory is None else inverse.trajectory(trajectory)
