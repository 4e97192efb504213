"""Poses as plain arrays: NumPy's .npz, and JSON with the field names of ``POST /v1/lift``."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from poselift.imputation import QUALITY, Quality
from poselift.poses import Poses

_DECIMALS = 5
"""Of a metre: a hundredth of a millimetre."""


def write_npz(path: Path, poses: Poses) -> None:
    """Write an array of each name that ``Poses`` has; ``quality`` in words."""
    arrays: dict[str, Any] = dict(poses.arrays())
    np.savez_compressed(path, **arrays | {"quality": _words(poses)})


def write_json(path: Path, poses: Poses) -> None:
    """Write one object; frames of unknown quality are null."""
    arrays = {name: values for name, values in poses.arrays().items() if name != "quality"}
    content = {
        name: [
            None if quality == Quality.UNKNOWN else np.round(row, _DECIMALS).tolist()
            for row, quality in zip(values.astype(np.float64), poses.quality, strict=True)
        ]
        for name, values in arrays.items()
    }
    path.write_text(json.dumps(content | {"quality": _words(poses)}))


def _words(poses: Poses) -> list[str]:
    return [QUALITY[code] for code in poses.quality]
