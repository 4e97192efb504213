"""How a session's keypoints are read, and brought to a model's input."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from poselift.cameras import Camera
from poselift.card import Card
from poselift.normalisation import InverseTransform, Normaliser
from service.requests import CameraOptions

Floats = NDArray[np.float32]

_KNOWN_NORMALISERS = 256


@dataclass(frozen=True)
class Reading:
    """How a session's keypoints become inputs; sessions that agree on it are worked on together."""

    keypoint_format: str
    image_size: tuple[float, float]
    camera: CameraOptions | None
    min_score: float
    max_gap_frames: int


class Inputs:
    """Makes a model's inputs of keypoints, however a session's are to be read."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._normaliser = lru_cache(_KNOWN_NORMALISERS)(self._new_normaliser)

    def of(self, reading: Reading, keypoints_TJ2: Floats) -> tuple[Floats, InverseTransform]:
        """Filled keypoints (T, J, 2) in the model's layout, normalised; and what turns poses back.

        Keypoints far beyond any image overflow: their pose is wild then, but nobody else's.
        """
        with np.errstate(all="ignore"):
            inputs_TJ2, inverse = self._normaliser(reading)(keypoints_TJ2)
        return np.nan_to_num(inputs_TJ2, posinf=0, neginf=0), inverse

    def _new_normaliser(self, reading: Reading) -> Normaliser:
        camera = None if reading.camera is None else Camera(**reading.camera.model_dump())
        return self._card.normaliser(reading.image_size, camera)
