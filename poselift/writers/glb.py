"""glTF 2.0, binary (.glb): a body with a skeleton in it, and its motion."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles
from poselift.kinematics.rotations import quaternions
from poselift.kinematics.segments import BodyMotion
from poselift.poses import Poses
from poselift.writers.body_mesh import BodyMesh, body_mesh
from poselift.writers.rigs import USUAL_RIG, RiggedJoint, rest_points, rig_named, rigged

_FLOAT, _BYTE, _SHORT = 5126, 5121, 5123
_COMPONENTS = {"float32": _FLOAT, "uint8": _BYTE, "uint16": _SHORT}
_SHAPES = {(): "SCALAR", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
_VERTICES, _INDICES = 34962, 34963
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942
_SKIN_COLOUR = [0.55, 0.42, 0.36, 1.0]


def write_glb(path: Path, poses: Poses, rig: str = USUAL_RIG) -> None:
    """Write a person with constant bone lengths in motion: y up, metres, at the clip's own times.

    The root moves as the hip does. Frames of unknown quality repeat the last pose.

    Raises:
        InvalidInput: the rig, the joints or the frame rate are not known, or no pose is.
    """
    kind = rig_named(rig)
    motion = BodyMotion.of(poses)
    joints = rigged(motion, kind)
    points = rest_points(motion, kind)
    height = -min(float(place[1]) for place in points.values())
    binary = _Binary()
    content = {
        "asset": {"version": "2.0", "generator": "poselift"},
        "scene": 0,
        "scenes": [{"nodes": [0, len(joints)]}],
        "nodes": [*_nodes(joints, height), {"name": "body", "mesh": 0, "skin": 0}],
        "meshes": [_mesh(body_mesh(points), joints, height, binary)],
        "materials": [_material()],
        "skins": [_skin(joints, height, binary)],
        "animations": [_animation(poses.times_s, motion, joints, binary)],
    }
    content |= binary.described()
    path.write_bytes(_container(content, bytes(binary.data)))


class _Binary:
    """The buffer of a file, as it grows by arrays."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._accessors: list[dict[str, Any]] = []
        self._views: list[dict[str, Any]] = []

    def add(self, values: NDArray[Any], target: int | None = None, bounds: bool = False) -> int:
        """Append an array, one element a row; the number by which the file refers to it."""
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data)}
        view["byteLength"] = values.nbytes
        if target is not None:
            view["target"] = target
        accessor: dict[str, Any] = {
            "bufferView": len(self._views),
            "componentType": _COMPONENTS[values.dtype.name],
            "count": len(values),
            "type": _SHAPES[values.shape[1:]],
        }
        if bounds:
            accessor["min"] = np.atleast_1d(values.min(axis=0)).tolist()
            accessor["max"] = np.atleast_1d(values.max(axis=0)).tolist()
        self._views.append(view)
        self._accessors.append(accessor)
        self.data += np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
        self.data += bytes(-len(self.data) % 4)
        return len(self._accessors) - 1

    def described(self) -> dict[str, Any]:
        """What the file says about the buffer."""
        return {
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self.data)}],
        }


def _nodes(joints: list[RiggedJoint], height: float) -> list[dict[str, Any]]:
    nodes = []
    for number, joint in enumerate(joints):
        before = np.array([0, -height, 0]) if joint.parent < 0 else joints[joint.parent].rest
        node: dict[str, Any] = {"name": joint.name}
        node["translation"] = (joint.rest - before).tolist()
        children = [below for below, each in enumerate(joints) if each.parent == number]
        nodes.append(node | ({"children": children} if children else {}))
    return nodes


def _mesh(
    mesh: BodyMesh, joints: list[RiggedJoint], height: float, binary: _Binary
) -> dict[str, Any]:
    held_by, weights = _vertex_joints(mesh, joints)
    places = mesh.vertices + [0, height, 0]
    attributes = {
        "POSITION": binary.add(places.astype(np.float32), _VERTICES, bounds=True),
        "NORMAL": binary.add(mesh.normals.astype(np.float32), _VERTICES),
        "JOINTS_0": binary.add(held_by, _VERTICES),
        "WEIGHTS_0": binary.add(weights, _VERTICES),
    }
    indices = binary.add(mesh.triangles.ravel().astype(np.uint16), _INDICES)
    return {
        "name": "body",
        "primitives": [{"attributes": attributes, "indices": indices, "material": 0}],
    }


def _vertex_joints(
    mesh: BodyMesh, joints: list[RiggedJoint]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The joints (V, 4) that each vertex goes along with, and their weights."""
    # Joints of one segment move as one: any of them will do.
    first = {joint.segment: number for number, joint in reversed([*enumerate(joints)])}
    held_by = np.zeros((len(mesh.weights), 4), np.uint8)
    weights = np.zeros((len(mesh.weights), 4), np.float32)
    for vertex, shares in enumerate(mesh.weights):
        for place, (segment, share) in enumerate(shares.items()):
            held_by[vertex, place], weights[vertex, place] = first[segment], share
    return held_by, weights


def _material() -> dict[str, Any]:
    surface = {"baseColorFactor": _SKIN_COLOUR, "metallicFactor": 0.0, "roughnessFactor": 0.7}
    return {"name": "body", "pbrMetallicRoughness": surface}


def _skin(joints: list[RiggedJoint], height: float, binary: _Binary) -> dict[str, Any]:
    matrices = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    # Matrices are written column by column: what moves stands in the last row.
    matrices[:, 3, :3] = [-joint.rest - [0, height, 0] for joint in joints]
    numbers = list(range(len(joints)))
    return {"joints": numbers, "skeleton": 0, "inverseBindMatrices": binary.add(matrices)}


def _animation(
    times_s: Doubles, motion: BodyMotion, joints: list[RiggedJoint], binary: _Binary
) -> dict[str, Any]:
    times = binary.add((times_s - times_s[0]).astype(np.float32), bounds=True)
    tracks = [(0, "translation", motion.root)]
    tracks += [
        (number, "rotation", quaternions(joint.rotation)) for number, joint in enumerate(joints)
    ]
    return {
        "name": "motion",
        "samplers": [
            {"input": times, "output": binary.add(values.astype(np.float32))}
            for _, _, values in tracks
        ],
        "channels": [
            {"sampler": sampler, "target": {"node": node, "path": what}}
            for sampler, (node, what, _) in enumerate(tracks)
        ],
    }


def _container(content: dict[str, Any], binary: bytes) -> bytes:
    """The two chunks of a binary file, each filled up to a multiple of four bytes."""
    text = json.dumps(content, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), _JSON_CHUNK) + text
    chunks += struct.pack("<II", len(binary), _BINARY_CHUNK) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
