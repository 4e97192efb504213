"""Files as VideoPose3D's scripts write them: tiny, invented, with consistent cameras."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from training.data.projection import project

H36M_SYMMETRY = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
COCO_SYMMETRY = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
HUMANEVA_SYMMETRY = [[2, 3, 4, 8, 9, 10], [5, 6, 7, 11, 12, 13]]


def projected(points: np.ndarray, intrinsics_T9: np.ndarray) -> np.ndarray:
    """Points in camera axes, in pixels, one set of intrinsics a frame."""
    pixels = project(
        torch.from_numpy(points.astype(float)), torch.from_numpy(intrinsics_T9.astype(float))
    )
    return pixels.numpy()


def metadata(layout: str, joints: int, symmetry: Any, **more: Any) -> dict[str, Any]:
    return {
        "layout_name": layout,
        "num_joints": joints,
        "keypoints_symmetry": symmetry,
        **more,
    }


def write_positions(path: Path, positions: Mapping[str, Any]) -> Path:
    np.savez_compressed(path, positions_3d=np.array(positions, dtype=object))
    return path


def write_keypoints(path: Path, keypoints: Mapping[str, Any], about: Mapping[str, Any]) -> Path:
    np.savez_compressed(path, positions_2d=keypoints, metadata=about)
    return path


def angles_of(subject: int, camera: int) -> np.ndarray:
    """Of the camera, x then y then z: it looks level across the room, whose z is up."""
    return np.array([-np.pi / 2 + 0.1 * camera, 0.4 * camera + 0.02 * subject, 0.05 * subject])


def place_of(subject: int, camera: int) -> np.ndarray:
    """Five metres behind the room's middle, as the camera looks, in metres."""
    ahead = _to_camera(subject, camera).inv().apply([0, 0, 1])
    return -5.0 * ahead + [0.1 * subject, 0.0, 1.0]


def _to_camera(subject: int, camera: int) -> Rotation:
    """The product of the three matrices."""
    (a, b, c) = angles_of(subject, camera)
    rx = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    ry = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    rz = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    return Rotation.from_matrix(np.array(rx) @ np.array(ry) @ np.array(rz))


def intrinsics_of(camera: int) -> np.ndarray:
    intrinsics = [1145.0, 1143.8, 512.5, 515.4, -0.207, 0.247, -0.003, -0.0009, -0.0014]
    return np.array(intrinsics) + [camera, camera, camera, camera, 0, 0, 0, 0, 0]


def write_metadata(path: Path) -> Path:
    places = [
        number
        for camera in range(4)
        for subject in range(1, 12)
        for number in (*angles_of(subject, camera), *(1000 * place_of(subject, camera)))
    ]
    intrinsics = [number for camera in range(4) for number in intrinsics_of(camera)]
    numbers = " ".join(f"{number:.17g}" for number in places + intrinsics)
    path.write_text(f'<?xml version="1.0"?>\n<metadata>\n<w0>[{numbers}]</w0>\n</metadata>\n')
    return path


def json_camera(subject: int, camera: int, size: tuple[int, int], name: str) -> dict[str, Any]:
    intrinsics = intrinsics_of(camera).tolist()
    return {
        "name": name,
        "image_size": list(size),
        "focal_length": intrinsics[:2],
        "principal_point": intrinsics[2:4],
        "radial": intrinsics[4:7],
        "tangential": intrinsics[7:],
        "orientation": _to_camera(subject, camera).inv().as_quat(scalar_first=True).tolist(),
        "translation": place_of(subject, camera).tolist(),
    }


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def in_camera_axes(world_TK3: np.ndarray, subject: int, camera: int) -> np.ndarray:
    """World positions in the camera's axes."""
    away = world_TK3 - place_of(subject, camera)
    return _to_camera(subject, camera).apply(away.reshape(-1, 3)).reshape(away.shape)


def keypoints_of(world_TK3: np.ndarray, subject: int, camera: int) -> np.ndarray:
    """Keypoints of these positions in pixels, (T, K, 2)."""
    intrinsics_T9 = np.tile(intrinsics_of(camera), (len(world_TK3), 1))
    return projected(in_camera_axes(world_TK3, subject, camera), intrinsics_T9)


def person(frames: int, joints: int, seed: int) -> np.ndarray:
    """Random points of a person's size in the middle of a room, z up, metres."""
    random = np.random.default_rng(seed)
    return random.uniform(-0.8, 0.8, (frames, joints, 3)) + [0, 0, 1]
