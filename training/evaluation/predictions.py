"""The file of predictions: what a model predicts of some clips, and the true poses if known."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.array_types import Floats
from training.data.datasets.clips import Arrays, ClipFile, Names, check_layouts, check_shapes


@dataclass(frozen=True)
class Predictions(ClipFile):
    """Clips end to end, as the model was given them and as it lifted them."""

    what: ClassVar[str] = "a file of predictions (.npz)"
    per_frame: ClassVar[Names] = ("poses", "targets", "keypoints", "trajectory")

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
    keypoint_format: str
    skeleton: str

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file written by `save`, with no pickles; `InvalidInput` names what is wrong."""
        loaded = super().load(path)
        single = {name: getattr(loaded, name).astype(np.float32) for name in cls.per_frame}
        return replace(loaded, clip_ends=loaded.clip_ends.astype(np.int64), **single)

    @classmethod
    def check(cls, arrays: Arrays, path: Path) -> None:
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
