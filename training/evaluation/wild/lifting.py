"""Lift a clip with a model folder as the service does, without one running."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.formats import FORMATS, convert
from poselift.imputation import MIN_SCORE, fill
from poselift.model_output import ModelOutput
from poselift.postprocess.one_euro import OneEuroFilter
from poselift.runtime.clip import ClipModel

Floats = NDArray[np.float32]

_MAX_GAP_S = 0.25
_TRACK = "one"


@dataclass(frozen=True)
class KeypointSequence:
    """One person's keypoints."""

    keypoints_TJ3: Floats
    keypoint_format: str
    image_size: tuple[float, float]
    fps: float
    camera: Camera | None = None


def lift(lifter: ClipModel, seen: KeypointSequence) -> ModelOutput:
    """What ``/v1/lift`` answers for a clip (T, …); NaN where nothing is known."""
    card = lifter.card
    wanted = card.input.keypoint_format
    filled = fill(
        convert(seen.keypoints_TJ3, seen.keypoint_format, wanted),
        causal=card.architecture.causal,
        min_score=MIN_SCORE,
        max_gap_frames=int(_MAX_GAP_S * seen.fps + 1e-6),
        format=FORMATS[wanted],
    )
    inputs, inverse = card.normaliser(seen.image_size, seen.camera)(filled.keypoints_TJ2)
    lifted = ModelOutput.blank(card, len(inputs), fill=np.nan)
    for segment in filled.segments:
        lifted.put(segment, lifter.lift(inputs[None, segment])[0])
    return lifted.denormalised(inverse, card.output.parents.index(-1))


def smoothed_live(lifted: ModelOutput, fps: float, smoothing_s: float) -> ModelOutput:
    """A clip (T, …) as a live session with ``smoothing_s`` answers it; it begins anew after NaN."""
    answers = lifted[np.arange(len(lifted.poses))]  # a copy, which slices are not
    steadier = OneEuroFilter(smoothing_s, fps)
    for frame, pose_K3 in enumerate(lifted.poses):
        if np.isfinite(pose_K3).all():
            answers.put([frame], steadier.steady([_TRACK], lifted[frame : frame + 1]))
        else:
            steadier.keep([])
    return answers
