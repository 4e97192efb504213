"""Optical markers of the Plug-in-Gait set, and those of CMU's, which sit at the same places."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from training.array_types import Doubles

NAMES = (
    *("LFHD", "RFHD", "LBHD", "RBHD", "C7", "T10", "CLAV", "STRN", "LSHO", "LELB", "LWRA", "LWRB"),
    *("RSHO", "RELB", "RWRA", "RWRB", "LASI", "RASI", "LPSI", "RPSI", "LTHI", "LKNE", "LANK"),
    *("LHEE", "LTOE", "RTHI", "RKNE", "RANK", "RHEE", "RTOE"),
)
"""The markers that joints are computed from."""

CMU_NAMES = {"LFWT": "LASI", "RFWT": "RASI", "LBWT": "LPSI", "RBWT": "RPSI"}
"""Markers of the waist, as CMU calls them."""

LONGEST_GAP_S = 0.2
"""A marker missing for so long is interpolated; only rigid segments bridge longer gaps."""


@dataclass(frozen=True)
class Markers:
    """Named markers over time (T, M, 3): world axes, y up, metres; NaN where one is missing."""

    names: tuple[str, ...]
    positions_TM3: Doubles
    fps: float

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.positions_TM3)

    def at(self, name: str) -> Doubles:
        """The positions of one marker, (T, 3)."""
        return self.positions_TM3[:, self.names.index(name)]

    def of(self, names: tuple[str, ...]) -> Doubles:
        """The positions of some markers, (T, n, 3)."""
        return self.positions_TM3[:, [self.names.index(name) for name in names]]


def known_markers(names: list[str], positions_TM3: Doubles, fps: float, where: str) -> Markers:
    """The markers that are needed, whatever prefix and order they have in a file."""
    bare = [name.rsplit(":", 1)[-1].upper() for name in names]
    bare = [CMU_NAMES.get(name, name) for name in bare]
    if lacking := [name for name in NAMES if name not in bare]:
        expected = f"markers of the Plug-in-Gait set, lacking {', '.join(lacking)}"
        raise InvalidInput.at(where, expected)
    columns = [bare.index(name) for name in NAMES]
    return Markers(NAMES, positions_TM3[:, columns], fps)


def joined(clips: list[Markers]) -> Markers:
    """Clips of the same markers end to end."""
    positions = np.concatenate([clip.positions_TM3 for clip in clips])
    return Markers(clips[0].names, positions, clips[0].fps)


def without_gaps(markers: Markers) -> Markers:
    """Short gaps interpolated linearly, marker by marker; longer ones, and at the ends, stay."""
    longest = round(LONGEST_GAP_S * markers.fps)
    positions = markers.positions_TM3.copy()
    frames = np.arange(len(positions))
    for marker in range(positions.shape[1]):
        missing = np.asarray(~np.isfinite(positions[:, marker]).all(axis=1))
        short = [run for run in runs(missing) if _is_inside(run, len(missing), longest)]
        for run in short:
            for axis in range(3):
                positions[run, marker, axis] = np.interp(
                    frames[run], frames[~missing], positions[~missing, marker, axis]
                )
    return Markers(markers.names, positions, markers.fps)


def _is_inside(run: slice, frames: int, longest: int) -> bool:
    return bool(run.start > 0 and run.stop < frames and run.stop - run.start <= longest)


def runs(chosen_T: NDArray[np.bool_]) -> list[slice]:
    """Where frames that are chosen follow one another."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen_T, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
