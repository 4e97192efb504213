"""Skeletons: named joints, the tree that joins them, and which are left and right."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Skeleton:
    """A tree of joints. ``parents[0]`` is -1 and a parent may stand after its child."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    @property
    def left(self) -> tuple[int, ...]:
        """Indices of the left-hand joints, in joint order."""
        return tuple(i for i, joint in enumerate(self.joints) if joint.startswith("left_"))

    @property
    def right(self) -> tuple[int, ...]:
        """Indices of the right-hand joints, in the order of their left twins."""
        return tuple(
            self.joints.index(self.joints[i].replace("left_", "right_", 1)) for i in self.left
        )

    @property
    def mirror(self) -> tuple[int, ...]:
        """The permutation that swaps every left joint with its right twin."""
        permutation = list(range(len(self.joints)))
        for left, right in zip(self.left, self.right, strict=True):
            permutation[left], permutation[right] = right, left
        return tuple(permutation)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, one for every joint but the root."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)


def _skeleton(name: str, parent_of: dict[str, str | None]) -> Skeleton:
    joints = tuple(parent_of)
    parents = tuple(-1 if p is None else joints.index(p) for p in parent_of.values())
    return Skeleton(name, joints, parents)


H36M17 = _skeleton(
    "h36m17",
    {
        "hip": None,
        "right_hip": "hip",
        "right_knee": "right_hip",
        "right_foot": "right_knee",
        "left_hip": "hip",
        "left_knee": "left_hip",
        "left_foot": "left_knee",
        "spine": "hip",
        "thorax": "spine",
        "neck": "thorax",
        "head": "neck",
        "left_shoulder": "thorax",
        "left_elbow": "left_shoulder",
        "left_wrist": "left_elbow",
        "right_shoulder": "thorax",
        "right_elbow": "right_shoulder",
        "right_wrist": "right_elbow",
    },
)
"""The 17 joints of Human3.6M in the paper's order; ``neck`` is its "neck/nose"."""

HUMANEVA15 = _skeleton(
    "humaneva15",
    {
        "pelvis": None,
        "thorax": "pelvis",
        "left_shoulder": "thorax",
        "left_elbow": "left_shoulder",
        "left_wrist": "left_elbow",
        "right_shoulder": "thorax",
        "right_elbow": "right_shoulder",
        "right_wrist": "right_elbow",
        "left_hip": "pelvis",
        "left_knee": "left_hip",
        "left_ankle": "left_knee",
        "right_hip": "pelvis",
        "right_knee": "right_hip",
        "right_ankle": "right_knee",
        "head": "thorax",
    },
)
"""The 15 joints of HumanEva-I in the paper's order."""

SKELETONS = {skeleton.name: skeleton for skeleton in (H36M17, HUMANEVA15)}
