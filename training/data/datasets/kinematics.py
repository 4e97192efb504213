"""Forward kinematics of a tree of joints, all frames at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.array_types import Doubles


@dataclass(frozen=True)
class Motion:
    """What every reader gives: one person's joints over time, in the file's own unit of length.

    positions_TJ3: world axes, y up. rotations_TJ33: from the rest pose to the world, where the
    rest pose faces +z with its left at +x; None where the format has no rotations.
    """

    joints: tuple[str, ...]
    positions_TJ3: Doubles
    rotations_TJ33: Doubles | None
    fps: float

    def at(self, joint: str) -> Doubles:
        """The positions of one joint, (T, 3)."""
        return self.positions_TJ3[:, self.joints.index(joint)]

    def turn(self, joint: str) -> Doubles | None:
        """The rotations of one joint from the rest pose to the world, (T, 3, 3)."""
        if self.rotations_TJ33 is None:
            return None
        return self.rotations_TJ33[:, self.joints.index(joint)]


def forward(
    parents: Sequence[int],
    vectors_J3: Doubles,
    local_TJ33: Doubles,
    root_T3: Doubles,
    *,
    own_rotation: bool,
) -> tuple[Doubles, Doubles]:
    """Positions (T, J, 3) and rotations (T, J, 3, 3) of joints whose parents stand before them.

    A joint lies at its parent plus its vector, turned by its own rotation (ASF, where a vector is
    the bone and the joint its far end) or by its parent's (BVH, where a vector is an offset).
    """
    positions = np.empty(local_TJ33.shape[:3])
    rotations = np.empty_like(local_TJ33)
    for joint, parent in enumerate(parents):
        if parent < 0:
            rotations[:, joint] = local_TJ33[:, joint]
            positions[:, joint] = root_T3
            continue
        rotations[:, joint] = rotations[:, parent] @ local_TJ33[:, joint]
        turned_by = joint if own_rotation else parent
        positions[:, joint] = positions[:, parent] + rotations[:, turned_by] @ vectors_J3[joint]
    return positions, rotations
