"""The height of a person, from the bones of their poses, and poses scaled to another height."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from poselift.card import OutputSkeleton
from poselift.poses import Poses

Floats = NDArray[np.float32]

_BEYOND_BONES_M = 0.08
"""From the sole to the ankle. What the bones from ankle to crown measure is the rest, standing."""
_SHORTEST_M = 0.1
USUAL_HEIGHT_M = 1.62
"""Of the poses that the models give, by 1.4% (one standard deviation): a camera alone cannot tell
how tall a person is."""


def heights(poses_TK3: Floats, skeleton: OutputSkeleton) -> Floats:
    """The standing height (T,) of a person: the bones from the feet to the head, metres."""
    parents = skeleton.parents
    # The bone from the root to a hip lies across.
    legs = [_length(poses_TK3, _chain(foot, parents)[:-1], parents) for foot in skeleton.feet]
    trunk_T = _length(poses_TK3, _chain(skeleton.joints.index("head"), parents), parents)
    heights_T: Floats = np.mean(legs, axis=0) + trunk_T + np.float32(_BEYOND_BONES_M)
    return np.maximum(heights_T, np.float32(_SHORTEST_M))


def usual_height(poses_TK3: Floats, skeleton: OutputSkeleton) -> float:
    """The median of ``heights`` over all frames."""
    return float(np.median(heights(poses_TK3, skeleton)))


def scaled(poses: Poses, factor: float) -> Poses:
    """Poses, trajectory and expected errors of a person so many times as large and as far away."""
    size = np.float32(factor)
    trajectory, errors = poses.trajectory, poses.expected_errors
    return replace(
        poses,
        poses=poses.poses * size,
        trajectory=None if trajectory is None else trajectory * size,
        expected_errors=None if errors is None else errors * size,
    )


def _chain(joint: int, parents: tuple[int, ...]) -> list[int]:
    """A joint and those it hangs on, up to the root's child."""
    chain = []
    while parents[joint] >= 0:
        chain.append(joint)
        joint = parents[joint]
    return chain


def _length(poses_TK3: Floats, chain: list[int], parents: tuple[int, ...]) -> Floats:
    """How long (T,) the bones that end in these joints are together."""
    ends = [parents[joint] for joint in chain]
    bones: Floats = poses_TK3[:, chain] - poses_TK3[:, ends]
    lengths: Floats = np.linalg.norm(bones, axis=2).sum(axis=1)
    return lengths
