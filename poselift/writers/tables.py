"""Poses as a table, one row a frame: CSV and Parquet."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poselift.errors import MissingPackage
from poselift.imputation import QUALITY, UNKNOWN
from poselift.poses import Poses

_CHUNK = 1000
"""Rows made into text at a time."""


def write_csv(path: Path, poses: Poses) -> None:
    """Write comma-separated values with a header; cells of unknown poses are empty.

    Raises:
        InvalidInput: the skeleton is not known.
    """
    columns = _columns(poses)
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(",".join(columns) + "\n")
        for start in range(0, len(poses), _CHUNK):
            cells = [_cells(values[start : start + _CHUNK]) for values in columns.values()]
            file.writelines(",".join(row) + "\n" for row in zip(*cells, strict=True))


def _cells(values: NDArray[Any]) -> list[str]:
    if values.dtype == np.float64:  # times, which may be large, and microseconds still count
        return [f"{each:.6f}".rstrip("0").rstrip(".") for each in values.tolist()]
    if values.dtype.kind == "f":
        return ["" if np.isnan(each) else f"{each:.6g}" for each in values.tolist()]
    return [str(each) for each in values.tolist()]


def write_parquet(path: Path, poses: Poses) -> None:
    """Write the same columns as an Apache Parquet file; cells of unknown poses are null.

    Axes, units and skeleton are in the schema's metadata.

    Raises:
        InvalidInput: the skeleton is not known.
        MissingPackage: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: PLC0415 - heavy, and optional
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingPackage.needed("pyarrow", "Parquet files", "parquet") from error
    columns = _columns(poses)
    arrays = {name: pyarrow.array(values, from_pandas=True) for name, values in columns.items()}
    about = {"axes": poses.axes, "units": "metres", "skeleton": poses.skeleton}
    parquet.write_table(pyarrow.table(arrays).replace_schema_metadata(about), path)


def _columns(poses: Poses) -> dict[str, NDArray[Any]]:
    """The columns (T,) by name; NaN where the pose is unknown."""
    names = poses.known_skeleton.joints
    is_unknown = poses.quality == UNKNOWN
    columns: dict[str, NDArray[Any]] = {"frame": poses.first_frame + np.arange(len(poses))}
    if poses.fps is not None or poses.timestamps_s is not None:
        columns["time_s"] = poses.times_s
    columns["quality"] = np.array(QUALITY)[poses.quality]
    for number, name in enumerate(names):
        columns |= _axes(name, poses.poses[:, number], is_unknown)
    if poses.trajectory is not None:
        columns |= _axes("trajectory", poses.trajectory, is_unknown)
    if poses.expected_errors is not None:
        errors = np.where(is_unknown[:, None], np.nan, poses.expected_errors)
        columns |= {
            f"{name}_expected_error": each for name, each in zip(names, errors.T, strict=True)
        }
    return columns


def _axes(
    name: str, values_T3: NDArray[Any], is_unknown: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    known = np.where(is_unknown[:, None], np.float32(np.nan), values_T3)
    return {f"{name}_{axis}": known[:, place] for place, axis in enumerate("xyz")}
