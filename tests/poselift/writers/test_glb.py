"""GLB files: the container, and where the skeleton and the skin put joints and vertices."""

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import poselift
from poselift.imputation import Quality
from poselift.writers.rigs import RIGS
from tests.poselift.figures import FPS, T_POSE, figure, walk
from tests.poselift.writers.bvh_reader import read_bvh

_TYPES = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """A file read by the specification, knowing nothing of the writer."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert (kind, size % 4) == (b"JSON", 0)
        self.content = json.loads(data[20 : 20 + size])
        size_binary, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0"
        self.binary = data[28 + size :]
        assert len(self.binary) == size_binary == self.content["buffers"][0]["byteLength"]

    def array(self, number: int) -> np.ndarray:
        accessor = self.content["accessors"][number]
        view = self.content["bufferViews"][accessor["bufferView"]]
        kind, width = _TYPES[accessor["componentType"]], _WIDTHS[accessor["type"]]
        flat = np.frombuffer(self.binary, kind, accessor["count"] * width, view["byteOffset"])
        return flat.reshape(-1, width).squeeze(-1) if width == 1 else flat.reshape(-1, width)

    def track(self, node: int, path: str) -> np.ndarray | None:
        (animation,) = self.content["animations"]
        for channel in animation["channels"]:
            if channel["target"] == {"node": node, "path": path}:
                return self.array(animation["samplers"][channel["sampler"]]["output"])
        return None

    def times(self) -> np.ndarray:
        return self.array(self.content["animations"][0]["samplers"][0]["input"])

    def frame(self, number: int) -> dict[int, np.ndarray]:
        """The transformation (4, 4) of each node of the skeleton."""
        transforms: dict[int, np.ndarray] = {}

        def go(node: int, above: np.ndarray) -> None:
            own = np.eye(4)
            moved, turned = self.track(node, "translation"), self.track(node, "rotation")
            own[:3, 3] = (
                self.content["nodes"][node]["translation"] if moved is None else moved[number]
            )
            own[:3, :3] = Rotation.from_quat(turned[number]).as_matrix()
            transforms[node] = above @ own
            for child in self.content["nodes"][node].get("children", []):
                go(child, transforms[node])

        go(self.content["skins"][0]["skeleton"], np.eye(4))
        return transforms

    def vertices(self, number: int) -> np.ndarray:
        """The vertices in a frame, by linear blend skinning."""
        (primitive,) = self.content["meshes"][0]["primitives"]
        places, joints, weights = (
            self.array(primitive["attributes"][name])
            for name in ("POSITION", "JOINTS_0", "WEIGHTS_0")
        )
        skin, transforms = self.content["skins"][0], self.frame(number)
        bind = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
        moves = np.stack([transforms[node] @ bind[i] for i, node in enumerate(skin["joints"])])
        padded = np.concatenate([places, np.ones((len(places), 1))], axis=1)
        return np.einsum("vj,vjab,vb->va", weights, moves[joints], padded)[:, :3]


@pytest.fixture
def walking(tmp_path: Path) -> Glb:
    poselift.write(tmp_path / "out.glb", walk())
    return Glb(tmp_path / "out.glb")


@pytest.mark.parametrize("rig", RIGS)
def test_joints_are_where_the_bvh_file_has_them(tmp_path: Path, rig: str) -> None:
    poses = walk()
    poselift.write(tmp_path / "out.glb", poses, rig=rig)
    poselift.write(tmp_path / "out.bvh", poses, rig=rig)
    glb, expected = Glb(tmp_path / "out.glb"), read_bvh(tmp_path / "out.bvh").positions()
    for frame in (0, 25, 59):
        for node, transform in glb.frame(frame).items():
            place = expected[glb.content["nodes"][node]["name"]][frame] * RIGS[rig].unit_m
            assert transform[:3, 3] == pytest.approx(place, abs=1e-4)


def test_the_skin_is_around_the_joints_in_every_frame(walking: Glb) -> None:
    for frame in (0, 30):
        vertices = walking.vertices(frame)
        for transform in walking.frame(frame).values():
            assert np.linalg.norm(vertices - transform[:3, 3], axis=1).min() < 0.15


def test_the_mesh_is_closed_and_each_vertex_is_held(walking: Glb) -> None:
    (primitive,) = walking.content["meshes"][0]["primitives"]
    triangles = walking.array(primitive["indices"]).reshape(-1, 3)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there = {tuple(edge) for edge in edges.tolist()}
    assert len(there) == len(edges)  # each edge once in each direction
    assert there == {(end, start) for start, end in there}
    weights = walking.array(primitive["attributes"]["WEIGHTS_0"])
    assert weights.sum(axis=1) == pytest.approx(1)
    normals = walking.array(primitive["attributes"]["NORMAL"])
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-5)
    vertices = walking.array(primitive["attributes"]["POSITION"])
    first, second, third = np.moveaxis(vertices[triangles].astype(float), 1, 0)
    assert (first * np.cross(second, third)).sum() > 0  # faces look outwards


def test_the_body_at_rest_stands_on_the_ground_and_faces_z(tmp_path: Path) -> None:
    poselift.write(tmp_path / "out.glb", figure(T_POSE))
    glb = Glb(tmp_path / "out.glb")
    attributes = glb.content["meshes"][0]["primitives"][0]["attributes"]
    accessor = glb.content["accessors"][attributes["POSITION"]]
    assert accessor["min"][1] == pytest.approx(0, abs=0.03)
    assert 1.4 < accessor["max"][1] < 2
    assert accessor["max"][2] > -accessor["min"][2]


def test_times_are_the_clips_own(tmp_path: Path) -> None:
    times = np.cumsum([5.0, *np.random.default_rng(0).uniform(0.02, 0.05, 9)])
    poselift.write(tmp_path / "out.glb", replace(walk(10), timestamps_s=times))
    assert Glb(tmp_path / "out.glb").times() == pytest.approx(times - 5, abs=1e-5)
    poselift.write(tmp_path / "out.glb", walk(10))
    assert Glb(tmp_path / "out.glb").times() == pytest.approx(np.arange(10) / FPS, abs=1e-5)


def test_quaternions_take_the_short_way_and_unknown_frames_repeat(tmp_path: Path) -> None:
    poses = walk(60)
    poses.quality[20:25] = Quality.UNKNOWN
    poselift.write(tmp_path / "out.glb", poses)
    glb = Glb(tmp_path / "out.glb")
    turned = glb.track(0, "rotation")
    assert ((turned[1:] * turned[:-1]).sum(axis=1) > 0).all()
    np.testing.assert_array_equal(turned[20:25], turned[[19] * 5])
