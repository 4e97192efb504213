"""How a body moves in the image from one frame to the next, as its joints show it."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Mask

_AnyFloats = TypeVar("_AnyFloats", NDArray[np.float32], NDArray[np.float64])


def middle_step(steps_BJ2: _AnyFloats, chosen_BJ: Mask) -> _AnyFloats:
    """The medians (B, 2) of the chosen joints' steps; none where no joint is chosen."""
    ordered = np.sort(np.where(chosen_BJ[..., None], steps_BJ2, np.float32(np.inf)), axis=1)
    count = chosen_BJ.sum(axis=1)
    ordered[count == 0] = 0
    tracks = np.arange(len(count))
    low, high = ordered[tracks, np.maximum(count - 1, 0) // 2], ordered[tracks, count // 2]
    middle: _AnyFloats = (low + high) / 2
    return middle
