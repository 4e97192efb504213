"""The prepared file of recordings: what a detector found in videos, and the true poses if known."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.data.datasets.arrays import Arrays, read_arrays, write_arrays
from training.data.datasets.clips import (
    Clips,
    Names,
    Summary,
    as_names,
    check_clips,
    check_layouts,
    check_shapes,
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RecordingSet(Clips):
    """Videos of one person each, all in one layout of keypoints and one skeleton."""

    per_frame: ClassVar[Names] = ("keypoints", "positions")
    per_clip: ClassVar[dict[str, str]] = {
        **Clips.per_clip,
        "camera_names": "U",
        "image_sizes": "f",
        "cameras": "f",
    }

    keypoints: Floats
    """(frames, J, 3): x and y in pixels and a score, 0 where a joint is missing."""
    positions: Floats
    """(frames, K, 3): where the joints truly are, in camera axes (x right, y down, z away), metres;
    NaN where unknown."""
    camera_names: Names
    image_sizes: NDArray[np.float64]
    """(videos, 2): width and height in pixels."""
    cameras: NDArray[np.float64]
    """(videos, 9): focal length x y and principal point x y in pixels, radial distortion k1 k2 k3
    and tangential p1 p2 as ``training.data.projection`` takes them; NaN where unknown."""
    keypoint_format: str
    skeleton: str

    def summary(self) -> Summary:
        """What is trained on where this set is."""
        return self._summary(self.skeleton, recorded=True)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Per video: whether the poses of all of its frames are known."""
        known = np.isfinite(self.positions)
        return np.array([known[self.frames(n)].all() for n in range(len(self))], dtype=np.bool_)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: Path) -> "RecordingSet":
        """Read a file written by `save`, with no pickles; `InvalidInput` names what is wrong."""
        texts = ("keypoint_format", "skeleton", "origin")
        keys = (*cls.per_frame, *cls.per_clip, "fps", *texts)
        arrays = read_arrays(path, keys, "a prepared file of recordings (.npz)")
        _check(arrays, path)
        check_clips(arrays, cls.per_clip, len(arrays["keypoints"]), path)
        _check_positions(arrays, path)
        return cls(
            keypoints=arrays["keypoints"],
            positions=arrays["positions"],
            clip_ends=arrays["clip_ends"],
            names=as_names(arrays["names"]),
            subjects=as_names(arrays["subjects"]),
            actions=as_names(arrays["actions"]),
            held_out=arrays["held_out"],
            fps=float(arrays["fps"]),
            camera_names=as_names(arrays["camera_names"]),
            image_sizes=arrays["image_sizes"],
            cameras=arrays["cameras"],
            keypoint_format=str(arrays["keypoint_format"]),
            skeleton=str(arrays["skeleton"]),
            origin=str(arrays["origin"]),
        )


def _check(arrays: Arrays, path: Path) -> None:
    """See that names are known, and that shapes agree with them and with each other."""
    check_layouts(arrays, path)
    frames, clips = len(arrays["keypoints"]), len(arrays["clip_ends"])
    expected = {
        "keypoints": (frames, len(FORMATS[str(arrays["keypoint_format"])].joints), 3),
        "positions": (frames, len(SKELETONS[str(arrays["skeleton"])].joints), 3),
        "image_sizes": (clips, 2),
        "cameras": (clips, 9),
    }
    check_shapes(arrays, expected, path)
    if not np.isfinite(arrays["keypoints"]).all():
        raise InvalidInput.at(f"{path}, keypoints", "finite numbers; a missing joint has score 0")


def _check_positions(arrays: Arrays, path: Path) -> None:
    """See that the poses of a video are known in all of its frames, with all joints, or in none.

    One that is known in part would be taken for one of which nothing is known.
    """
    finite = np.isfinite(arrays["positions"])
    starts = np.concatenate([[0], arrays["clip_ends"][:-1]])
    for name, start, end in zip(arrays["names"], starts, arrays["clip_ends"], strict=True):
        part = finite[start:end]
        if part.any() and not part.all():
            frame = int(np.argmin(part.reshape(len(part), -1).all(axis=1)))
            raise InvalidInput.at(
                f"{path}, positions of {name}, frame {frame}",
                "finite numbers; or nothing but NaN in all frames of it, if unknown",
            )
