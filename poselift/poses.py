"""Arrays of 3D poses: as a model gives them, and as callers get them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles, Floats, Qualities
from poselift.card import Card
from poselift.errors import InvalidInput
from poselift.imputation import JointQuality, Quality
from poselift.skeletons import H36M17, SKELETONS, Skeleton

Axes: TypeAlias = Literal["camera", "y_up", "z_up"]
"""``camera`` is x right, y down, z away from the camera; ``y_up`` is (x, −y, −z); ``z_up`` is
(x, z, −y): x right, y away, z up."""

_TURNS_33 = {
    "camera": np.eye(3, dtype=np.float32),
    "y_up": np.diag(np.array([1, -1, -1], np.float32)),
    "z_up": np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32),
}
"""From rows in camera axes to those of others."""
_NEGATED_X = np.array([-1, 1, 1], dtype=np.float32)


@dataclass(frozen=True)
class PoseArrays:
    """Poses and what comes with them; (…) are the leading axes of what the model was shown.

    Attributes:
        poses: (…, K, 3), metres.
        trajectory: the root's trajectory (…, 3), metres, of models that estimate it.
        expected_errors: how far from the truth each joint is likely to be (…, K), metres: the
            expectation over what the model cannot distinguish, of models that estimate it.
    """

    poses: Floats
    trajectory: Floats | None = None
    expected_errors: Floats | None = None

    def __len__(self) -> int:
        """The length of the first leading axis."""
        return len(self.poses)

    def __getitem__(self, rows: Any) -> Self:  # noqa: ANN401 - whatever indexes an array
        return self._map(lambda values: values[rows])

    def put(self, rows: Any, other: "PoseArrays") -> None:  # noqa: ANN401
        """Fill some rows of this, in place, with another's poses; qualities stay."""
        for name, values in PoseArrays.arrays(self).items():
            theirs = getattr(other, name)
            if theirs is not None:
                values[rows] = theirs

    def finite(self) -> Self:
        """Zero in place of NaN, the largest number in place of infinity."""
        return self._map(_finite)

    def _map(self, change: Callable[[Any], Any]) -> Self:
        return replace(self, **{name: change(array) for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays there are, by name."""
        arrays = {
            "poses": self.poses,
            "trajectory": self.trajectory,
            "expected_errors": self.expected_errors,
        }
        return {name: values for name, values in arrays.items() if values is not None}


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return values if np.isfinite(values).all() else np.nan_to_num(values)


@dataclass(frozen=True)
class ModelOutput(PoseArrays):
    """What a graph gives, in the model's own axes; ``Codec.decode`` turns it into ``Poses``."""

    @classmethod
    def of(cls, outputs: Mapping[str, Floats]) -> "ModelOutput":
        """What a graph gave, by the names of its outputs."""
        return cls(outputs["poses"], outputs.get("trajectory"), outputs.get("expected_errors"))

    @classmethod
    def blank(cls, card: Card, *lead: int) -> "ModelOutput":
        """Zeros for all that a model estimates."""
        joints = len(card.output.joints)
        shapes = {"poses": (joints, 3), "trajectory": (3,), "expected_errors": (joints,)}
        names = (name for name in card.graph.outputs if name in shapes)
        return cls.of({name: np.zeros((*lead, *shapes[name]), np.float32) for name in names})

    def mirrored(self, mirror: tuple[int, ...]) -> "ModelOutput":
        """As seen in a mirror: x negated, left and right joints swapped by a permutation."""
        order = list(mirror)
        return ModelOutput(
            self.poses[..., order, :] * _NEGATED_X,
            None if self.trajectory is None else self.trajectory * _NEGATED_X,
            None if self.expected_errors is None else self.expected_errors[..., order],
        )

    def mean_with(self, other: "ModelOutput") -> "ModelOutput":
        """The average of two, array by array."""
        theirs = other.arrays()
        means = {
            name: (mine + theirs[name]) * np.float32(0.5) for name, mine in self.arrays().items()
        }
        return ModelOutput.of(means)


@dataclass(frozen=True)
class PoseWarning:
    """Something about the input that makes the poses doubtful; ``code`` never changes."""

    code: str
    detail: str
    frames: tuple[int, int] | None = None
    """The first and the last frame concerned, if not all are."""
    track_id: str | None = None
    """Of a live session, the person concerned."""


@dataclass(frozen=True)
class Poses(PoseArrays):
    """The poses of T frames of a person, or of one frame of several people.

    Poses are relative to the root joint; poses and trajectory are in camera axes (x right, y down,
    z away from the camera) unless others were asked for. Rows of unknown quality are zero.

    Attributes:
        quality: codes of ``poselift.imputation.Quality`` (T,).
        joint_quality: codes of ``poselift.imputation.JointQuality`` (T, J) of the caller's joints.
        first_frame: the number of the first frame in the source.
        warnings: what is doubtful about the input.
        fps: frames per second, by the median step of timestamps if there are some; None where it
            is not known.
        timestamps_s: the time of each frame (T,), seconds, of clips that came with timestamps.
        axes: those of poses and trajectory.
        skeleton: the name of the joints' skeleton in ``poselift.SKELETONS``.
    """

    quality: Qualities = field(kw_only=True)
    joint_quality: Qualities | None = field(default=None, kw_only=True)
    first_frame: int = field(default=0, kw_only=True)
    warnings: tuple[PoseWarning, ...] = field(default=(), kw_only=True)
    fps: float | None = field(default=None, kw_only=True)
    timestamps_s: Doubles | None = field(default=None, kw_only=True)
    axes: Axes = field(default="camera", kw_only=True)
    skeleton: str = field(default=H36M17.name, kw_only=True)

    @classmethod
    def blank(cls, card: Card, quality: Qualities) -> "Poses":
        """Zeros for all that a model estimates, of frames or people of these qualities."""
        room = ModelOutput.blank(card, len(quality))
        return cls(room.poses, room.trajectory, room.expected_errors, quality=quality)

    def __getitem__(self, frames: slice) -> "Poses":
        """Those of consecutive frames, as in ``poses[10:20]``; ``warnings`` stay the clip's.

        Raises:
            InvalidInput: frames are left out or turned around, which ``first_frame`` cannot tell.
        """
        if not isinstance(frames, slice) or frames.step not in {None, 1}:
            found = frames if isinstance(frames, slice) else type(frames).__name__
            raise InvalidInput.at(
                "poses",
                "consecutive frames, as in poses[10:20], since others have no number and time "
                f"here; found {found}. poses.poses and the other arrays take any index",
            )
        start, _, _ = frames.indices(len(self))
        return replace(self.rows(frames), first_frame=self.first_frame + start)

    def rows(self, rows: Any) -> "Poses":  # noqa: ANN401 - whatever indexes an array
        """Those of some people of one frame; all that is not an array stays."""
        # All fields are spelled out, for speed: each live frame comes through here.
        trajectory, errors, qualities = self.trajectory, self.expected_errors, self.joint_quality
        times = self.timestamps_s
        return Poses(
            self.poses[rows],
            None if trajectory is None else trajectory[rows],
            None if errors is None else errors[rows],
            quality=self.quality[rows],
            joint_quality=None if qualities is None else qualities[rows],
            first_frame=self.first_frame,
            warnings=self.warnings,
            fps=self.fps,
            timestamps_s=None if times is None else times[rows],
            axes=self.axes,
            skeleton=self.skeleton,
        )

    def put_into(self, frames: slice, length: int, timestamps_s: Doubles | None = None) -> "Poses":
        """The same within a longer clip, of which all other frames are unknown.

        ``timestamps_s`` are those of the longer clip, if it has some.
        """
        if len(self) == length:
            return self
        counted = self.counted_from(frames.start)
        counted = replace(counted, first_frame=0, timestamps_s=timestamps_s)
        rooms = {
            name: np.zeros((length, *values.shape[1:]), values.dtype)
            for name, values in self.arrays().items()
        }
        rooms["quality"][:] = Quality.UNKNOWN
        if "joint_quality" in rooms:
            rooms["joint_quality"][:] = JointQuality.NEVER_SEEN
        for name, values in self.arrays().items():
            rooms[name][frames] = values
        return replace(counted, **cast("dict[str, Any]", rooms))

    def counted_from(self, first_frame: int) -> "Poses":
        """With the numbers that frames have in their source, in warnings too."""
        if first_frame == 0:
            return self
        warnings = tuple(
            replace(each, frames=(each.frames[0] + first_frame, each.frames[1] + first_frame))
            if each.frames
            else each
            for each in self.warnings
        )
        return replace(self, first_frame=first_frame, warnings=warnings)

    def in_axes(self, axes: Axes) -> "Poses":
        """The same in the axes asked for."""
        if axes == self.axes:
            return self
        turn_33 = _TURNS_33[self.axes].T @ _TURNS_33[axes]
        trajectory = None if self.trajectory is None else self.trajectory @ turn_33
        return replace(self, poses=self.poses @ turn_33, trajectory=trajectory, axes=axes)

    @property
    def known_skeleton(self) -> Skeleton:
        """The skeleton of the joints.

        Raises:
            InvalidInput: there is none of this name, or it has other joints.
        """
        skeleton = SKELETONS.get(self.skeleton)
        if skeleton is None or self.poses.shape[1:] != (len(skeleton.joints), 3):
            known = " or ".join(
                f"{name} ({len(each.joints)} joints)" for name, each in SKELETONS.items()
            )
            found = f"{self.skeleton!r} with poses {self.poses.shape}"
            raise InvalidInput.at("skeleton", f"{known}, found {found}")
        return skeleton

    @property
    def times_s(self) -> Doubles:
        """When each frame (T,) was, in seconds: its timestamp, or its number by the frame rate.

        Raises:
            InvalidInput: neither timestamps nor a frame rate are known.
        """
        if self.timestamps_s is not None:
            return self.timestamps_s
        return (self.first_frame + np.arange(len(self))) / self.known_fps

    @property
    def known_fps(self) -> float:
        """The frame rate.

        Raises:
            InvalidInput: it is not known.
        """
        if self.fps is None:
            raise InvalidInput.at("fps", "frames per second, which poselift.lift fills in")
        return self.fps

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays there are, by name."""
        arrays = super().arrays() | {"quality": self.quality}
        if self.joint_quality is not None:
            arrays["joint_quality"] = self.joint_quality
        return arrays
