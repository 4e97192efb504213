"""Directions, and parts of vectors at right angles to them."""

import numpy as np

from training.array_types import Doubles


def unit(vectors: Doubles) -> Doubles:
    """Vectors (…, 3) of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def across_from(vectors: Doubles, along: Doubles) -> Doubles:
    """The part of vectors (…, 3) at right angles to these unit vectors."""
    return np.asarray(vectors - along * np.sum(vectors * along, axis=-1, keepdims=True))
