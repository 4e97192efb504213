"""Nested data from files of others, read with errors that say where in the file they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles

Shape = tuple[int | str, ...]
"""Lengths, and names of those that may be anything: ``("frames", 17, 3)``."""


@dataclass(frozen=True)
class Tree:
    """A value and its place: ``data.npz, positions_3d['S1']['Walking 1']``."""

    where: str
    value: Any

    def wrong(self, expected: str) -> InvalidInput:
        """The error that something else is expected here."""
        return InvalidInput.at(self.where, expected)

    def names(self) -> tuple[str, ...]:
        """The keys of a dictionary, which must be texts."""
        if not isinstance(self.value, Mapping):
            raise self.wrong(f"a dictionary, found {type(self.value).__name__}")
        if not all(isinstance(key, str) for key in self.value):
            raise self.wrong("texts as keys")
        return tuple(map(str, self.value))

    def __contains__(self, key: str) -> bool:
        return key in self.names()

    def __getitem__(self, key: str) -> "Tree":
        if key not in self:
            found = ", ".join(map(repr, self.names())) or "none"
            raise self.wrong(f"a key {key!r}, found {found}")
        return Tree(f"{self.where}[{key!r}]", self.value[key])

    def entries(self) -> list["Tree"]:
        """The entries of a list, or of an array along its first axis."""
        is_array = isinstance(self.value, np.ndarray) and self.value.ndim > 0
        if not is_array and not isinstance(self.value, list | tuple):
            raise self.wrong(f"a list, found {type(self.value).__name__}")
        return [Tree(f"{self.where}[{i}]", value) for i, value in enumerate(self.value)]

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self.wrong(f"a text, found {type(self.value).__name__}")
        return str(self.value)

    def floats(self, *shapes: Shape) -> Doubles:
        """Numbers of one of these shapes."""
        try:
            array = np.asarray(self.value)
        except ValueError:  # rows of different lengths
            raise self.wrong("numbers in rows of one length") from None
        if array.dtype.kind not in "iuf":
            raise self.wrong(f"numbers, found {array.dtype}")
        if not any(_fits(array.shape, shape) for shape in shapes):
            wanted = " or ".join(map(_shape_text, shapes))
            raise self.wrong(f"shape {wanted}, found {array.shape}")
        if "frames" in shapes[0] and len(array) == 0:
            raise self.wrong("at least one frame")
        return array.astype(np.float64)

    def finite(self, *shapes: Shape) -> Doubles:
        """Numbers of one of these shapes, none of them NaN or infinite."""
        array = self.floats(*shapes)
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            place = f" in frame {bad[0][0]}" if "frames" in shapes[0] else ""
            raise self.wrong(f"finite numbers, found {array[tuple(bad[0])]}{place}")
        return array


def _fits(found: tuple[int, ...], shape: Shape) -> bool:
    return len(found) == len(shape) and all(
        isinstance(wanted, str) or length == wanted
        for length, wanted in zip(found, shape, strict=True)
    )


def _shape_text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
