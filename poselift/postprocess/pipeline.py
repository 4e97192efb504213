"""Postprocessing of a clip's poses, in its one order: smoothing, bone lengths, foot contact."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from poselift.array_types import Floats, Mask
from poselift.card import Card, OutputSkeleton
from poselift.errors import InvalidInput
from poselift.imputation import Quality, known_segments
from poselift.poses import Poses
from poselift.postprocess.body_height import scaled, usual_height
from poselift.postprocess.foot_contact import clean_foot_skate
from poselift.postprocess.smoothing import half_window, smooth

_SHORTEST_BONE_M = 1e-6
"""Bones shorter than this have no direction."""


@dataclass(frozen=True)
class Postprocessing:
    """What is done to a clip's poses.

    Attributes:
        smoothing_s: the window, in seconds, that poses and trajectory are smoothed over.
        constant_bone_lengths: give each bone its median length throughout.
        ground_contact: change the trajectory so that standing feet do not slide.
        person_height_m: scale poses and trajectory to a person of this height.
    """

    smoothing_s: float = 0.0
    constant_bone_lengths: bool = False
    ground_contact: bool = False
    person_height_m: float | None = None

    def check(self, card: Card) -> None:
        """Refuse what a model's poses do not allow.

        Raises:
            InvalidInput: there is no trajectory to change.
        """
        if self.ground_contact and "trajectory" not in card.graph.outputs:
            expected = f"false: {card.name} does not estimate the trajectory"
            raise InvalidInput.at("ground_contact", f"{expected}, found true")


_NOTHING: Final = Postprocessing()


def postprocess(poses: Poses, how: Postprocessing, fps: float, skeleton: OutputSkeleton) -> Poses:
    """Postprocess the poses of a clip, in camera axes; each known segment by itself.

    The arrays of ``poses`` may be changed; ``skeleton`` is theirs.
    """
    if how == _NOTHING:
        return poses
    if how.person_height_m is not None:
        known_T = poses.quality != Quality.UNKNOWN
        poses = scaled(poses, how.person_height_m / usual_height(poses.poses[known_T], skeleton))
    segments = known_segments(poses.quality)
    poses_TK3, trajectory_T3 = poses.poses, poses.trajectory
    half_frames = half_window(how.smoothing_s, fps)
    for segment in segments if half_frames else ():
        poses_TK3[segment] = smooth(poses_TK3[segment], half_frames)
        if trajectory_T3 is not None:
            trajectory_T3[segment] = smooth(trajectory_T3[segment], half_frames)
    if how.constant_bone_lengths:
        known_T = poses.quality != Quality.UNKNOWN
        poses_TK3 = enforce_bone_lengths(poses_TK3, skeleton.parents, known_T)
    if how.ground_contact and trajectory_T3 is not None:
        feet_TF3 = poses_TK3[:, list(skeleton.feet)]
        for segment in segments:
            trajectory_T3[segment] = clean_foot_skate(
                trajectory_T3[segment], feet_TF3[segment], fps
            )
    return replace(poses, poses=poses_TK3, trajectory=trajectory_T3)


def enforce_bone_lengths(poses_TK3: Floats, parents: Sequence[int], known_T: Mask) -> Floats:
    """Give each bone its median length throughout; directions stay, and so does the root.

    Args:
        poses_TK3: relative to the root.
        parents: of each joint; -1 for the root. Parents come before their children.
        known_T: the frames whose poses are known, one at least.
    """
    kept = poses_TK3.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            bone_T3 = poses_TK3[:, joint] - poses_TK3[:, parent]
            lengths_T = np.linalg.norm(bone_T3, axis=-1)
            usual = np.median(lengths_T[known_T])
            factor_T = usual / np.maximum(lengths_T, _SHORTEST_BONE_M)
            kept[:, joint] = kept[:, parent] + factor_T[:, None] * bone_T3
    return kept
