"""Limbs and body axes, which augmentations of motion turn, bend and swap."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from training.array_types import Array, Floats

LIMBS = {"shoulder": ("shoulder", "elbow", "wrist"), "hip": ("hip", "knee", "foot")}
"""The chain of each limb, by the pair of joints that it hangs from."""
_MOST_FLEXED = np.radians(145)
_HINGE_SHARE = 0.1
"""Of a limb's bones, how much a nearly straight limb keeps to the hinge of an ordinary one."""


def body_frame(points_TM3: Floats, joint_names: Sequence[str], limbs: str) -> Floats:
    """Right-handed axes (T, 3, 3), as columns: across the shoulders or hips, up the back, ahead."""
    names = ("hip", "thorax", f"left_{limbs}", f"right_{limbs}")
    hip, thorax, left, right = (points_TM3[:, joint_names.index(name)] for name in names)
    across = _unit(left - right)
    ahead = _unit(np.cross(across, thorax - hip))
    return np.stack([across, np.cross(ahead, across), ahead], axis=-1).astype(np.float32)


def limb(joint_names: Sequence[str], side: str, limbs: str) -> list[int]:
    """The points of an arm (``shoulder``) or a leg (``hip``), from the trunk outwards."""
    return [joint_names.index(f"{side}_{joint}") for joint in LIMBS[limbs]]


def flex(
    points_TM3: Floats,
    joint_names: Sequence[str],
    limbs: str,
    chain: Sequence[int],
    change_T: Array,
) -> Floats:
    """Close a limb's elbow or knee by so many radians, between straight and fully flexed."""
    upper, lower = _bones(points_TM3, chain)
    before = flexion(points_TM3, chain)
    change = np.clip(before + change_T, 0, _MOST_FLEXED) - before
    ahead = body_frame(points_TM3, joint_names, limbs)[:, :, 2]
    usual = np.cross(upper, ahead if limbs == "shoulder" else -ahead)
    scale = _HINGE_SHARE * np.linalg.norm(lower, axis=-1, keepdims=True)
    hinge = np.cross(upper, lower) + scale * usual
    hinge /= np.maximum(np.linalg.norm(hinge, axis=-1, keepdims=True), 1e-9)
    turn = Rotation.from_rotvec(change[:, None] * hinge)
    return turn_about(points_TM3, chain[1], chain[2:], turn)


def flexion(points_TM3: Floats, chain: Sequence[int]) -> Array:
    """The angle (T,) of an elbow or knee; 0 is straight."""
    upper, lower = _bones(points_TM3, chain)
    lengths = np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1)
    cosines = (upper * lower).sum(-1) / np.maximum(lengths, 1e-9)
    return np.asarray(np.arccos(np.clip(cosines, -1, 1)))


def _bones(points_TM3: Floats, chain: Sequence[int]) -> list[Floats]:
    return [points_TM3[:, child] - points_TM3[:, parent] for parent, child in pairwise(chain)]


def turn_about(points_TM3: Floats, centre: int, moved: Sequence[int], turn_T: Rotation) -> Floats:
    """Turn some points about another, in each frame by its own rotation."""
    turned = points_TM3.copy()
    moved = list(moved)
    middle = points_TM3[:, centre, None]
    matrices = turn_T.as_matrix().astype(np.float32)
    turned[:, moved] = middle + (points_TM3[:, moved] - middle) @ matrices.transpose(0, 2, 1)
    return turned


def _unit(vectors_T3: Floats) -> Floats:
    lengths = np.linalg.norm(vectors_T3, axis=-1, keepdims=True)
    return np.asarray(vectors_T3 / np.maximum(lengths, np.float32(1e-6)))
