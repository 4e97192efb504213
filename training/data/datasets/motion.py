"""The prepared motion file: clips of one skeleton, in metres, at one frame rate."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles, Floats
from training.data.datasets.arrays import Arrays
from training.data.datasets.clips import Clips, Names, Summary


@dataclass(frozen=True)
class MotionSet(Clips):
    """Motion without a camera. World axes y up, right-handed, metres."""

    what: ClassVar[str] = "a prepared motion file (.npz)"
    per_frame: ClassVar[Names] = ("positions",)
    per_clip: ClassVar[dict[str, str]] = {**Clips.per_clip, "sources": "U", "original_fps": "f"}

    positions: Floats
    """(frames, points, 3)"""
    sources: Names
    original_fps: Doubles
    joint_names: Names

    def clip(self, index: int) -> Floats:
        """The positions of one clip, (T, points, 3)."""
        return self.positions[self.frames(index)]

    def summary(self) -> Summary:
        """What is trained on where this set is."""
        return self._summary("h36m17", recorded=False)

    @classmethod
    def check(cls, arrays: Arrays, path: Path) -> None:
        """See that positions are finite, of all the joints named."""
        positions, joints = arrays["positions"], arrays["joint_names"]
        if positions.dtype != np.float32 or positions.shape[1:] != (len(joints), 3):
            found = f"{positions.dtype} of {positions.shape}"
            expected = f"float32 of shape (frames, {len(joints)}, 3), found {found}"
            raise InvalidInput.at(f"{path}, positions", expected)
        if not np.isfinite(positions).all():
            frame = int(np.argmin(np.isfinite(positions).all(axis=(1, 2))))
            raise InvalidInput.at(f"{path}, positions, frame {frame}", "finite numbers")
