"""Files of arrays (.npz): read whole, without pickles; written whole or not at all."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput

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
