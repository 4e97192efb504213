"""Acclaim skeletons (.asf) and motions (.amc), the native format of the CMU database.

A joint of the motion is named after the bone that ends in it, and ``root``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets.kinematics import Motion, forward

CMU_FPS = 120.0
"""The format has no frame rate; the CMU database is captured at this one."""


@dataclass(frozen=True)
class Bone:
    """A bone at rest: its vector, the axes its angles turn about, and the angles it has."""

    name: str
    vector: Doubles
    axes: Rotation
    angles: str
    """Letters of x, y, z in the order of the motion file's columns."""


@dataclass(frozen=True)
class Asf:
    """A skeleton at rest. ``bones[0]`` is the root, of length nothing; parents come first."""

    bones: tuple[Bone, ...]
    parents: tuple[int, ...]
    radians: bool

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the bones."""
        return tuple(bone.name for bone in self.bones)


def read_asf(path: Path) -> Asf:
    """Read a skeleton. Lengths keep the file's unit."""
    sections = _sections(path)
    for needed in ("root", "bonedata", "hierarchy"):
        if needed not in sections:
            raise InvalidInput.at(str(path), f"a section :{needed}")
    radians = any(line[:2] == ["angle", "rad"] for line in sections.get("units", []))
    try:
        bones = [_root(sections["root"], radians)]
        bones += [_bone(block, radians) for block in _blocks(sections["bonedata"])]
        return _ordered(bones, sections["hierarchy"], radians)
    except (KeyError, ValueError, IndexError) as error:
        raise InvalidInput.at(str(path), f"a readable ASF skeleton, found {error!r}") from error


def read_amc(path: Path, skeleton: Asf, fps: float = CMU_FPS) -> Motion:
    """Read a motion of a skeleton, in the skeleton's unit of length."""
    values = _amc_columns(path)
    unknown = set(values) - set(skeleton.names)
    if unknown or "root" not in values:
        expected = f"root and bones of the skeleton, found {', '.join(sorted(unknown))}"
        raise InvalidInput.at(str(path), expected)
    frames = len(values["root"])
    if values["root"].shape[1] != 6:
        raise InvalidInput.at(f"{path}, bone root", f"6 values, found {values['root'].shape[1]}")
    local = np.empty((frames, len(skeleton.bones), 3, 3))
    for index, bone in enumerate(skeleton.bones):
        angles = values.get(bone.name, np.zeros((frames, len(bone.angles))))
        where = f"{path}, bone {bone.name}"
        local[:, index] = _local(bone, angles[:, -3:], skeleton.radians, where)
    vectors = np.array([bone.vector for bone in skeleton.bones])
    root = values["root"][:, :3] + vectors[0]
    positions, rotations = forward(skeleton.parents, vectors, local, root, own_rotation=True)
    return Motion(skeleton.names, positions, rotations, fps)


def _local(bone: Bone, angles: Doubles, radians: bool, where: str) -> Doubles:
    """Local rotations (T, 3, 3): the angles about the bone's own axes (C M C^-1)."""
    if angles.shape[1] != len(bone.angles):
        raise InvalidInput.at(where, f"{len(bone.angles)} angles, found {angles.shape[1]}")
    if not bone.angles:
        return np.broadcast_to(np.eye(3), (len(angles), 3, 3))
    turned = Rotation.from_euler(bone.angles, angles, degrees=not radians)
    return np.asarray((bone.axes * turned * bone.axes.inv()).as_matrix())


def _sections(path: Path) -> dict[str, list[list[str]]]:
    """The words of each line, under the ``:keyword`` they follow."""
    sections: dict[str, list[list[str]]] = {}
    current: list[list[str]] = []
    for line in path.read_text(encoding="latin-1").splitlines():
        words = line.split("#", 1)[0].split()
        if words and words[0].startswith(":"):
            current = sections.setdefault(words[0][1:].lower(), [])
            words = words[1:]
        if words:
            current.append(words)
    return sections


