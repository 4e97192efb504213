"""From detected keypoints to what a model is given, for training and its evaluation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.codec import Codec, ModelInput, Preprocessing
from poselift.normalisation import InverseTransform

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class EncodedSequence:
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
) -> EncodedSequence | None:
    """Encode a clip as for serving; None if nothing is detected in all of it.

    Args:
        keypoints_TJ3: pixels and scores.
        model: how the model is given them.
        image_size: width and height in pixels.
        camera: its intrinsics, if known.
    """
    every_frame = len(keypoints_TJ3)  # no gap is too long: each frame has a pose to learn
    how = Preprocessing(model.keypoint_format, image_size, camera, max_gap_frames=every_frame)
    encoded = Codec(model, how).encode_trusted(keypoints_TJ3)
    if not encoded.segments:
        return None
    (frames,) = encoded.segments
    return EncodedSequence(encoded.inputs_TJ2[frames], encoded.inverse.of(frames), frames)
