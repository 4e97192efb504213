"""The prepared motion file: clips of one skeleton, in metres, at one frame rate."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from training.data.datasets.arrays import Arrays, read_arrays, write_arrays
from training.data.datasets.clips import Clips, Names, Summary, as_names, check_clips


@dataclass(frozen=True)
class MotionSet(Clips):
    """Motion without a camera. World axes y up, right-handed, metres."""

    per_frame: ClassVar[Names] = ("positions",)
    per_clip: ClassVar[dict[str, str]] = {**Clips.per_clip, "sources": "U", "original_fps": "f"}

    positions: NDArray[np.float32]
    """(frames, points, 3)"""
    sources: Names
    original_fps: NDArray[np.float64]
    joint_names: Names

    def clip(self, index: int) -> NDArray[np.float32]:
        """The positions of one clip, (T, points, 3)."""
        return self.positions[self.frames(index)]

    def summary(self) -> Summary:
        """What is trained on where this set is."""
        return self._summary("h36m17", recorded=False)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: Path) -> "MotionSet":
        """Read a file written by `save`, with no pickles; `InvalidInput` names what is wrong."""
        keys = ("positions", "joint_names", "fps", "origin", *cls.per_clip)
        arrays = read_arrays(path, keys, "a prepared motion file (.npz)")
        _check_positions(arrays, path)
        check_clips(arrays, cls.per_clip, len(arrays["positions"]), path)
        return cls(
            positions=arrays["positions"],
            clip_ends=arrays["clip_ends"],
            names=as_names(arrays["names"]),
            subjects=as_names(arrays["subjects"]),
            actions=as_names(arrays["actions"]),
            sources=as_names(arrays["sources"]),
            original_fps=arrays["original_fps"],
            held_out=arrays["held_out"],
            fps=float(arrays["fps"]),
            origin=str(arrays["origin"]),
            joint_names=as_names(arrays["joint_names"]),
        )


def _check_positions(arrays: Arrays, path: Path) -> None:
    positions, joints = arrays["positions"], arrays["joint_names"]
    if positions.dtype != np.float32 or positions.shape[1:] != (len(joints), 3):
        raise InvalidInput.at(
            f"{path}, positions",
            f"float32 of shape (frames, {len(joints)}, 3), "
            f"found {positions.dtype} of {positions.shape}",
        )
    if not np.isfinite(positions).all():
        frame = int(np.argmin(np.isfinite(positions).all(axis=(1, 2))))
        raise InvalidInput.at(f"{path}, positions, frame {frame}", "finite numbers")
