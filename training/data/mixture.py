"""How likely frames are to be learned from, by what people do in them."""

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Floats
from training.data.datasets.prepared import MotionSet

FORMATS = ("amc", "bvh", "c3d", "positions")
"""Sources that are formats of one data set, and count as one."""


def frame_weights(motions: MotionSet, mixture: Mapping[str, float]) -> Floats:
    """Per clip: how likely each of its frames is to be learned, 1 on average over all frames.

    The frames of a group have its share in total; shares of groups that are absent go to the
    others in proportion, and a group with no share is not learned. Within a group each data set
    counts by the square root of its length, so that a few exercises that are repeated for an hour
    do not crowd out the rest. Without a mixture all frames are equal.
    """
    if not mixture:
        return np.ones(len(motions), np.float32)
    sets = ["" if source in FORMATS else source for source in motions.sources]
    keys = list(zip(motions.groups, sets, strict=True))
    frames: Counter[tuple[str, str]] = Counter()
    for key, length in zip(keys, motions.lengths, strict=True):
        frames[key] += int(length)
    shares = _shares(frames, mixture)
    total = sum(frames.values())
    return np.array([total * shares[key] / frames[key] for key in keys], np.float32)


def _shares(
    frames: Mapping[tuple[str, str], int], mixture: Mapping[str, float]
) -> dict[tuple[str, str], float]:
    """The share of each data set in each group; all together 1."""
    roots: dict[str, float] = defaultdict(float)
    for (group, _), count in frames.items():
        roots[group] += count**0.5
    present = sum(mixture.get(group, 0.0) for group in roots)
    if not present:
        found = ", ".join(sorted(roots))
        raise InvalidInput.at("mixture", f"a share of some group that is there: {found}")
    return {
        (group, name): mixture.get(group, 0.0) / present * count**0.5 / roots[group]
        for (group, name), count in frames.items()
    }
