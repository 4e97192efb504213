"""Files of clips one after the other, and data sets: clips of subjects who do something.

They are files of arrays (.npz): read whole, without pickles; written whole or not at all.
"""

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS

Arrays = dict[str, NDArray[Any]]
_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    BadZipFile,
    zlib.error,
    AttributeError,  # of a file with a single array, and of one with a single number
    TypeError,
)
"""What NumPy raises on files that hold something else, or are damaged."""


def read_arrays(
    path: Path,
    keys: Sequence[str],
    what: str = "a file of arrays (.npz)",
    optional: Sequence[str] = (),
) -> Arrays:
    """The arrays of these names; `InvalidInput` names the file and what is missing or wrong.

    Those of ``optional`` are among them where the file has them.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            for key in keys:
                if key not in file:
                    raise InvalidInput.at(f"{path}, {key}", "an array of that name")
            return {key: file[key] for key in (*keys, *(key for key in optional if key in file))}
    except _UNREADABLE as error:
        raise InvalidInput.at(str(path), f"{what}: {error}") from error


def keys_of(path: Path) -> list[str]:
    """The names of the arrays in a file; `InvalidInput` if it is none."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return list(file)
    except _UNREADABLE as error:
        raise InvalidInput.at(str(path), f"a file that training.prepare writes: {error}") from error


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write the file under another name, then put it in place at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial.npz")
    try:
        np.savez(partial, **arrays)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


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
    skeleton: str
    """Whose joints the poses have: a name of ``poselift.skeletons``."""
    origin: str
    """The attribution of the data, which its users have to repeat."""
    recorded: bool = field(default=False, compare=False)
    """By cameras, at this frame rate; motion is projected anew in every epoch, at others too.
    Older checkpoints lack this, so it does not take part in comparisons."""


@dataclass(frozen=True)
class ClipFile:
    """Clips end to end, in some arrays with a row for each frame, as a file holds them."""

    what: ClassVar[str]
    """The kind of file, for errors."""
    per_frame: ClassVar[Names]
    """The fields that have a row for each frame."""
    per_clip: ClassVar[dict[str, str]] = {"clip_ends": "i", "names": "U"}
    """The fields that have an entry for each clip, and the kind of their arrays in a file."""

    clip_ends: Indices
    """One past the last frame of each clip."""
    names: Names
    fps: float

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

    def arrays(self) -> dict[str, Any]:
        """Everything by its name, to be written to a file."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file written by `save`, with no pickles; `InvalidInput` names what is wrong."""
        needed = [field.name for field in fields(cls) if field.default is MISSING]
        optional = [field.name for field in fields(cls) if field.default is not MISSING]
        arrays = read_arrays(path, needed, cls.what, optional)
        cls.check(arrays, path)
        per_clip = {name: kind for name, kind in cls.per_clip.items() if name in arrays}
        check_clips(arrays, per_clip, len(arrays[cls.per_frame[0]]), path)
        found = [field for field in fields(cls) if field.name in arrays]
        return cls(**{field.name: _value(arrays[field.name], field.type) for field in found})

    @classmethod
    def check(cls, arrays: Arrays, path: Path) -> None:
        """See that the arrays with a row for each frame are as they should be."""
        raise NotImplementedError


def _value(array: NDArray[Any], kind: Any) -> Any:  # noqa: ANN401
    """An array as the value of a field of this type."""
    if kind is float or kind is str:
        return kind(array)
    return tuple(map(str, array)) if kind == Names else array


@dataclass(frozen=True)
class Clips(ClipFile):
    """Clips of a data set, each of a subject who does something."""

    per_clip: ClassVar[dict[str, str]] = {
        **ClipFile.per_clip,
        "subjects": "U",
        "actions": "U",
        "held_out": "b",
    }

    subjects: Names
    """Who moves; no subject is on both sides of the split."""
    actions: Names
    held_out: NDArray[np.bool_]
    """Per clip: kept from training."""
    origin: str

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
        total = int(self.clip_ends[-1]) if len(self) else 0
        lengths = [len(range(*piece.indices(total))) for _, piece in chosen]
        changed["clip_ends"] = np.cumsum(lengths, dtype=np.int64)
        return replace(self, **changed)

    def downsampled(self, factor: int) -> Self:
        """One of every ``factor`` frames of each clip, as if recorded at a lower rate."""
        parts = map(self.frames, range(len(self)))
        pieces = [slice(part.start, part.stop, factor) for part in parts]
        return replace(self.cut(enumerate(pieces)), fps=self.fps / factor)

    def shortened(self, share: float) -> Self:
        """The first part of each clip: at least a frame."""
        counts = [max(1, round(share * int(length))) for length in self.lengths]
        starts = self.clip_starts.tolist()
        pieces = [slice(a, a + count) for a, count in zip(starts, counts, strict=True)]
        return self.cut(enumerate(pieces))

    def _summary(self, skeleton: str, recorded: bool) -> Summary:
        content = hashlib.sha256()
        for name in self.per_frame:
            content.update(np.ascontiguousarray(getattr(self, name)).data)
        content.update(self.clip_ends.tobytes() + self.held_out.tobytes())
        minutes = float(self.lengths[~self.held_out].sum()) / self.fps / 60
        return Summary(
            identity=content.hexdigest()[:16],
            fps=self.fps,
            minutes=round(minutes, 1),
            subjects=tuple(sorted({self.subjects[n] for n in np.flatnonzero(~self.held_out)})),
            skeleton=skeleton,
            origin=self.origin,
            recorded=recorded,
        )


def check_clips(arrays: Arrays, per_clip: dict[str, str], frames: int, path: Path) -> None:
    """See that there is one entry for each clip, and that the clips cover the frames."""
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
    """See that the keypoint format and the skeleton are known ones."""
    layouts = {"keypoint_format": FORMATS, "skeleton": SKELETONS}
    for key, known in layouts.items():
        if arrays[key].shape != () or str(arrays[key]) not in known:
            raise InvalidInput.at(f"{path}, {key}", f"one of {', '.join(known)}")


def check_shapes(arrays: Arrays, expected: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """See that arrays are of numbers, and of these shapes."""
    for key, shape in expected.items():
        if arrays[key].dtype.kind != "f" or arrays[key].shape != shape:
            raise InvalidInput.at(
                f"{path}, {key}", f"numbers of shape {shape}, found {arrays[key].shape}"
            )


def those_of(names: Sequence[str], wanted: Sequence[str]) -> Indices:
    """The places of names that begin with one of those wanted."""
    return np.flatnonzero([name.startswith(tuple(wanted)) for name in names])
