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
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays | _words(poses) | _about(poses))


def write_videopose3d(path: Path, poses: Poses) -> None:
    """Write ``positions_3d`` as VideoPose3D's data sets have it, in metres with z up.

    It is one pickled dictionary, subject → action → (T, 17, 3): here "S1" and the file's name up
    to its first dot. VideoPose3D opens it with ``allow_pickle=True``. Rows of unknown quality are
    NaN; the trajectory, if there is one, is part of the positions.
    """
    world = poses.in_axes("z_up")
    positions = world.poses.copy()
    if world.trajectory is not None:
        positions += world.trajectory[:, None]
    positions[poses.quality == Quality.UNKNOWN] = np.nan
    subjects: Any = {"S1": {path.name.partition(".")[0]: positions}}
    with path.open("wb") as file:
        np.savez_compressed(file, positions_3d=subjects)


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
    content |= _words(poses) | _about(poses)
    content["warnings"] = [
        {name: value for name, value in vars(warning).items() if value is not None}
        for warning in poses.warnings
    ]
    path.write_text(json.dumps(content))


def _about(poses: Poses) -> dict[str, Any]:
    """What the numbers mean: what is not known is left out."""
    about: dict[str, Any] = {"first_frame": poses.first_frame, "axes": poses.axes}
    about |= {"skeleton": poses.skeleton} | ({} if poses.fps is None else {"fps": poses.fps})
    if poses.timestamps_s is not None:
        about["timestamps_s"] = poses.timestamps_s.tolist()
    return about


def _words(poses: Poses) -> dict[str, Any]:
    """What is known of frames and joints: words, and a letter for each joint."""
    words: dict[str, Any] = {"quality": [QUALITY[code] for code in poses.quality]}
    if poses.joint_quality is not None:
        words["joint_quality"] = letters(poses.joint_quality)
    return words
