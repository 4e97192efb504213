"""Plain world positions in millimetres, many clips in one file of arrays (.npz)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from service.errors import Invalid
from training.datasets.kinematics import Motion

KEYS = ("positions_mm", "clip_ends", "clip_names", "joint_names", "fps")


def read_positions(path: Path) -> Iterator[tuple[str, Motion]]:
    """Yield the name and the motion of every clip, in millimetres."""
    positions_FJ3, ends, names, joints, fps = _arrays(path)
    if positions_FJ3.ndim != 3 or positions_FJ3.shape[1:] != (len(joints), 3):
        raise Invalid.at(
            f"{path}, positions_mm",
            f"shape (frames, {len(joints)}, 3), found {positions_FJ3.shape}",
        )
    starts = np.concatenate([[0], ends[:-1]])
    if len(ends) != len(names) or (ends <= starts).any() or ends[-1] != len(positions_FJ3):
        raise Invalid.at(f"{path}, clip_ends", f"rising ends, the last {len(positions_FJ3)}")
    for name, start, end in zip(names, starts, ends, strict=True):
        # The first frame of each clip is the rest pose.
        clip = positions_FJ3[start + 1 : end].astype(np.float64)
        yield str(name), Motion(tuple(map(str, joints)), clip, None, float(fps))


def _arrays(path: Path) -> list[NDArray[Any]]:
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            for key in KEYS:
                if key not in file:
                    raise Invalid.at(f"{path}, {key}", "an array of that name")
            return [file[key] for key in KEYS]
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise Invalid.at(str(path), f"a file of arrays (.npz): {error}") from error
