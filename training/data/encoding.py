"""From detected keypoints to what a model is given, for training and its evaluation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.formats import FORMATS
from poselift.imputation import MIN_SCORE, fill
from poselift.normalisation import InverseTransform, Kind, normaliser

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ModelInput:
    """How a model is given keypoints."""

    keypoint_format: str
    normalisation: Kind
    causal: bool
    """Missing keypoints are filled from the past alone."""


@dataclass(frozen=True)
class Encoded:
    """The frames of a clip from the first detection on."""

    inputs_TJ2: Floats
    """Normalised keypoints."""
    inverse: InverseTransform
    """From the model's axes to camera axes."""
    frames: slice
    """Their place in the clip."""


def encode(
    keypoints_TJ3: Floats,
    model: ModelInput,
    image_size: tuple[float, float],
    camera: Camera | None,
) -> Encoded | None:
    """Fill and normalise a clip; None if nothing is detected in all of it.

    Args:
        keypoints_TJ3: pixels and scores.
        model: how the model is given them.
        image_size: width and height in pixels.
        camera: its intrinsics, if known.
    """
    layout = FORMATS[model.keypoint_format]
    filled = fill(
        keypoints_TJ3,
        causal=model.causal,
        min_score=MIN_SCORE,
        max_gap_frames=len(keypoints_TJ3),  # every frame is kept: each has a pose to learn
        format=layout,
    )
    if not filled.segments:
        return None
    (frames,) = filled.segments
    normalise = normaliser(model.normalisation, layout.joints, image_size, camera)
    inputs, inverse = normalise(filled.keypoints_TJ2[frames])
    return Encoded(inputs, inverse, frames)
