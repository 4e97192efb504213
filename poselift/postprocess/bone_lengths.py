"""Constant bone lengths over a clip."""

from collections.abc import Sequence

import numpy as np

from poselift.array_types import Floats, Mask

_SHORTEST_BONE_M = 1e-6
"""Bones shorter than this have no direction."""


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
