"""Real people: a trial with a triangulated ground truth, and videos without any.

Model folders lift them as the service does, without one running. On videos, jitter, bone lengths
and reprojection are measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfiltfilt

from poselift.cameras import Camera
from poselift.codec import Codec, ModelInput, Preprocessing
from poselift.formats import FORMATS
from poselift.imputation import MAX_GAP_S, MIN_SCORE, Quality
from poselift.lifting import run
from poselift.poses import Poses
from poselift.postprocess.one_euro import OneEuroFilter
from poselift.runtime.clip import ClipModel
from training.array_types import Array, Floats
from training.evaluation.wild.trial import CAMERAS, LIMBS, POSE_COLUMNS, request, triangulated
from training.evaluation.wild.videos import Video
from training.metrics import p_mpjpe

_TRACK = "one"


@dataclass(frozen=True)
class KeypointSequence:
    """One person's keypoints."""

    keypoints_TJ3: Floats
    keypoint_format: str
    image_size: tuple[float, float]
    fps: float


def lift(model: ClipModel, sequence: KeypointSequence) -> Poses:
    """What ``/v1/lift`` answers for a clip (T, …); NaN where nothing is known."""
    layout, size = sequence.keypoint_format, sequence.image_size
    how = Preprocessing(layout, size, None, MIN_SCORE, MAX_GAP_S, sequence.fps)
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
    answers = poses.rows(np.arange(len(poses)))  # a copy, which slices are not
    one_euro = OneEuroFilter(smoothing_s, fps)
    for frame, pose_K3 in enumerate(poses.poses):
        if np.isfinite(pose_K3).all():
            answers.put([frame], one_euro.smooth([_TRACK], poses.rows([frame])))
        else:
            one_euro.keep([])
    return answers


_CUTOFF_HZ = 6.0
"""The usual bound of ordinary human motion in biomechanics."""


def known_spans(points_TK3: Array) -> list[slice]:
    """The runs of frames in which all is known."""
    known = np.isfinite(points_TK3).all(axis=(1, 2))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def jitter(points_TK3: Array, fps: float) -> float:
    """Mean acceleration of what a smooth copy of the motion lacks, in m/s².

    The copy is low-pass filtered at 6 Hz without delay (Butterworth, fourth order). Spans that are
    unknown (NaN), or shorter than half a second, are left out.
    """
    filter_ = butter(2, _CUTOFF_HZ, fs=fps, output="sos")
    sizes = []
    for span in known_spans(points_TK3):
        motion = points_TK3[span]
        if len(motion) >= fps / 2:
            rest = motion - sosfiltfilt(filter_, motion, axis=0)
            acceleration = np.diff(rest, n=2, axis=0) * fps**2
            sizes.append(np.linalg.norm(acceleration, axis=-1).ravel())
    return float(np.concatenate(sizes).mean()) if sizes else float("nan")


def bone_variation(points_TK3: Array, bones: list[tuple[int, int]]) -> float:
    """How much bones change their lengths in time: standard deviation over mean, their mean."""
    a, b = np.array(bones).T
    lengths_TB = np.linalg.norm(points_TK3[:, a] - points_TK3[:, b], axis=-1)
    lengths_TB = lengths_TB[np.isfinite(lengths_TB).all(axis=1)]
    return float((lengths_TB.std(axis=0) / lengths_TB.mean(axis=0)).mean())


def reprojection_error(projected_TK2: Array, keypoints_TK3: Array, min_score: float) -> float:
    """Mean distance in the image, as a share of the person's extent, where both are known."""
    sure = keypoints_TK3[..., 2] >= min_score
    places = np.where(sure[..., None], keypoints_TK3[..., :2], np.nan)
    with np.errstate(invalid="ignore"):
        distances = np.linalg.norm(projected_TK2 - places, axis=-1)
    some = np.isfinite(distances).any(axis=1)
    extent_T = np.nanmax(np.nanmax(places[some], axis=1) - np.nanmin(places[some], axis=1), axis=-1)
    return float(np.nanmean(distances[some] / extent_T[:, None]))


MEDIAPIPE = "mediapipe33"
_MEDIAPIPE_COLUMNS = [FORMATS[MEDIAPIPE].joints.index(limb) for limb in LIMBS]
_UPPER, _LOWER = ("shoulder", "elbow", "hip", "knee"), ("elbow", "wrist", "knee", "ankle")
_BONES = [
    (LIMBS.index(f"{side}_{upper}"), LIMBS.index(f"{side}_{lower}"))
    for side in ("left", "right")
    for upper, lower in zip(_UPPER, _LOWER, strict=True)
]
_KNOWN_SHARE = 0.9
_SURE = 0.5
"""MediaPipe's visibility, from which on a landmark counts."""


