"""HDF5 files of strangers: only what lies in the file itself, and of bounded size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.readers.source import MOST_BYTES, Source
from poselift.readers.unpacking import check_ratio

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_MOST_NAMES: Final = 10_000
_MOST_RATIO: Final = 1_000
"""Of SLEAP's many tracks, most have a person for a moment, and nothing else."""


def root_names(source: Source) -> frozenset[str] | None:
    """The names in the root of an HDF5 file; None if it is none, or h5py is not installed."""
    if source.is_folder or not source.head.startswith(SIGNATURE):
        return None
    try:
        import h5py  # noqa: PLC0415

        with source.open() as content, h5py.File(content, "r") as file:
            return frozenset(list(file)[:_MOST_NAMES])
    except (ImportError, OSError, RuntimeError, ValueError, KeyError):
        return None


@contextmanager
def opened(source: Source) -> Iterator[Any]:
    """The file's root group.

    Raises:
        InvalidInput: h5py is not installed, or the file is damaged.
    """
    try:
        import h5py  # noqa: PLC0415
    except ImportError:
        expected = "h5py to read HDF5: pip install 'poselift[readers]'"
        raise InvalidInput.at(source.name, expected) from None
    try:
        with source.open() as content, h5py.File(content, "r") as file:
            yield file
    except InvalidInput:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput.at(source.name, f"an undamaged HDF5 file: {error}") from None


def dataset(group: Any, path: str, where: str) -> NDArray[Any]:  # noqa: ANN401 - h5py is optional
    """A dataset's values, if all of them lie in this file.

    Raises:
        InvalidInput: there is none of this path, it points elsewhere, or it is too large.
    """
    found = group
    for name in path.split("/"):
        found = member(found, name, f"{where}, {path}")
    if not hasattr(found, "shape"):
        raise InvalidInput.at(f"{where}, {path}", "a dataset, found a group")
    if found.is_virtual or found.external:
        raise InvalidInput.at(f"{where}, {path}", "values in the file, not in another")
    if found.dtype.hasobject:
        return _texts_of(found, f"{where}, {path}")
    # A chunk is unpacked whole, and may be larger than the dataset.
    shape = np.maximum(found.shape, found.chunks or 1).tolist()
    length = int(np.prod([*shape, found.dtype.itemsize], dtype=object))
    if length > MOST_BYTES:
        expected = f"{MOST_BYTES // 2**20} MiB at most, found {found.shape} of {found.dtype}"
        raise InvalidInput.at(f"{where}, {path}", expected)
    check_ratio(f"{where}, {path}", length, found.file.id.get_filesize(), _MOST_RATIO)
    values: NDArray[Any] = np.asarray(found[()])
    return values


def _texts_of(found: Any, where: str) -> NDArray[Any]:  # noqa: ANN401
    """A list of texts of any length, one by one: many may be one long text in the file."""
    if found.dtype.kind != "O" or len(found.shape) != 1 or found.shape[0] > _MOST_NAMES:
        raise InvalidInput.at(where, f"numbers, or a list of {_MOST_NAMES} names at most")
    names: list[Any] = []
    length = 0
    for place in range(found.shape[0]):
        names.append(found[place])
        length += len(names[-1]) if isinstance(names[-1], bytes | str) else MOST_BYTES
        if length >= MOST_BYTES:
            raise InvalidInput.at(where, f"names of {MOST_BYTES // 2**20} MiB in all at most")
    return np.array([*names, None], object)[:-1]


def member(group: Any, name: str, where: str) -> Any:  # noqa: ANN401
    """A group's member; links into other files are refused.

    Raises:
        InvalidInput: there is none, or it is such a link.
    """
    import h5py  # noqa: PLC0415

    if name not in group:
        raise InvalidInput.at(where, f"{name!r}, found {', '.join(list(group)[:20]) or 'nothing'}")
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise InvalidInput.at(where, "values in the file, not a link to others")
    return group[name]


def texts(values: NDArray[Any], where: str) -> list[str]:
    """An array of texts, as bytes or objects.

    Raises:
        InvalidInput: they are others.
    """
    listed = np.ravel(values).tolist()
    if len(listed) > _MOST_NAMES or not all(isinstance(each, bytes | str) for each in listed):
        raise InvalidInput.at(where, "a list of names")
    return [e.decode("utf-8", "replace") if isinstance(e, bytes) else e for e in listed]
