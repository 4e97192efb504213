"""Simulated gross errors: joints found where they cannot be, and swapped sides."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from poselift.formats import FORMATS
from poselift.outliers import SWAP_GROUPS
from training.array_types import Floats

_STRAYS_PER_FRAME: Final = 0.01
_LONGEST_STRAY: Final = 3
"""Frames."""
_SWAPS_PER_FRAME: Final = 0.003
_LONGEST_SWAP: Final = 15
"""Frames: 0.3 s, as held-out motion has 50 a second."""
_FAR: Final = 0.5
"""Spread of what a joint is displaced by, and"""
_NEAR: Final = 0.02
"""of how far it is from another that it is taken for, in shares of the person's extent."""
_STRAY_SCORES: Final = (0.3, 0.95)
"""Detectors often do not know of such errors."""


@dataclass(frozen=True)
class GrossErrors:
    """Displaces single joints for one to three frames, and swaps sides for up to 0.3 s."""

    keypoint_format: str

    def __call__(self, detected_TJ3: Floats, rng: np.random.Generator) -> Floats:
        """The same keypoints with errors, the first frame apart."""
        spoilt_TJ3 = detected_TJ3.copy()
        frames, joints, _ = detected_TJ3.shape
        for span in _spans(frames, _STRAYS_PER_FRAME, _LONGEST_STRAY, rng):
            self._displace(spoilt_TJ3[span], int(rng.integers(joints)), rng)
        for span in _spans(frames, _SWAPS_PER_FRAME, _LONGEST_SWAP, rng):
            self._swap(spoilt_TJ3[span], rng)
        return spoilt_TJ3

    def _displace(self, part_TJ3: Floats, joint: int, rng: np.random.Generator) -> None:
        """Far away, onto the same joint of the other side, or onto any other, in place."""
        twin = FORMATS[self.keypoint_format].mirror[joint]
        other = int(rng.integers(part_TJ3.shape[1]))
        taken_for, spread = ((joint, _FAR), (twin, _NEAR), (other, _NEAR))[rng.integers(3)]
        extent = np.ptp(part_TJ3[0, :, :2], axis=0).max()
        part_TJ3[:, joint, :2] = part_TJ3[:, taken_for, :2] + rng.normal(0, spread * extent, 2)
        part_TJ3[:, joint, 2] = rng.uniform(*_STRAY_SCORES)

    def _swap(self, part_TJ3: Floats, rng: np.random.Generator) -> None:
        """Left and right arms, legs or both, in place."""
        format_ = FORMATS[self.keypoint_format]
        arms, legs = SWAP_GROUPS.values()
        parts = (arms, legs, arms + legs)[rng.integers(3)]
        joints = [joint for joint, name in enumerate(format_.joints) if name.endswith(parts)]
        part_TJ3[:, joints] = part_TJ3[:, [format_.mirror[joint] for joint in joints]]


def _spans(frames: int, per_frame: float, longest: int, rng: np.random.Generator) -> list[slice]:
    """Random spans of frames, the first frame apart."""
    starts = rng.integers(1, max(frames, 2), rng.poisson(per_frame * (frames - 1)))
    lengths = rng.integers(1, longest + 1, len(starts))
    return [slice(int(a), int(a + n)) for a, n in zip(starts, lengths, strict=True)]
