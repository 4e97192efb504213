"""What a model tells of frames, on its way to whoever asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poselift.card import Card
from poselift.normalisation import InverseTransform

Floats = NDArray[np.float32]

_Y_UP = np.array([1, -1, -1], dtype=np.float32)
_NEGATED_X = np.array([-1, 1, 1], dtype=np.float32)


@dataclass(frozen=True)
class ModelOutput:
    """Poses, and what else a model tells; the leading axes (…) are those of what it was shown.

    Attributes:
        poses: (…, K, 3), metres.
        trajectory: the root's path (…, 3), metres, of models that tell it.
        expected_errors: how far from the truth each joint is likely to be (…, K), metres: the mean
            over what the model cannot tell apart, of models that tell it.
    """

    poses: Floats
    trajectory: Floats | None = None
    expected_errors: Floats | None = None

    @classmethod
    def of(cls, outputs: Mapping[str, Floats]) -> "ModelOutput":
        """What a graph gave, by the names of its outputs."""
        return cls(outputs["poses"], outputs.get("trajectory"), outputs.get("expected_errors"))

    @classmethod
    def blank(cls, card: Card, *lead: int, fill: float = 0.0) -> "ModelOutput":
        """Room for all that a model tells."""
        joints = len(card.output.joints)
        shapes = {"poses": (joints, 3), "trajectory": (3,), "expected_errors": (joints,)}
        told = (name for name in card.graph.outputs if name in shapes)
        return cls.of({name: np.full((*lead, *shapes[name]), fill, np.float32) for name in told})

    def __getitem__(self, rows: Any) -> "ModelOutput":  # noqa: ANN401 - whatever indexes an array
        return self._each(lambda values: values[rows])

    def put(self, rows: Any, lifted: "ModelOutput") -> None:  # noqa: ANN401
        """Fill some rows of this with another's."""
        for mine, theirs in zip(self._all, lifted._all, strict=True):
            if mine is not None and theirs is not None:
                mine[rows] = theirs

    def mirrored(self, mirror: tuple[int, ...]) -> "ModelOutput":
        """As seen in a mirror: x negated, left and right joints exchanged by a permutation."""
        order = list(mirror)
        return ModelOutput(
            self.poses[..., order, :] * _NEGATED_X,
            None if self.trajectory is None else self.trajectory * _NEGATED_X,
            None if self.expected_errors is None else self.expected_errors[..., order],
        )

    def mean_with(self, other: "ModelOutput") -> "ModelOutput":
        """The average of two."""
        return self._each(lambda one, two: (one + two) * np.float32(0.5), other)

    def denormalised(self, inverse: InverseTransform, root: int) -> "ModelOutput":
        """In camera axes, poses relative to the root joint; ``inverse`` is of the same frames."""
        poses = inverse.poses(self.poses - self.poses[:, root, None])
        trajectory = None if self.trajectory is None else inverse.trajectory(self.trajectory)
        return ModelOutput(poses, trajectory, self.expected_errors)

    def finite(self) -> "ModelOutput":
        """Zero in place of what is not a number."""
        return self._each(np.nan_to_num)

    def in_axes(self, axes: str) -> "ModelOutput":
        """From camera axes (x right, y down, z away) to those asked for."""
        if axes == "camera":
            return self
        trajectory = None if self.trajectory is None else self.trajectory * _Y_UP
        return ModelOutput(self.poses * _Y_UP, trajectory, self.expected_errors)

    def _each(self, change: Callable[..., Floats], *others: "ModelOutput") -> "ModelOutput":
        columns = zip(*(each._all for each in (self, *others)), strict=True)
        poses, trajectory, errors = (
            None if any(values is None for values in column) else change(*column)
            for column in columns
        )
        assert poses is not None
        return ModelOutput(poses, trajectory, errors)

    @property
    def _all(self) -> tuple[Floats | None, Floats | None, Floats | None]:
        return self.poses, self.trajectory, self.expected_errors
