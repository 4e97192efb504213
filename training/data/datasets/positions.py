"""Plain world positions in millimetres, many clips in one file of arrays (.npz)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from poselift.errors import InvalidInput
from training.data.datasets.arrays import read_arrays
from training.data.datasets.kinematics import Motion

KEYS = ("positions_mm", "clip_ends", "clip_names", "joint_names", "fps")


def read_positions(path: Path) -> Iterator[tuple[str, Motion]]:
    """Yield the name and the motion of every clip, in millimetres."""
    positions_FJ3, ends, names, joints, fps = read_arrays(path, KEYS).values()
    if positions_FJ3.ndim != 3 or positions_FJ3.shape[1:] != (len(joints), 3):
        raise InvalidInput.at(
            f"{path}, positions_mm",
            f"shape (frames, {len(joints)}, 3), found {positions_FJ3.shape}",
        )
    starts = np.concatenate([[0], ends[:-1]])
    if len(ends) != len(names) or (ends <= starts).any() or ends[-1] != len(positions_FJ3):
        raise InvalidInput.at(f"{path}, clip_ends", f"rising ends, the last {len(positions_FJ3)}")
    for name, start, end in zip(names, starts, ends, strict=True):
        # The first frame of each clip is the rest pose.
        clip = positions_FJ3[start + 1 : end].astype(np.float64)
        yield str(name), Motion(tuple(map(str, joints)), clip, None, float(fps))
