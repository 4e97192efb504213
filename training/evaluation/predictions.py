"""The file of predictions: what a model predicts of some clips, and the true poses if known."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.data.datasets.arrays import Arrays, read_arrays, write_arrays
from training.data.datasets.clips import (
    Indices,
    Names,
    as_names,
    check_clips,
    check_layouts,
    check_shapes,
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Predictions:
    """Clips end to end, as the model was given them and as it lifted them."""

    per_clip: ClassVar[dict[str, str]] = {"clip_ends": "i", "names": "U"}
    """The fields that have an entry for each clip, and the kind of their arrays in a file."""

    names: Names
    clip_ends: Indices
    """One past the last frame of each clip."""
    keypoints: Floats
    """(frames, J, 2): what the model was given, x and y (down), normalised."""
    poses: Floats
    """(frames, K, 3): the joints it predicts, relative to the root, in camera axes (x right,
    y down, z away), metres."""
    targets: Floats
    """(frames, K, 3): where they truly are, like `poses`; NaN where unknown."""
    trajectory: Floats
    """(frames, 3): of the root, as it predicts it, in camera axes, metres; NaN where there
    is none."""
    fps: float
    keypoint_format: str
    skeleton: str

    def __len__(self) -> int:
        """The number of clips."""
        return len(self.names)

    def frames(self, index: int) -> slice:
        """Where one clip lies."""
        start = self.clip_ends[index - 1] if index else 0
        return slice(int(start), int(self.clip_ends[index]))

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        write_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path) -> "Predictions":
        """Read a file written by `save`, with no pickles; `InvalidInput` names what is wrong."""
        keys = [field.name for field in fields(cls)]
        arrays = read_arrays(path, keys, "a file of predictions (.npz)")
        _check(arrays, path)
        check_clips(arrays, cls.per_clip, len(arrays["poses"]), path)
        return cls(
            names=as_names(arrays["names"]),
            clip_ends=arrays["clip_ends"].astype(np.int64),
            keypoints=arrays["keypoints"].astype(np.float32),
            poses=arrays["poses"].astype(np.float32),
            targets=arrays["targets"].astype(np.float32),
            trajectory=arrays["trajectory"].astype(np.float32),
            fps=float(arrays["fps"]),
            keypoint_format=str(arrays["keypoint_format"]),
            skeleton=str(arrays["skeleton"]),
        )


def _check(arrays: Arrays, path: Path) -> None:
    """See that names are known, and that shapes agree with them and with each other."""
    check_layouts(arrays, path)
    frames = arrays["poses"].shape[0] if arrays["poses"].ndim else 0
    joints = len(SKELETONS[str(arrays["skeleton"])].joints)
    expected = {
        "poses": (frames, joints, 3),
        "targets": (frames, joints, 3),
        "keypoints": (frames, len(FORMATS[str(arrays["keypoint_format"])].joints), 2),
        "trajectory": (frames, 3),
    }
    check_shapes(arrays, expected, path)
    for key in ("keypoints", "poses"):
        if not np.isfinite(arrays[key]).all():
            raise InvalidInput.at(f"{path}, {key}", "finite numbers")
