"""The types of arrays, by what they hold; the axes are the suffix of each array's name."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Qualities: TypeAlias = NDArray[np.uint8]
"""Codes of ``poselift.imputation.Quality``."""
Slots: TypeAlias = NDArray[np.intp]
"""Places in preallocated arrays, one for each track."""


def by_coordinate(points: Floats) -> Floats:
    """Points (T, J, C) as one array a coordinate (C, T, J): NumPy is several times as quick so."""
    return np.ascontiguousarray(points.transpose(2, 0, 1))
