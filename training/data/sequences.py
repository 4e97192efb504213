"""Sequences: clips as a model is to see them, with what it is to make of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from poselift.normalisation import InverseTransform, ScreenCamera

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class PoseSequence:
    """One clip seen by one camera."""

    inputs_TJ2: Floats
    """Normalised keypoints."""
    targets_TK3: Floats
    """Poses relative to the root, metres, in the axes the model works in; NaN if unknown."""
    trajectory_T3: Floats
    """The root's path as the model is to tell it, in those axes; NaN if unknown."""
    camera_T9: Floats
    """What projects points in those axes to inputs: see ``training.data.projection``."""
    inverse: InverseTransform
    """Brings what the model tells to camera axes."""


@dataclass(frozen=True)
class Sequences:
    """Many filmed clips end to end; row i belongs to the clip of rows first[i] … last[i]."""

    inputs_FJ2: Floats
    targets_FK3: Floats
    trajectory_F3: Floats
    camera_F9: Floats
    depth_F: Floats
    """What a model calls a distance of one, in metres."""
    first_F: NDArray[np.int64]
    last_F: NDArray[np.int64]


def joined(clips: Iterable[PoseSequence]) -> Sequences:
    """Clips end to end; one at least."""
    filmed = list(clips)
    lengths = np.array([len(clip.inputs_TJ2) for clip in filmed])
    ends = np.cumsum(lengths)
    return Sequences(
        np.concatenate([clip.inputs_TJ2 for clip in filmed]),
        np.concatenate([clip.targets_TK3 for clip in filmed]),
        np.concatenate([clip.trajectory_T3 for clip in filmed]),
        np.concatenate([clip.camera_T9 for clip in filmed]),
        np.concatenate([_depth(clip) for clip in filmed]),
        np.repeat(ends - lengths, lengths),
        np.repeat(ends - 1, lengths),
    )


def _depth(clip: PoseSequence) -> Floats:
    if clip.inverse.depth_T is None:
        return np.ones(len(clip.inputs_TJ2), np.float32)
    return clip.inverse.depth_T


def filmed(
    inputs_TJ2: Floats,
    points_TK3: Floats,
    inverse: InverseTransform,
    camera_9: Floats,
    root: int = 0,
) -> PoseSequence:
    """A clip from its inputs and where its joints truly are, in camera axes.

    Args:
        inputs_TJ2: normalised keypoints.
        points_TK3: metres; NaN where unknown.
        inverse: what came with the inputs.
        camera_9: what projects camera axes to the screen (``screen`` models see through it).
        root: the joint that the others are relative to.
    """
    roots = points_TK3[:, root]
    targets = points_TK3 - roots[:, None]
    lens: Floats = np.broadcast_to(camera_9, (len(roots), 9))
    if inverse.turn_T33 is not None and inverse.depth_T is not None:
        ahead_T33 = inverse.turn_T33.transpose(0, 2, 1)
        targets = targets @ ahead_T33
        turned = (roots[:, None] @ ahead_T33)[:, 0]
        roots = np.column_stack([turned[:, :2], turned[:, 2] / inverse.depth_T])
        # Before the person-centred camera, the metre's spread at each frame is the focal length.
        lens = np.zeros((len(roots), 9), np.float32)
        lens[:, :2] = inverse.depth_T[:, None]
    return PoseSequence(
        inputs_TJ2,
        targets.astype(np.float32),
        roots.astype(np.float32),
        lens,
        inverse,
    )


def screen_parameters(
    camera: ScreenCamera, distortion: Sequence[float] = (0, 0, 0, 0, 0)
) -> Floats:
    """The nine parameters of a lens that ``training.data.projection`` takes.

    Distortion is radial k1 k2 k3 and tangential p1 p2, in the paper's sense.
    """
    return np.array([*camera.focal_length, *camera.principal_point, *distortion], np.float32)


def mirrored(clip: PoseSequence, inputs: Sequence[int], targets: Sequence[int]) -> PoseSequence:
    """The same clip in a mirror: x negated, left and right exchanged.

    Args:
        clip: what is mirrored.
        inputs: the permutation that exchanges left and right keypoints.
        targets: the same of the poses' joints.
    """
    across = np.array([-1, 1, 1], dtype=np.float32)
    turn = clip.inverse.turn_T33
    inverse = (
        clip.inverse if turn is None else replace(clip.inverse, turn_T33=turn * _outer(across))
    )
    lens = clip.camera_T9.copy()
    lens[:, [2, 7]] *= -1  # the principal point's x, and the lens's shear across
    return PoseSequence(
        mirror(clip.inputs_TJ2, inputs),
        mirror(clip.targets_TK3, targets),
        clip.trajectory_T3 * across,
        lens,
        inverse,
    )


def mirror(points: Floats, permutation: Sequence[int]) -> Floats:
    """Negate x of (…, J, D) and exchange left and right joints."""
    swapped = points[..., list(permutation), :].copy()
    swapped[..., 0] *= -1
    return swapped


def _outer(vector: Floats) -> Floats:
    product: Floats = np.outer(vector, vector)
    return product
