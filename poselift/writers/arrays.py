"""Poses as plain arrays: NumPy's .npz, and JSON with the field names of ``POST /v1/lift``."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from poselift.imputation import QUALITY, Quality, letters
from poselift.poses import Poses

_DECIMALS = 5
"""Of a metre: a hundredth of a millimetre."""


def write_npz(path: Path, poses: Poses) -> None:
    """Write an array of each name that ``Poses`` has; qualities in words and letters."""
    arrays: dict[str, Any] = dict(poses.arrays())
    told = _words(poses) | {"first_frame": poses.first_frame}
    np.savez_compressed(path, **arrays | told)


def write_json(path: Path, poses: Poses) -> None:
    """Write one object; frames of unknown quality are null."""
    in_words = {"quality", "joint_quality"}
    arrays = {name: values for name, values in poses.arrays().items() if name not in in_words}
    content = {
        name: [
            None if quality == Quality.UNKNOWN else np.round(row, _DECIMALS).tolist()
            for row, quality in zip(values.astype(np.float64), poses.quality, strict=True)
        ]
        for name, values in arrays.items()
    }
    content |= _words(poses) | {"first_frame": poses.first_frame}
    content["warnings"] = [
        {name: value for name, value in vars(warning).items() if value is not None}
        for warning in poses.warnings
    ]
    path.write_text(json.dumps(content))


def _words(poses: Poses) -> dict[str, Any]:
    """What is known of frames and joints: words, and a letter for each joint."""
    words: dict[str, Any] = {"quality": [QUALITY[code] for code in poses.quality]}
    if poses.joint_quality is not None:
        words["joint_quality"] = letters(poses.joint_quality)
    return words
