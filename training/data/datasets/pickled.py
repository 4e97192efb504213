"""Object arrays in files of arrays (.npz), read without running anything in them.

NumPy writes such arrays as pickles, and a pickle is a program. Here it may build dictionaries,
lists, texts and numbers; the few NumPy names that it needs besides are answered with stand-ins
that take bytes and shapes, and every other name is refused.
"""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Literal
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from training.data.datasets.tree import Tree

_PLAIN = re.compile(r"\|?[?biufcOSU]\d*")
"""The types whose elements are numbers, texts or objects; none with fields."""


def read_pickled(path: Path, *keys: str) -> list[Tree]:
    """The objects under these keys of a file written by `numpy.savez`."""
    try:
        with ZipFile(path) as archive:
            return [_member(archive, path, key) for key in keys]
    except (OSError, BadZipFile) as error:
        raise InvalidInput.at(str(path), f"a file of arrays (.npz): {error}") from error


def _member(archive: ZipFile, path: Path, key: str) -> Tree:
    where = f"{path}, {key}"
    if f"{key}.npy" not in archive.namelist():
        raise InvalidInput.at(where, "an array of that name")
    try:
        with archive.open(f"{key}.npy") as file:
            return Tree(where, _object(file, where))
    except (InvalidInput, BadZipFile, OSError):
        raise
    except Exception as error:  # a damaged pickle fails in any way it likes
        raise InvalidInput.at(where, f"an undamaged pickle: {error}") from error


def _object(file: IO[bytes], where: str) -> object:
    formats = np.lib.format
    readers = {(1, 0): formats.read_array_header_1_0, (2, 0): formats.read_array_header_2_0}
    shape, _, dtype = readers[formats.read_magic(file)](file)
    if dtype.kind != "O" or shape != ():
        raise InvalidInput.at(where, f"one pickled object, found {dtype} of shape {shape}")
    array = _Unpickler(file, where).load()
    if not isinstance(array, _Array):
        raise InvalidInput.at(where, f"an array, found {type(array).__name__}")
    return array.finished().item()


class _Type:
    """Stands in for a ``numpy.dtype``: a plain one, whatever the pickle says."""

    __slots__ = ("dtype",)

    def __init__(self, code: str, *_: object) -> None:
        if not _PLAIN.fullmatch(code):
            raise ValueError(f"arrays of type {code!r} are not read")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *structure = state[:5]
        if any(part is not None for part in structure):
            raise ValueError("arrays with fields are not read")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands in for a ``numpy.ndarray``; its content is finished when all has been read."""

    items: list[object] | NDArray[Any]
    order: Literal["C", "F"]
    shape: tuple[int, ...]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, kind, fortran, data = state
        self.order = "F" if fortran else "C"
        self.items = data if kind.dtype.kind == "O" else np.frombuffer(data, kind.dtype)

    def finished(self) -> NDArray[Any]:
        """The array; a list of objects becomes an array of them."""
        if not isinstance(self.items, list):
            return self.items.reshape(self.shape, order=self.order)
        items = np.empty(len(self.items), dtype=object)
        for place, item in enumerate(self.items):
            items[place] = _finished(item)
        return items.reshape(self.shape, order=self.order)


def _finished(value: object) -> object:
    """The same with arrays in the places of their stand-ins."""
    if isinstance(value, _Array):
        return value.finished()
    if isinstance(value, dict):
        return {_finished(key): _finished(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_finished, value))
    return value


class _Maker:
    """What a name in a pickle stands for: it can be called, and nothing else."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]) -> None:
        self._make = make

    def __call__(self, *arguments: object) -> object:
        return self._make(*arguments)

    def __setstate__(self, _: object) -> None:
        raise pickle.UnpicklingError("a function cannot be changed")


def _scalar(kind: _Type, data: bytes) -> object:
    scalar: object = np.frombuffer(data, kind.dtype)[0]
    return scalar


def _from_buffer(data: bytes, kind: _Type, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, kind, order == "F", data))
    return array


def _encode(text: str, encoding: str) -> bytes:
    """How old protocols write bytes: as a text of one character each."""
    if encoding != "latin1":
        raise ValueError(f"texts are not encoded as {encoding!r}")
    return text.encode("latin1")


_MAKERS: dict[str, Callable[..., object]] = {
    "multiarray._reconstruct": lambda *_: _Array(),
    "multiarray.scalar": _scalar,
    "numeric._frombuffer": _from_buffer,
}
# Which core a file names depends on the NumPy that wrote it: 1.x "core", 2.x "_core".
_CORES = ("core", "_core")
_NAMES: dict[str, object] = {
    **{f"numpy.{c}.{name}": _Maker(make) for c in _CORES for name, make in _MAKERS.items()},
    "numpy.dtype": _Maker(_Type),
    "numpy.ndarray": "numpy.ndarray",  # only ever handed to _reconstruct
    "_codecs.encode": _Maker(_encode),
    "__builtin__.bytes": _Maker(lambda: b""),
    "builtins.bytes": _Maker(lambda: b""),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], where: str) -> None:
        super().__init__(file)
        self._where = where

    def find_class(self, module: str, name: str, /) -> object:
        try:
            return _NAMES[f"{module}.{name}"]
        except KeyError:
            expected = f"NumPy arrays and plain values only, found {module}.{name}"
            raise InvalidInput.at(self._where, expected) from None
