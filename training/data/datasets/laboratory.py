"""Videos of the paper authors' prepared files (``data_2d_*.npz``), and a laboratory's cameras."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.errors import InvalidInput
from poselift.formats import FORMATS, KeypointFormat
from poselift.skeletons import SKELETONS
from training.array_types import Doubles, Floats
from training.data.datasets.pickled import read_pickled
from training.data.datasets.prepared import Recording, RecordingSet
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


LAYOUTS = {"h36m": "h36m17", "coco": "coco17", "humaneva20": "humaneva15"}
"""What the authors' files call our formats, where it is not by our own names."""


@dataclass(frozen=True)
class LabSequence:
    """What a subject did, recorded by all cameras at once."""

    subject: str
    name: str
    """Unique among the subject's sequences."""
    action: str
    held_out: bool


@dataclass(frozen=True)
class Detections:
    """A file of keypoints: what was found in every video, and in what layout."""

    path: Path
    found: Tree
    metadata: Tree
    layout: KeypointFormat

    @classmethod
    def read(cls, path: Path) -> "Detections":
        """Open a ``data_2d_*.npz`` and find out the layout of its keypoints."""
        found, metadata = read_pickled(path, "positions_2d", "metadata")
        return cls(path, found, metadata, _layout(metadata))

    def videos(
        self, sequence: LabSequence, rig: Rig, world_TK3: Doubles | None, skeleton: str
    ) -> Iterator[Recording]:
        """A sequence in each camera; without world positions the poses are unknown."""
        views = self.found[sequence.subject][sequence.name].entries()
        for camera, view in zip(rig, views, strict=True):
            keypoints = _read_keypoints(view, len(self.layout.joints))
            frames = len(keypoints) if world_TK3 is None else len(world_TK3)
            if len(keypoints) < frames:
                expected = f"at least the {frames} frames of the positions, found {len(keypoints)}"
                raise view.wrong(f"{expected} (camera {camera.name})")
            positions = np.full((frames, len(SKELETONS[skeleton].joints), 3), np.nan, np.float32)
            if world_TK3 is not None:
                positions = camera.view(world_TK3).astype(np.float32)
            yield Recording(
                name=f"{sequence.subject}/{sequence.name}/{camera.name}",
                subject=sequence.subject,
                action=sequence.action,
                held_out=sequence.held_out,
                camera_name=camera.name,
                image_size=camera.image_size,
                camera_9=camera.intrinsics,
                keypoints_TJ3=keypoints[:frames],
                positions_TK3=positions,
            )


def _layout(metadata: Tree) -> KeypointFormat:
    name = metadata["layout_name"].text()
    layout = FORMATS.get(LAYOUTS.get(name, name))
    if layout is None:
        raise metadata["layout_name"].wrong(f"one of {', '.join([*LAYOUTS, *FORMATS])}: {name!r}")
    if "num_joints" in metadata:
        joints = int(metadata["num_joints"].finite(()))
        if joints != len(layout.joints):
            raise metadata["num_joints"].wrong(f"{len(layout.joints)} for {name}, found {joints}")
    if "keypoints_symmetry" in metadata:
        _check_symmetry(metadata["keypoints_symmetry"], layout)
    return layout


def _check_symmetry(symmetry: Tree, layout: KeypointFormat) -> None:
    """See that left and right are where they are in our layout."""
    sides = [side.finite(("joints",)).astype(int).tolist() for side in symmetry.entries()]
    ours = {
        (left, right)
        for left, right in enumerate(layout.mirror)
        if layout.joints[left].startswith("left_")
    }
    if len(sides) != 2 or len(sides[0]) != len(sides[1]) or set(zip(*sides, strict=True)) != ours:
        expected = [list(side) for side in zip(*sorted(ours), strict=True)]
        raise symmetry.wrong(f"the left and right joints of {layout.name}, {expected}: {sides}")


@dataclass(frozen=True)
class Laboratory:
    """Files that belong together: true positions by subject and sequence, keypoints, cameras."""

    positions: Tree
    detections: Detections
    rigs: Mapping[str, Rig]
    cameras: Path
    """The file that the rigs are from."""
    skeleton: str

    @classmethod
    def opened(cls, positions: Path, keypoints: Path, cameras: Path, skeleton: str) -> "Laboratory":
        """Read the files, and look at the layout of the keypoints, not yet at the sequences."""
        (world,) = read_pickled(positions, "positions_3d")
        return cls(world, Detections.read(keypoints), read_rigs(cameras), cameras, skeleton)

    def sequences(self) -> list[tuple[str, str]]:
        """The subject and the name of each sequence with positions."""
        return _sequences(self.positions)

    def others(self) -> list[tuple[str, str]]:
        """Those with keypoints and no positions."""
        known = set(self.sequences())
        return [sequence for sequence in _sequences(self.detections.found) if sequence not in known]

    def videos(
        self, sequence: LabSequence, rig_keys: Sequence[str], world_TK3: Doubles | None
    ) -> list[Recording]:
        """A sequence in each camera; the cameras are those under the first key there is."""
        views = self.detections.found[sequence.subject][sequence.name]
        rig = next((self.rigs[key] for key in rig_keys if key in self.rigs), None)
        if rig is None:
            expected = f"the cameras of {' or '.join(rig_keys)}, found {', '.join(self.rigs)}"
            raise InvalidInput.at(str(self.cameras), expected)
        if (count := len(views.entries())) != len(rig):
            expected = f"keypoints from {len(rig)} cameras, as {self.cameras} has, found {count}"
            raise views.wrong(expected)
        return list(self.detections.videos(sequence, rig, world_TK3, self.skeleton))

    def collect(self, videos: Sequence[Recording], fps: float, origin: str) -> RecordingSet:
        """Videos end to end; ``origin`` is that of the positions."""
        origin = f"{origin} Keypoints: {self.detections.path.name}."
        layout = self.detections.layout.name
        return RecordingSet.of(videos, fps, layout, self.skeleton, origin)


def _sequences(tree: Tree) -> list[tuple[str, str]]:
    return [(subject, name) for subject in tree.names() for name in tree[subject].names()]


def _read_keypoints(view: Tree, joints: int) -> Floats:
    """Keypoints (T, J, 3) in pixels with scores: 1 where none are given, 0 where x or y is NaN."""
    given = view.floats(("frames", joints, 2), ("frames", joints, 3))
    scores = np.ones((*given.shape[:2], 3 - given.shape[2]))
    scored = np.concatenate([given, scores], axis=2)
    seen = np.isfinite(scored).all(axis=2, keepdims=True)
    return np.where(seen, scored, 0.0).astype(np.float32)
