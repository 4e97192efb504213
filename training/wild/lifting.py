"""Lift a clip with a model folder as the service does, without one running."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.lifter import Lifter
from service.pose.camera import Camera
from service.pose.formats import FORMATS, convert
from service.pose.missing import fill

Floats = NDArray[np.float32]

_MAX_GAP_S = 0.25
_MIN_SCORE = 0.05


@dataclass(frozen=True)
class Seen:
    """One person's keypoints."""

    keypoints_TJ3: Floats
    keypoint_format: str
    image_size: tuple[float, float]
    fps: float
    camera: Camera | None = None


@dataclass(frozen=True)
class LiftedClip:
    """Camera axes, metres; NaN where nothing is known."""

    poses_TK3: Floats
    roots_T3: Floats | None


def lift(lifter: Lifter, seen: Seen) -> LiftedClip:
    """What ``/v1/lift`` answers for a clip."""
    card = lifter.card
    wanted = card.input.keypoint_format
    filled = fill(
        convert(seen.keypoints_TJ3, seen.keypoint_format, wanted),
        causal=card.architecture.causal,
        min_score=_MIN_SCORE,
        max_gap_frames=int(_MAX_GAP_S * seen.fps + 1e-6),
        format=FORMATS[wanted],
    )
    inputs, undo = card.normaliser(seen.image_size, seen.camera)(filled.keypoints_TJ2)
    frames = len(inputs)
    poses = np.full((frames, len(card.output.joints), 3), np.nan, np.float32)
    roots = np.full((frames, 3), np.nan, np.float32)
    for segment in filled.segments:
        lifted = lifter.lift(inputs[None, segment])
        poses[segment] = lifted.poses_BTJ3[0]
        if lifted.trajectory_BT3 is not None:
            roots[segment] = lifted.trajectory_BT3[0]
    poses = undo.poses(poses - poses[:, :1])
    has_path = "trajectory" in card.graph.outputs
    return LiftedClip(poses, undo.trajectory(roots) if has_path else None)