def _blocks(lines: Sequence[list[str]]) -> Iterator[dict[str, list[str]]]:
    """Each ``begin`` … ``end`` as a table of its lines."""
    block: dict[str, list[str]] = {}
    for key, *words in lines:
        if key == "begin":
            block = {}
        elif key == "end":
            yield block
        else:
            block.setdefault(key, words)


def _root(lines: Sequence[list[str]], radians: bool) -> Bone:
    table = {words[0]: words[1:] for words in lines}
    order = [word.lower() for word in table["order"]]
    if order[:3] != ["tx", "ty", "tz"] or len(order) != 6:
        found = " ".join(table["order"])
        raise ValueError(f"root order {found}, expected TX TY TZ and three angles")
    axes = _axes([*table.get("orientation", ["0", "0", "0"]), *table.get("axis", ["XYZ"])], radians)
    position = np.array(table.get("position", ["0", "0", "0"]), dtype=float)
    return Bone("root", position, axes, "".join(word[1] for word in order[3:]))


def _bone(block: Mapping[str, list[str]], radians: bool) -> Bone:
    angles = [word.lower() for word in block.get("dof", [])]
    if not set(angles) <= {"rx", "ry", "rz"}:
        raise ValueError(f"dof {' '.join(angles)} of {block['name'][0]}, expected of rx ry rz")
    direction = np.array(block["direction"], dtype=float)
    vector = direction / np.linalg.norm(direction) * float(block["length"][0])
    axes = _axes(block["axis"], radians)
    return Bone(block["name"][0], vector, axes, "".join(word[1] for word in angles))


def _axes(words: Sequence[str], radians: bool) -> Rotation:
    """The frame ``axis a b c XYZ`` speaks of: turned about fixed x, then y, then z."""
    return Rotation.from_euler(words[3].lower(), list(map(float, words[:3])), degrees=not radians)


def _ordered(bones: Sequence[Bone], hierarchy: Sequence[list[str]], radians: bool) -> Asf:
    """Bones sorted so that a parent stands before its children."""
    table = {bone.name: bone for bone in bones}
    names, parents = ["root"], [-1]
    for parent, *children in hierarchy:
        if parent in ("begin", "end"):
            continue
        for child in children:
            parents.append(names.index(parent))
            names.append(child)
    return Asf(tuple(table[name] for name in names), tuple(parents), radians)


def _amc_columns(path: Path) -> dict[str, Doubles]:
    """The values of each bone, (T, n). Every frame has to list the same bones in one order."""
    lines = path.read_text(encoding="latin-1").splitlines()
    data = [line for line in lines if line.strip() and line.lstrip()[0] not in "#:"]
    starts = [index for index, line in enumerate(data) if line.strip().isdigit()]
    if not starts or starts[0] != 0:
        raise InvalidInput.at(str(path), "frames that begin with their number")
    size = (starts[1] if len(starts) > 1 else len(data)) - starts[0]
    if starts != list(range(0, len(data), size)) or len(data) % size:
        odd = next((i for i, s in enumerate(starts) if s != i * size), len(starts) - 1)
        raise InvalidInput.at(f"{path}, frame {data[starts[odd - 1]].strip()}", f"{size - 1} bones")
    return dict(_column(data[row::size], path) for row in range(1, size))


def _column(lines: Sequence[str], path: Path) -> tuple[str, Doubles]:
    words = [line.split() for line in lines]
    name, width = words[0][0], len(words[0])
    for frame, found in enumerate(words, start=1):
        if found[0] != name or len(found) != width:
            raise InvalidInput.at(f"{path}, frame {frame}", f"{name} with {width - 1} values")
    try:
        values: Doubles = np.array(words)[:, 1:].astype(np.float64)
    except ValueError as error:
        raise InvalidInput.at(f"{path}, bone {name}", f"numbers: {error}") from error
    return name, values
