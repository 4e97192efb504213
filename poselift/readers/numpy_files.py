"""Arrays in NumPy's files, read without running anything in them and within bounds."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from tokenize import TokenError
from typing import IO, Any, Final
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.readers.source import MOST_BYTES, Source
from poselift.readers.unpacking import check_ratio

NPY: Final = b"\x93NUMPY"
ZIP: Final = b"PK\x03\x04"
_MOST_MEMBERS: Final = 10_000
_NUMBERS: Final = "buif"
DAMAGED: Final = (
    *(ValueError, OSError, EOFError, OverflowError, RuntimeError, SyntaxError, KeyError),
    *(BadZipFile, zlib.error, TokenError),
)
"""What reading a damaged array or archive raises."""


def read_npy(source: Source) -> NDArray[Any]:
    """The array of numbers in a .npy file.

    Raises:
        InvalidInput: it is damaged or too large, or its elements are no numbers.
    """
    with source.open() as file:
        return read_member(file, source.size, source.name)


def read_member(file: IO[bytes], size: int, where: str) -> NDArray[Any]:
    """The array of numbers in an open file of ``size`` bytes; raises as ``read_npy``."""
    try:
        shape, _, dtype = read_header(file)
    except DAMAGED as error:
        raise InvalidInput.at(where, f"an array of NumPy: {error}") from None
    if dtype.hasobject or dtype.kind not in _NUMBERS or dtype.fields is not None:
        raise InvalidInput.at(
            where, f"an array of numbers, found {dtype}; objects are pickled programs, never run"
        )
    length = int(np.prod([*shape, dtype.itemsize], dtype=object))
    if length > MOST_BYTES:
        raise InvalidInput.at(where, f"{MOST_BYTES // 2**20} MiB at most, found {shape} of {dtype}")
    if length > size:
        raise InvalidInput.at(where, f"{length} bytes of numbers, found {size}")
    try:
        file.seek(0)
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except DAMAGED as error:
        raise InvalidInput.at(where, f"an array of NumPy: {error}") from None
    return array


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type; raises ValueError if there is no such header."""
    formats = np.lib.format
    readers = {(1, 0): formats.read_array_header_1_0, (2, 0): formats.read_array_header_2_0}
    version = formats.read_magic(file)
    if version not in readers:
        raise ValueError(f"version {version} of the format is not read")
    return readers[version](file)


def npz_names(source: Source) -> tuple[str, ...]:
    """The names of the arrays in a .npz file; none if it is no such file."""
    if source.is_folder or not source.head.startswith(ZIP):
        return ()
    try:
        with source.open() as file, ZipFile(file) as archive:
            return tuple(member.filename.removesuffix(".npy") for member in _members(archive))
    except DAMAGED:
        return ()


@contextmanager
def opened_npz(source: Source) -> Iterator[ZipFile]:
    """A .npz file whose members are not too large.

    Raises:
        InvalidInput: it is damaged, also where that shows later, or unpacks to too much.
    """
    try:
        with source.open() as file, ZipFile(file) as archive:
            _check_members(archive.infolist(), source)
            yield archive
    except DAMAGED as error:
        raise InvalidInput.at(source.name, f"a file of arrays (.npz): {error}") from None


def read_npz(source: Source) -> dict[str, NDArray[Any]]:
    """The arrays of numbers in a .npz file by name; others, of texts or objects, are left out.

    Raises:
        InvalidInput: it is damaged, or unpacks to too much.
    """
    with opened_npz(source) as archive:
        return dict(_arrays(archive, source.name))


def _arrays(archive: ZipFile, where: str) -> Iterator[tuple[str, NDArray[Any]]]:
    for member in _members(archive):
        name = member.filename.removesuffix(".npy")
        with archive.open(member) as file:
            _, _, dtype = read_header(file)
        if dtype.kind in _NUMBERS:
            with archive.open(member) as file:
                yield name, read_member(file, member.file_size, f"{where}, {name}")


def _members(archive: ZipFile) -> Iterator[ZipInfo]:
    return (member for member in archive.infolist() if member.filename.endswith(".npy"))


def _check_members(members: list[ZipInfo], source: Source) -> None:
    """Refuse an archive by what its members unpack to.

    Raises:
        InvalidInput: they are too large, or too many.
    """
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_BYTES or len(members) > _MOST_MEMBERS:
        raise InvalidInput.at(
            source.name,
            f"{MOST_BYTES // 2**20} MiB unpacked at most, found {unpacked // 2**20} MiB",
        )
    check_ratio(source.name, unpacked, source.size)
