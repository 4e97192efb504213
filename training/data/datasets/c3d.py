"""Optical markers in C3D files, the format of motion capture systems."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ezc3d
import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets.markers import Markers, known_markers

UNITS_M = {"mm": 0.001, "cm": 0.01, "m": 1.0}


def read_c3d(path: Path) -> Markers:
    """The markers of a file whose vertical axis is z: y up here, metres, NaN where missing."""
    try:
        file = ezc3d.c3d(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput.at(str(path), f"a readable C3D file: {error}") from error
    about = file["parameters"]["POINT"]
    unit = str(about["UNITS"]["value"][0])
    if unit not in UNITS_M:
        raise InvalidInput.at(f"{path}, units", f"one of {', '.join(UNITS_M)}, found {unit}")
    names = [str(name) for name in about["LABELS"]["value"]]
    rate = float(file["header"]["points"]["frame_rate"])
    positions = _positions(file["data"]) * UNITS_M[unit]
    return known_markers(names, positions[:, : len(names)], rate, str(path))


def _positions(data: Mapping[str, Any]) -> Doubles:
    """Points (T, M, 3) in y-up axes; one with a negative residual was not seen."""
    points = data["points"][:3].transpose(2, 1, 0)[..., [1, 2, 0]].astype(np.float64)
    residuals = data["meta_points"]["residuals"][0].T
    points[(residuals < 0) | ~np.isfinite(points).all(axis=2)] = np.nan
    return np.asarray(points)
