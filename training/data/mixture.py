"""How likely frames are to be learned from, by what people do in them."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from poselift.errors import InvalidInput
from training.array_types import Floats
from training.data.datasets.prepared import MotionSet


def frame_weights(motions: MotionSet, mixture: Mapping[str, float]) -> Floats:
    """Per clip: how likely each of its frames is to be learned, 1 on average over all frames.

    The frames of a group have its share in total; shares of groups that are absent go to the
    others in proportion, and a group with no share is not learned. Within a group each source
    counts by the square root of its length, so that a few exercises that are repeated for an hour
    do not crowd out the rest. Without a mixture all frames are equal.
    """
    if not mixture:
        return np.ones(len(motions), np.float32)
    frames: Counter[tuple[str, str]] = Counter()
    for group, source, length in zip(motions.groups, motions.sources, motions.lengths, strict=True):
        frames[group, source] += int(length)
    shares = _shares(frames, mixture)
    keys = zip(motions.groups, motions.sources, strict=True)
    total = sum(frames.values())
    return np.array([total * shares[key] / frames[key] for key in keys], np.float32)


def _shares(
    frames: Mapping[tuple[str, str], int], mixture: Mapping[str, float]
) -> dict[tuple[str, str], float]:
    """The share of each source in each group; all together 1."""
    roots: Counter[str] = Counter()
    for (group, _), count in frames.items():
        roots[group] += count**0.5  # type: ignore[assignment]
    present = sum(mixture.get(group, 0.0) for group in roots)
    if not present:
        found = ", ".join(sorted(roots))
        raise InvalidInput.at("mixture", f"a share of some group that is there: {found}")
    return {
        (group, source): mixture.get(group, 0.0) / present * count**0.5 / roots[group]
        for (group, source), count in frames.items()
    }
