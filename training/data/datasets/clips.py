"""What all data sets are: clips one after the other, each of a subject who does something."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.data.datasets.arrays import Arrays

Names = tuple[str, ...]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Summary:
    """What a model was trained on, kept in its checkpoints."""

    identity: str
    """A hash of all there is per frame, and of which clips are held out."""
    fps: float
    minutes: float
    """Of the clips that are trained on."""
    subjects: Names
    """Who is trained on."""
    skeleton: str
    """Whose joints the poses have: a name of ``poselift.skeletons``."""
    origin: str
    """The attribution of the data, which its users have to repeat."""
    recorded: bool = field(default=False, compare=False)
    """By cameras, at this frame rate; motion is projected anew in every epoch, at others too.
    Older checkpoints lack this, so it does not take part in comparisons."""


@dataclass(frozen=True)
class Clips:
    """Clips end to end, in some arrays with a row for each frame."""

    per_frame: ClassVar[Names]
    """The fields that have a row for each frame."""
    per_clip: ClassVar[dict[str, str]] = {
        "clip_ends": "i",
        "names": "U",
        "subjects": "U",
        "actions": "U",
        "held_out": "b",
    }
    """The fields that have an entry for each clip, and the kind of their arrays in a file."""

    clip_ends: Indices
    """One past the last frame of each clip."""
    names: Names
    subjects: Names
    """Who moves; no subject is on both sides of the split."""
    actions: Names
    held_out: NDArray[np.bool_]
    """Per clip: kept from training."""
    fps: float
    origin: str
    """The attribution of the data, which its users have to repeat."""

    def __len__(self) -> int:
        """The number of clips."""
        return len(self.names)

    @property
    def clip_starts(self) -> Indices:
        """The first frame of each clip."""
        return np.concatenate([np.zeros(1, np.int64), self.clip_ends])[: len(self.clip_ends)]

    @property
    def lengths(self) -> Indices:
        """The number of frames of each clip."""
        return self.clip_ends - self.clip_starts

    def frames(self, index: int) -> slice:
        """Where one clip lies."""
        return slice(int(self.clip_starts[index]), int(self.clip_ends[index]))

    def split(self, *, held_out: bool) -> Self:
        """The clips of one side of the split."""
        return self.select(np.flatnonzero(self.held_out == held_out))

    def select(self, clips: Iterable[Any]) -> Self:
        """A set of some of the clips, in the order given."""
        return self.cut((int(index), self.frames(int(index))) for index in clips)

    def cut(self, pieces: Iterable[tuple[int, slice]]) -> Self:
        """A set of pieces: the number of the clip each is from, and which rows it has of it.

        Rows are copied, so that clips adjoin again.
        """
        chosen = list(pieces)
        changed: dict[str, Any] = {}
        for name in self.per_frame:
            rows = getattr(self, name)
            changed[name] = np.concatenate([rows[:0], *(rows[piece] for _, piece in chosen)])
        for name in self.per_clip:
            values = getattr(self, name)
            picked = [values[index] for index, _ in chosen]
            is_array = isinstance(values, np.ndarray)
            changed[name] = np.array(picked, values.dtype) if is_array else tuple(picked)
        lengths = [len(range(*piece.indices(self._length))) for _, piece in chosen]
        changed["clip_ends"] = np.cumsum(lengths, dtype=np.int64)
        return replace(self, **changed)

    def downsampled(self, factor: int) -> Self:
        """One of every ``factor`` frames of each clip, as if recorded at a lower rate."""
        pieces = ((n, slice(*self._bounds(n), factor)) for n in range(len(self)))
        return replace(self.cut(pieces), fps=self.fps / factor)

    def shortened(self, share: float) -> Self:
        """The first part of each clip: at least a frame."""
        pieces = []
        for number, length in enumerate(self.lengths):
            start, _ = self._bounds(number)
            pieces.append((number, slice(start, start + max(1, round(share * int(length))))))
        return self.cut(pieces)

    def _bounds(self, index: int) -> tuple[int, int]:
        part = self.frames(index)
        return part.start, part.stop

    @property
    def _length(self) -> int:
        return int(self.clip_ends[-1]) if len(self) else 0

    def _summary(self, skeleton: str, recorded: bool) -> Summary:
        content = hashlib.sha256()
        for name in self.per_frame:
            content.update(np.ascontiguousarray(getattr(self, name)).data)
        content.update(self.clip_ends.tobytes() + self.held_out.tobytes())
        minutes = float(self.lengths[~self.held_out].sum()) / self.fps / 60
        trained = {self.subjects[n] for n in np.flatnonzero(~self.held_out)}
        identity = content.hexdigest()[:16]
        subjects = tuple(sorted(trained))
        minutes = round(minutes, 1)
        return Summary(identity, self.fps, minutes, subjects, skeleton, self.origin, recorded)

    def arrays(self) -> dict[str, Any]:
        """Everything by its name, to be written to a file."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}


def check_clips(arrays: Arrays, per_clip: dict[str, str], frames: int, path: Path) -> None:
    """See that there is one entry for each clip, and that the clips cover the frames.

    Raises:
        InvalidInput: naming the array, and what was expected of it.
    """
    clips = arrays["clip_ends"].shape
    for key, kind in per_clip.items():
        if arrays[key].dtype.kind != kind or arrays[key].shape[:1] != clips or len(clips) != 1:
            raise InvalidInput.at(
                f"{path}, {key}", f"one value of kind '{kind}' for each of the clips"
            )
    ends: Indices = arrays["clip_ends"].astype(np.int64)
    if len(ends) == 0 or (np.diff(ends, prepend=0) <= 0).any() or ends[-1] != frames:
        raise InvalidInput.at(f"{path}, clip_ends", f"rising numbers, the last {frames}")
    if arrays["fps"].shape != () or not float(arrays["fps"].astype(np.float64)) > 0:
        raise InvalidInput.at(f"{path}, fps", "one positive number")


def check_layouts(arrays: Arrays, path: Path) -> None:
    """See that the keypoint format and the skeleton are known ones.

    Raises:
        InvalidInput: naming the array, and what was expected of it.
    """
    layouts = {"keypoint_format": FORMATS, "skeleton": SKELETONS}
    for key, known in layouts.items():
        if arrays[key].shape != () or str(arrays[key]) not in known:
            raise InvalidInput.at(f"{path}, {key}", f"one of {', '.join(known)}")


def check_shapes(arrays: Arrays, expected: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """See that arrays are of numbers, and of these shapes.

    Raises:
        InvalidInput: naming the array, and what was expected of it.
    """
    for key, shape in expected.items():
        if arrays[key].dtype.kind != "f" or arrays[key].shape != shape:
            raise InvalidInput.at(
                f"{path}, {key}", f"numbers of shape {shape}, found {arrays[key].shape}"
            )


def as_names(array: NDArray[Any]) -> Names:
    """An array of texts as a tuple of them."""
    return tuple(map(str, array))


def those_of(names: Sequence[str], wanted: Sequence[str]) -> Indices:
    """The places of names that begin with one of those wanted."""
    return np.flatnonzero([name.startswith(tuple(wanted)) for name in names])