def limbs_of(world_TJ3: Array) -> Array:
    """The twelve limb joints among MediaPipe's landmarks."""
    return world_TJ3[:, _MEDIAPIPE_COLUMNS]


def balancing(lifter: ClipModel) -> dict[str, float]:
    """P-MPJPE in millimetres over the limbs, of each camera alone, from OpenPose's keypoints."""
    found = {}
    for name in CAMERAS:
        body = request(name)
        keypoints = np.array(body["clips"][0]["keypoints"], np.float32)
        width, height = map(float, body["image_size"])
        layout = body["keypoint_format"]
        found[name] = KeypointSequence(keypoints, layout, (width, height), body["fps"])
    return _off_the_truth({name: _limbs(lift(lifter, seen)) for name, seen in found.items()})


def balancing_by_mediapipe(lifter: ClipModel, videos: list[Video]) -> dict[str, float]:
    """The same from MediaPipe's keypoints."""
    return _off_the_truth(
        {name: _limbs(lift(lifter, _sequence(video))) for name, video in of_trial(videos).items()}
    )


def balancing_of_mediapipe(videos: list[Video]) -> dict[str, float]:
    """The same of MediaPipe's own 3D in the same frames."""
    return _off_the_truth(
        {name: limbs_of(video.world_TJ3) for name, video in of_trial(videos).items()}
    )


def of_trial(videos: list[Video]) -> dict[str, Video]:
    """The trial's videos by camera; others are left out."""
    found = {}
    for name in CAMERAS:
        (found[name],) = (video for video in videos if video.name.endswith(name))
    return found


def _off_the_truth(limbs: Mapping[str, Array]) -> dict[str, float]:
    """P-MPJPE in millimetres of limbs (T, 12, 3), where they are known, by camera.

    They have to be known in nearly all frames: the others might be the hardest.
    """
    reference = triangulated()
    errors = {}
    for name, found in limbs.items():
        count = min(len(found), len(reference))
        known = np.isfinite(found[:count]).all(axis=(1, 2))
        if known.mean() < _KNOWN_SHARE:
            raise ValueError(f"{name}: expected poses in nearly all frames, got {known.mean():.0%}")
        errors[name] = p_mpjpe(found[:count][known], reference[:count][known]) * 1000
    return errors


@dataclass(frozen=True)
class VideoMeasures:
    """Measures of 3D on a video without ground truth, over the limbs."""

    jitter: float
    """m/s²; see `jitter`."""
    bone_variation: float
    reprojection: float
    """Share of the person's extent; NaN without a trajectory."""


def on_video(lifter: ClipModel, video: Video, live_smoothing_s: float = 0.0) -> VideoMeasures:
    """A model on MediaPipe's keypoints, smoothed as in a live session if asked for."""
    lifted = lift(lifter, _sequence(video))
    if live_smoothing_s:
        lifted = smoothed_live(lifted, video.fps, live_smoothing_s)
    limbs = _limbs(lifted)
    return VideoMeasures(
        jitter(limbs, video.fps), bone_variation(limbs, _BONES), _reprojected(lifted, video)
    )


def _sequence(video: Video) -> KeypointSequence:
    return KeypointSequence(video.keypoints_TJ3, MEDIAPIPE, video.image_size, video.fps)


def _limbs(lifted: Poses) -> Array:
    return lifted.poses[:, POSE_COLUMNS]


def mediapipe_on_video(video: Video) -> VideoMeasures:
    """MediaPipe's own 3D of the same frames; it has no trajectory, so it is not reprojected."""
    limbs = limbs_of(video.world_TJ3)
    return VideoMeasures(jitter(limbs, video.fps), bone_variation(limbs, _BONES), float("nan"))


def _reprojected(lifted: Poses, video: Video) -> float:
    if lifted.trajectory is None:
        return float("nan")
    # By the camera that the service assumes, as the true one is unknown.
    points = _limbs(lifted) + lifted.trajectory[:, None]
    pixels = Camera.assumed(video.image_size).project(points)
    return reprojection_error(pixels, limbs_of(video.keypoints_TJ3), _SURE)
