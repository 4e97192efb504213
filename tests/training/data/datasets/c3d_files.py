"""C3D files of markers, as motion capture systems write them."""

from pathlib import Path

import ezc3d
import numpy as np

from training.data.datasets.markers import Markers


def write_c3d(path: Path, markers: Markers, unit: str = "mm") -> Path:
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [markers.fps]
    file["parameters"]["POINT"]["UNITS"]["value"] = [unit]
    file["parameters"]["POINT"]["LABELS"]["value"] = [f"a:{name}" for name in markers.names]
    points = np.ones((4, len(markers.names), len(markers)))
    points[:3] = markers.positions_TM3[..., [2, 0, 1]].transpose(2, 1, 0) * 1000
    file["data"]["points"] = points
    file.write(str(path))
    return path
