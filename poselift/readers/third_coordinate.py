"""Noticing that what should be a score is a third coordinate."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput

_MOST_NEGATIVE: Final = 0.01
"""The share of scores that may be below 0; of depths about half are."""
_HIGHEST_SCORE: Final = 10.0
"""Scores of some detectors exceed 1; their median stays far below this."""


def refuse_third_coordinate(keypoints: NDArray[Any], where: str) -> None:
    """Refuse keypoints (…, 3) of which the third number cannot be a score.

    Raises:
        InvalidInput: saying what it looks like.
    """
    if keypoints.shape[-2] > 1 and (keypoints[..., 0] == np.arange(keypoints.shape[-2])).all():
        raise InvalidInput.at(where, "x, y and a score; the first number counts the joints")
    third = keypoints[..., 2]
    third = third[np.isfinite(third) & (third != -1) & (third != 0)]
    if not len(third):
        return
    if (third < 0).mean() > _MOST_NEGATIVE or np.median(third) > _HIGHEST_SCORE:
        raise InvalidInput.at(
            where,
            f"x, y and a score; the third number goes from {third.min():.4g} to {third.max():.4g}, "
            "as the third coordinate of 3D positions: what is lifted is 2D",
        )
