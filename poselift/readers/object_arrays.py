"""Object arrays in NumPy's files, read without running anything in them.

NumPy writes such arrays as pickles, and a pickle is a program. Here it may build dictionaries,
lists, texts and numbers; the few NumPy names that it needs besides are answered with stand-ins
that take bytes and shapes, and every other name is refused.
"""

import pickle
import pickletools
import re
from collections.abc import Callable
from io import BytesIO
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.readers.numpy_files import DAMAGED, read_header
from poselift.readers.source import MOST_BYTES

_PLAIN = re.compile(r"\|?[?biufcOSU]\d*")
"""The types whose elements are numbers, texts or objects; none with fields."""
_REMEMBERING: Final = {"PUT", "BINPUT", "LONG_BINPUT"}


def read_objects(file: IO[bytes], where: str) -> NDArray[Any]:
    """The array of objects in an open file of one array, by a stranger: memory is bounded.

    Raises:
        InvalidInput: it holds no objects, is damaged or too large, or asks to run something.
    """
    _check_header(file, where)
    pickled = file.read(MOST_BYTES + 1)
    _check_memory(pickled, where)
    return _array(BytesIO(pickled), where)


def load_objects(file: IO[bytes], where: str) -> NDArray[Any]:
    """The same of a file that is known, however large it is."""
    _check_header(file, where)
    return _array(file, where)


def plain_values(pickled: bytes, where: str) -> object:
    """The texts, numbers, lists and dictionaries in a pickle; raises as ``read_objects``."""
    _check_memory(pickled, where)
    return _loaded(BytesIO(pickled), where)


def _check_header(file: IO[bytes], where: str) -> None:
    try:
        shape, _, dtype = read_header(file)
    except DAMAGED as error:
        raise InvalidInput.at(where, f"an array of NumPy: {error}") from None
    if dtype.kind != "O":
        raise InvalidInput.at(where, f"pickled objects, found {dtype} of shape {shape}")


def _array(file: IO[bytes], where: str) -> NDArray[Any]:
    held = _loaded(file, where)
    if not isinstance(held, _Array):
        raise InvalidInput.at(where, f"an array, found {type(held).__name__}")
    try:
        return held.finished()
    except (RecursionError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput.at(where, f"an undamaged pickle: {error}") from error


def _loaded(file: IO[bytes], where: str) -> object:
    try:
        return _Unpickler(file, where).load()
    except InvalidInput:
        raise
    except Exception as error:  # a damaged pickle fails in any way it likes
        raise InvalidInput.at(where, f"an undamaged pickle: {error}") from error


def _check_memory(pickled: bytes, where: str) -> None:
    """Refuse places to remember that are far beyond the number of steps: each takes memory."""
    if len(pickled) > MOST_BYTES:
        raise InvalidInput.at(where, f"{MOST_BYTES // 2**20} MiB at most")
    try:
        for step, (operation, argument, _) in enumerate(pickletools.genops(pickled)):
            if operation.name in _REMEMBERING and int(argument or 0) > 2 * step + 8:
                raise InvalidInput.at(where, "a pickle as NumPy writes it")
    except ValueError as error:
        raise InvalidInput.at(where, f"an undamaged pickle: {error}") from error


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

    def finished(self, seen: dict[int, object] | None = None) -> NDArray[Any]:
        """The array; a list of objects becomes an array of them."""
        if not isinstance(self.items, list):
            return self.items.reshape(self.shape, order=self.order)
        seen = {} if seen is None else seen
        items = np.empty(len(self.items), dtype=object)
        for place, item in enumerate(self.items):
            items[place] = _finished(item, seen)
        return items.reshape(self.shape, order=self.order)


def _finished(value: object, seen: dict[int, object]) -> object:
    """The same with arrays in the places of their stand-ins.

    What is in several places is finished once: a small pickle can name one list very often.
    """
    if id(value) not in seen:
        seen[id(value)] = _finished_once(value, seen)
    return seen[id(value)]


def _finished_once(value: object, seen: dict[int, object]) -> object:
    if isinstance(value, _Array):
        return value.finished(seen)
    if isinstance(value, dict):
        return {_finished(key, seen): _finished(item, seen) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_finished(item, seen) for item in value)
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
