"""Real people: a trial with a triangulated ground truth, and videos without any."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from poselift.cameras import Camera
from poselift.formats import FORMATS
from poselift.poses import Poses
from poselift.runtime.clip import ClipModel
from training.array_types import Array
from training.evaluation.wild.lifting import KeypointSequence, lift, smoothed_live
from training.evaluation.wild.measures import bone_variation, jitter, reprojection_error
from training.evaluation.wild.trial import CAMERAS, LIMBS, POSE_COLUMNS, request, triangulated
from training.evaluation.wild.videos import Video
from training.metrics import p_mpjpe

MEDIAPIPE = "mediapipe33"
_MEDIAPIPE_COLUMNS = [FORMATS[MEDIAPIPE].joints.index(limb) for limb in LIMBS]
_BONES = [
    (LIMBS.index(f"{side}_{upper}"), LIMBS.index(f"{side}_{lower}"))
    for side in ("left", "right")
    for upper, lower in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
    )
]  # fmt: skip
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
        size = tuple(map(float, body["image_size"]))
        found[name] = KeypointSequence(
            keypoints, body["keypoint_format"], (size[0], size[1]), body["fps"]
        )
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

    Raises:
        ValueError: they are unknown in more than a few frames, which might be the hardest.
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
    """m/s²; see ``measures.jitter``."""
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
        jitter(limbs, video.fps),
        bone_variation(limbs, _BONES),
        _reprojected(lifted, video),
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
