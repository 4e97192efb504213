"""The time between frames: even, or told by timestamps.

Gaps, outliers and smoothing are measured in it; nothing is resampled.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poselift.errors import InvalidInput

TIMESTAMP_TICKS_PER_S: Final = 1000.0
_FARTHEST_S: Final = 1e12
_SHORTEST_S: Final = 0.99e-3
_LONGEST_S: Final = 1e6
"""Of the steps between most frames."""


@dataclass(frozen=True)
class Clock:
    """The times of a clip's frames.

    Attributes:
        fps: frames per second, by the median step where they are not even.
        elapsed_T: ticks since the frame before, at least 1: frames, or those of timestamps.
    """

    fps: float
    elapsed_T: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        fps: float,
        timestamps_s: ArrayLike | None,
        frames: int,
        where: str = "timestamps_s",
    ) -> "Clock":
        """A clip's clock.

        Args:
            fps: frames per second, if there are no timestamps.
            timestamps_s: the time of each frame (T,), in seconds.
            frames: how many frames there are.
            where: the place of the timestamps in the request, for errors.

        Raises:
            InvalidInput: they are not one a frame, or do not rise.
        """
        if timestamps_s is None:
            return cls(fps, np.ones(frames, np.int64))
        times_T = _checked(timestamps_s, frames, where)
        ticks_T = np.round(times_T * TIMESTAMP_TICKS_PER_S).astype(np.int64)
        elapsed_T = np.maximum(np.diff(ticks_T, prepend=ticks_T[:1] - 1), 1)
        usual_s = float(np.median(np.diff(times_T))) if frames > 1 else 1 / fps
        if not _SHORTEST_S <= usual_s <= _LONGEST_S:
            expected = f"steps of a millisecond or more, up to {_LONGEST_S:g} s"
            raise InvalidInput.at(where, f"{expected} between most frames, found {usual_s:g} s")
        return cls(1 / usual_s, elapsed_T)


def _checked(timestamps_s: ArrayLike, frames: int, where: str) -> NDArray[np.float64]:
    try:
        times_T = np.asarray(timestamps_s, np.float64)
    except (TypeError, ValueError):
        raise InvalidInput.at(where, "numbers, in seconds") from None
    if times_T.shape != (frames,):
        raise InvalidInput.at(where, f"one for each of the {frames} frames, found {times_T.shape}")
    if not (np.abs(times_T) < _FARTHEST_S).all():
        raise InvalidInput.at(where, "finite numbers, in seconds")
    if frames > 1 and (np.diff(times_T) <= 0).any():
        frame = int(np.flatnonzero(np.diff(times_T) <= 0)[0]) + 1
        raise InvalidInput.at(
            f"{where}[{frame}]", f"a time after that of the frame before, found {times_T[frame]:g}"
        )
    return times_T
