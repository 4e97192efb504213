"""Lift a clip with a model folder as the service does, without one running."""

from dataclasses import dataclass

import numpy as np

from poselift.cameras import Camera
from poselift.codec import Codec, ModelInput, Preprocessing
from poselift.imputation import MAX_GAP_S, MIN_SCORE, Quality, gap_frames
from poselift.lifting import run
from poselift.poses import Poses
from poselift.postprocess.one_euro import OneEuroFilter
from poselift.runtime.clip import ClipModel
from training.array_types import Floats

_TRACK = "one"


@dataclass(frozen=True)
class KeypointSequence:
    """One person's keypoints."""

    keypoints_TJ3: Floats
    keypoint_format: str
    image_size: tuple[float, float]
    fps: float
    camera: Camera | None = None


def lift(model: ClipModel, sequence: KeypointSequence) -> Poses:
    """What ``/v1/lift`` answers for a clip (T, …); NaN where nothing is known."""
    how = Preprocessing(
        sequence.keypoint_format,
        sequence.image_size,
        sequence.camera,
        MIN_SCORE,
        gap_frames(MAX_GAP_S, sequence.fps),
    )
    codec = Codec(ModelInput.of(model.card), how)
    encoded = codec.encode_trusted(sequence.keypoints_TJ3)
    poses = codec.decode(run(model, encoded), encoded)
    is_unknown_T = encoded.quality_T == Quality.UNKNOWN
    for values in (poses.poses, poses.trajectory, poses.expected_errors):
        if values is not None:
            values[is_unknown_T] = np.nan
    return poses


def smoothed_live(poses: Poses, fps: float, smoothing_s: float) -> Poses:
    """A clip (T, …) as a live session with ``smoothing_s`` answers it; it begins anew after NaN."""
    answers = poses[np.arange(len(poses))]  # a copy, which slices are not
    one_euro = OneEuroFilter(smoothing_s, fps)
    for frame, pose_K3 in enumerate(poses.poses):
        if np.isfinite(pose_K3).all():
            answers.put([frame], one_euro.smooth([_TRACK], poses[frame : frame + 1]))
        else:
            one_euro.keep([])
    return answers
