"""The prepared files: motion without a camera, and recordings of videos."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.array_types import Doubles, Floats
from training.config.mixture import GROUPS
from training.data.datasets.actions import group_of
from training.data.datasets.clips import Arrays, Clips, Names, Summary, check_layouts, check_shapes


@dataclass(frozen=True)
class MotionSet(Clips):
    """Motion without a camera. World axes y up, right-handed, metres."""

    what: ClassVar[str] = "a prepared motion file (.npz)"
    per_frame: ClassVar[Names] = ("positions",)
    per_clip: ClassVar[dict[str, str]] = {
        **Clips.per_clip,
        "sources": "U",
        "original_fps": "f",
        "groups": "U",
    }

    positions: Floats
    """(frames, points, 3)"""
    sources: Names
    original_fps: Doubles
    joint_names: Names
    groups: Names = ()
    """Per clip: one of ``actions.GROUPS``; by its action where a file has none."""

    def __post_init__(self) -> None:
        if not self.groups:
            object.__setattr__(self, "groups", tuple(map(group_of, self.actions)))

    def clip(self, index: int) -> Floats:
        """The positions of one clip, (T, points, 3)."""
        return self.positions[self.frames(index)]

    def summary(self, uses_groups: bool = False) -> Summary:
        """What is trained on where this set is; with its groups where a mixture draws by them."""
        summary = self._summary("h36m17", recorded=False)
        if not uses_groups:
            return summary
        content = hashlib.sha256("\n".join([summary.identity, *self.groups]).encode())
        return replace(summary, identity=content.hexdigest()[:16])

    @classmethod
    def check(cls, arrays: Arrays, path: Path) -> None:
        """See that positions are finite, of all the joints named."""
        positions, joints = arrays["positions"], arrays["joint_names"]
        if positions.dtype != np.float32 or positions.shape[1:] != (len(joints), 3):
            found = f"{positions.dtype} of {positions.shape}"
            expected = f"float32 of shape (frames, {len(joints)}, 3), found {found}"
            raise InvalidInput.at(f"{path}, positions", expected)
        if unknown := set(map(str, arrays.get("groups", ()))) - set(GROUPS):
            found = ", ".join(sorted(unknown))
            raise InvalidInput.at(f"{path}, groups", f"of {', '.join(GROUPS)}, found {found}")
        if not np.isfinite(positions).all():
            frame = int(np.argmin(np.isfinite(positions).all(axis=(1, 2))))
            raise InvalidInput.at(f"{path}, positions, frame {frame}", "finite numbers")


@dataclass(frozen=True)
class Recording:
    """One video of a set: a person in one camera, in the units of `RecordingSet`."""

    name: str
    subject: str
    action: str
    held_out: bool
    camera_name: str
    image_size: Sequence[float] | Doubles
    camera_9: Sequence[float] | Doubles
    keypoints_TJ3: Floats
    positions_TK3: Floats


@dataclass(frozen=True)
class RecordingSet(Clips):
    """Videos of one person each, all in one layout of keypoints and one skeleton."""

    what: ClassVar[str] = "a prepared file of recordings (.npz)"
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
    image_sizes: Doubles
    """(videos, 2): width and height in pixels."""
    cameras: Doubles
    """(videos, 9): focal length x y and principal point x y in pixels, radial distortion k1 k2 k3
    and tangential p1 p2 as ``training.data.projection`` takes them; NaN where unknown."""
    keypoint_format: str
    skeleton: str

    @classmethod
    def of(
        cls,
        videos: Sequence[Recording],
        fps: float,
        keypoint_format: str,
        skeleton: str,
        origin: str,
    ) -> Self:
        """Videos end to end."""
        lengths = [len(video.keypoints_TJ3) for video in videos]
        return cls(
            keypoints=np.concatenate([video.keypoints_TJ3 for video in videos]),
            positions=np.concatenate([video.positions_TK3 for video in videos]),
            clip_ends=np.cumsum(lengths, dtype=np.int64),
            names=tuple(video.name for video in videos),
            subjects=tuple(video.subject for video in videos),
            actions=tuple(video.action for video in videos),
            held_out=np.array([video.held_out for video in videos], dtype=np.bool_),
            fps=fps,
            camera_names=tuple(video.camera_name for video in videos),
            image_sizes=np.array([video.image_size for video in videos]),
            cameras=np.array([video.camera_9 for video in videos]),
            keypoint_format=keypoint_format,
            skeleton=skeleton,
            origin=origin,
        )

    def summary(self) -> Summary:
        """What is trained on where this set is."""
        return self._summary(self.skeleton, recorded=True)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Per video: whether the poses of all of its frames are known."""
        known = np.isfinite(self.positions)
        return np.array([known[self.frames(n)].all() for n in range(len(self))], dtype=np.bool_)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file written by `save`, with no pickles; `InvalidInput` names what is wrong.

        The poses of a video have to be known in all of its frames, with all joints, or in none: one
        that is known in part would be taken for one of which nothing is known.
        """
        loaded = super().load(path)
        finite = np.isfinite(loaded.positions)
        for index, name in enumerate(loaded.names):
            part = finite[loaded.frames(index)]
            if part.any() and not part.all():
                frame = int(np.argmin(part.reshape(len(part), -1).all(axis=1)))
                raise InvalidInput.at(
                    f"{path}, positions of {name}, frame {frame}",
                    "finite numbers; or nothing but NaN in all frames of it, if unknown",
                )
        return loaded

    @classmethod
    def check(cls, arrays: Arrays, path: Path) -> None:
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
            expected_score = "finite numbers; a missing joint has score 0"
            raise InvalidInput.at(f"{path}, keypoints", expected_score)
