"""The poses and intrinsics of a laboratory's cameras, from files that users have."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets.tree import Tree
from training.data.projection import world_to_camera


def _unknown() -> Doubles:
    return np.full(9, np.nan)


@dataclass(frozen=True)
class RigCamera:
    """A camera; as ``training.data.projection`` takes it."""

    name: str
    image_size: Doubles
    """Width and height in pixels."""
    intrinsics: Doubles = field(default_factory=_unknown)
    """Focal length x y, principal point x y, radial k1 k2 k3, tangential p1 p2; NaN if unknown."""
    orientation: Doubles = field(default_factory=lambda: np.array([1.0, 0.0, 0.0, 0.0]))
    """Of the camera in the world: the unit quaternion (w, x, y, z)."""
    translation: Doubles = field(default_factory=lambda: np.zeros(3))
    """Where it stands in the world, metres."""

    def view(self, world_TK3: Doubles) -> Doubles:
        """World positions in the camera's axes: x right, y down, z away, metres."""
        return np.asarray(world_to_camera(world_TK3, self.orientation, self.translation))


Rig = list[RigCamera]
"""The cameras that recorded a subject, in the order of its lists of keypoints."""

H36M_IMAGE_SIZES = {
    "54138969": (1000, 1002),
    "55011271": (1000, 1000),
    "58860488": (1000, 1000),
    "60457274": (1000, 1002),
}
"""Width and height of the videos of Human3.6M's cameras, in the order of its files."""

_SUBJECTS = 11
_INTRINSICS_FROM = 6 * _SUBJECTS * len(H36M_IMAGE_SIZES)
_NUMBERS = _INTRINSICS_FROM + 9 * len(H36M_IMAGE_SIZES)
_W0 = re.compile(r"<w0>\s*\[([^\]]*)\]\s*</w0>")


def read_rigs(path: Path) -> Mapping[str, Rig]:
    """The cameras of each subject: Human3.6M's own ``metadata.xml``, or JSON as ``--help`` says."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput.at(str(path), f"a file of cameras: {error}") from error
    is_xml = path.suffix.lower() == ".xml"
    return _read_metadata(text, path) if is_xml else _read_json(text, path)


def _read_metadata(text: str, path: Path) -> Mapping[str, Rig]:
    """The element ``w0``: six numbers for each subject of each camera, then nine for each camera.

    The intrinsics keep the file's order, as the paper's authors have it. In Human3.6M's own code
    the two tangential numbers change places: a fraction of a pixel at the edge of the image.
    """
    found = _W0.search(text)
    try:
        numbers = np.array([float(number) for number in found[1].split()] if found else [])
    except ValueError as error:
        raise InvalidInput.at(f"{path}, w0", f"numbers: {error}") from error
    if numbers.shape != (_NUMBERS,):
        expected = f"{_NUMBERS} numbers in brackets, found {len(numbers)}"
        raise InvalidInput.at(f"{path}, w0", expected)
    places = numbers[:_INTRINSICS_FROM].reshape(-1, _SUBJECTS, 6)
    all_intrinsics = numbers[_INTRINSICS_FROM:].reshape(-1, 9)
    return {
        f"S{subject + 1}": [
            _h36m_camera(name, intrinsics, place[subject])
            for name, intrinsics, place in zip(
                H36M_IMAGE_SIZES, all_intrinsics, places, strict=True
            )
        ]
        for subject in range(_SUBJECTS)
    }


def _h36m_camera(name: str, camera_9: Doubles, place_6: Doubles) -> RigCamera:
    """Three angles in radians, x then y then z about turning axes, and a place in millimetres."""
    to_camera = Rotation.from_euler("XYZ", place_6[:3])
    orientation = to_camera.inv().as_quat(scalar_first=True)
    size = np.array(H36M_IMAGE_SIZES[name], dtype=np.float64)
    return RigCamera(name, size, camera_9, orientation, place_6[3:] / 1000)


def _read_json(text: str, path: Path) -> Mapping[str, Rig]:
    try:
        tree = Tree(str(path), json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InvalidInput.at(str(path), f"JSON: {error}") from error
    return {key: [_json_camera(entry) for entry in tree[key].entries()] for key in tree.names()}


def _json_camera(tree: Tree) -> RigCamera:
    orientation = tree["orientation"].finite((4,))
    length = float(np.linalg.norm(orientation))
    if abs(length - 1) > 1e-3:
        raise tree["orientation"].wrong(f"a unit quaternion (w, x, y, z), found length {length:g}")
    size = tree["image_size"].finite((2,))
    if (size <= 0).any():
        raise tree["image_size"].wrong("a width and a height in pixels")
    place = tree["translation"].finite((3,))
    return RigCamera(tree["name"].text(), size, _json_intrinsics(tree), orientation / length, place)


def _json_intrinsics(tree: Tree) -> Doubles:
    """NaN without a focal length; no distortion where none is given."""
    if "focal_length" not in tree:
        return _unknown()
    parts = [tree["focal_length"].finite((2,)), tree["principal_point"].finite((2,))]
    for key, length in {"radial": 3, "tangential": 2}.items():
        parts.append(tree[key].finite((length,)) if key in tree else np.zeros(length))
    return np.concatenate(parts)
