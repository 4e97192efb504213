"""Data frames that pandas wrote to HDF5, read without pandas: its two layouts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from poselift.readers.hdf5 import dataset, member, opened, texts
from poselift.readers.object_arrays import plain_values
from poselift.readers.source import Source

Frame = tuple[list[str], list[tuple[str, ...]], NDArray[Any]]
"""Names of the rows, names of the columns by level, and values (rows, columns)."""
_KEYS = ("df_with_missing", "keypoints")


def read_pandas(source: Source) -> Frame:
    """The data frame in a file of DeepLabCut.

    Raises:
        InvalidInput: there is none, or it is damaged.
    """
    with opened(source) as file:
        key = next((key for key in _KEYS if key in file), None)
        if key is None:
            raise InvalidInput.at(source.name, f"a data frame under {' or '.join(_KEYS)}")
        where = f"{source.name}, {key}"
        group = member(file, key, where)
        read = _of_table if "table" in group else _of_blocks
        index, columns, values = read(group, where)
    if values.ndim != 2 or values.shape != (len(index), len(columns)):
        expected = f"{len(index)} rows of {len(columns)} columns, found {values.shape}"
        raise InvalidInput.at(where, expected)
    if values.dtype.kind not in "fiu":
        raise InvalidInput.at(where, f"numbers, found {values.dtype}")
    return index, columns, values


def _of_table(group: Any, where: str) -> Frame:  # noqa: ANN401 - h5py is optional
    """``format="table"``: rows with a block of values; names of columns in an attribute."""
    rows = dataset(group, "table", where)
    names = rows.dtype.names or ()
    if "index" not in names or "values_block_0" not in names or "values_block_1" in names:
        raise InvalidInput.at(where, f"an index and one block of values, found {', '.join(names)}")
    axes = plain_values(_bytes(group.attrs.get("non_index_axes"), where), where)
    try:
        ((_, columns),) = axes  # type: ignore[misc]
        named = [tuple(str(level) for level in column) for column in columns]  # type: ignore[has-type]
    except (TypeError, ValueError):
        raise InvalidInput.at(where, "names of columns") from None
    values = rows["values_block_0"]
    return _names(rows["index"]), named, values.reshape(len(rows), -1)


def _of_blocks(group: Any, where: str) -> Frame:  # noqa: ANN401
    """``format="fixed"``: the levels of the axes, labels into them, and a block of values."""
    blocks = dataset(group, "block0_values", where)
    columns = list(zip(*_levels(group, "axis0", where), strict=True))
    if "axis1" in group:
        index = _names(dataset(group, "axis1", where))
    else:
        index = ["/".join(levels) for levels in zip(*_levels(group, "axis1", where), strict=True)]
    return index, columns, blocks


def _levels(group: Any, axis: str, where: str) -> list[list[str]]:  # noqa: ANN401
    """For each level of an axis, the name of each row or column."""
    levels: list[list[str]] = []
    while f"{axis}_level{len(levels)}" in group and len(levels) < 8:
        number = len(levels)
        names = np.array(_names(dataset(group, f"{axis}_level{number}", where)), object)
        labels = dataset(group, f"{axis}_label{number}", where)
        if labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < len(names))).all():
            raise InvalidInput.at(f"{where}, {axis}_label{number}", f"numbers below {len(names)}")
        levels.append(names[labels].tolist())
    if not levels:
        raise InvalidInput.at(where, f"names of {axis} in levels")
    return levels


def _names(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind in "iu":
        return [str(value) for value in values.tolist()]
    return texts(values, "names")


def _bytes(value: object, where: str) -> bytes:
    """An attribute that PyTables wrote: a pickle, as bytes or as text."""
    if isinstance(value, np.generic):
        value = value.tobytes() if value.dtype.kind == "V" else value.item()
    if isinstance(value, str):
        value = value.encode("latin1", "replace")
    if not isinstance(value, bytes):
        raise InvalidInput.at(where, "names of columns")
    return value
