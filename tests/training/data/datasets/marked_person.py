"""An invented person who squats and lifts the arms, with the markers of the Plug-in-Gait set."""

import numpy as np

from training.data.datasets import joint_centres as jc
from training.data.datasets.markers import NAMES, Markers
from training.data.datasets.uiprmd import MOVEMENTS

THIGH, SHANK, UPPER_ARM, FOREARM = 0.42, 0.42, 0.29, 0.24
SIDES = (("left", "L", 1.0), ("right", "R", -1.0))
PELVIS_WIDTH, PELVIS_DEPTH = 0.25, 0.14
"""Between the front markers' bones, and from front to back."""


def person(frames: int = 300, fps: float = 50.0) -> tuple[dict[str, np.ndarray], Markers]:
    """Joints and markers, y up, facing +z: stands for a third of the time, then squats."""
    phase = np.clip(np.linspace(-0.5, 1.0, frames), 0, None)
    flexion = np.radians(100) * np.sin(np.pi * phase) ** 2
    joints, markers = {}, {}
    _legs(joints, markers, flexion)
    _trunk(joints, markers)
    _arms(joints, markers, np.radians(15) + flexion / 2)
    positions = np.stack([markers[name] for name in NAMES], axis=1)
    return joints, Markers(NAMES, positions, fps)


def _direction(angle: np.ndarray) -> np.ndarray:
    """Down, turned forward by an angle."""
    return np.stack([0 * angle, -np.cos(angle), np.sin(angle)], axis=-1)


def _at(points: np.ndarray, left: float, up: float, forward: float) -> np.ndarray:
    return points + np.array([left, up, forward])


def _legs(joints: dict, markers: dict, flexion: np.ndarray) -> None:
    radius, size = jc.MARKER_RADIUS_M, (THIGH + SHANK) / 0.84
    hip_out = 0.33 * PELVIS_WIDTH + 0.0073
    knee_out = jc.KNEE_BREADTH_M / 2 * size + radius
    ankle_out = jc.ANKLE_BREADTH_M / 2 * size + radius
    for side, letter, sign in SIDES:
        foot = np.tile([sign * hip_out, 0.08, 0.0], (len(flexion), 1))
        knee = foot - SHANK * _direction(-flexion / 2)
        hip = knee - THIGH * _direction(flexion / 2)
        joints |= {f"{side}_foot": foot, f"{side}_knee": knee, f"{side}_hip": hip}
        markers[f"{letter}ANK"] = _at(foot, sign * ankle_out, 0, 0)
        markers[f"{letter}HEE"] = _at(foot, 0, -0.03, -0.05)
        markers[f"{letter}TOE"] = _at(foot, 0, -0.03, 0.15)
        markers[f"{letter}KNE"] = _at(knee, sign * knee_out, 0, 0)
        markers[f"{letter}THI"] = _at((hip + knee) / 2, sign * 0.09, 0, 0)
    joints["hip"] = (joints["left_hip"] + joints["right_hip"]) / 2
    up, back = 0.30 * PELVIS_WIDTH + 0.0109, 0.24 * PELVIS_DEPTH + 0.0099
    front = _at(joints["hip"], 0, up, back + radius)
    for _, letter, sign in SIDES:
        markers[f"{letter}ASI"] = _at(front, sign * PELVIS_WIDTH / 2, 0, 0)
        depth = PELVIS_DEPTH + 2 * radius
        markers[f"{letter}PSI"] = _at(front, sign * 0.05, 0, -depth)


def _trunk(joints: dict, markers: dict) -> None:
    chest, head = _at(joints["hip"], 0, 0.35, 0), _at(joints["hip"], 0, 0.73, 0)
    markers |= {
        "C7": _at(chest, 0, 0.19, -0.07),
        "CLAV": _at(chest, 0, 0.12, 0.06),
        "T10": _at(chest, 0, -0.04, -0.09),
        "STRN": _at(chest, 0, -0.06, 0.10),
    }
    for _, letter, sign in SIDES:
        markers[f"{letter}FHD"] = _at(head, sign * 0.07, 0, 0.09)
        markers[f"{letter}BHD"] = _at(head, sign * 0.07, 0, -0.09)
    joints["head"] = head
    joints["chest"] = chest


def _arms(joints: dict, markers: dict, lift: np.ndarray) -> None:
    size = (THIGH + SHANK) / 0.84
    elbow_out = jc.ELBOW_BREADTH_M / 2 * size + jc.MARKER_RADIUS_M
    for side, letter, sign in SIDES:
        shoulder = _at(joints["chest"], sign * 0.17, 0.12, -0.01)
        elbow = shoulder + UPPER_ARM * _direction(lift)
        wrist = elbow + FOREARM * _direction(lift + np.radians(30))
        joints |= {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist}
        below = jc.SHOULDER_BELOW * UPPER_ARM + jc.MARKER_RADIUS_M
        markers[f"{letter}SHO"] = _at(shoulder, 0, below, 0)
        markers[f"{letter}ELB"] = _at(elbow, sign * elbow_out, 0, 0)
        markers[f"{letter}WRA"] = _at(wrist, -sign * 0.01, 0, 0.03)
        markers[f"{letter}WRB"] = _at(wrist, sign * 0.01, 0, -0.03)


def uiprmd_arrays(names: list[str], repetition: Markers) -> dict[str, np.ndarray]:
    """What UI-PRMD's file holds: repetitions, each of which goes on where the one before ended."""
    raw = np.round(repetition.positions_TM3[..., [2, 0, 1]] * 1e4)
    whole = np.concatenate([np.where(np.isfinite(raw), raw, 0)] * len(names))
    assert all(name.split("_")[1] in MOVEMENTS for name in names)
    return {
        "markers_tenth_mm": whole.astype(np.int16),
        "marker_names": np.array(repetition.names),
        "clip_ends": np.arange(1, len(names) + 1) * len(repetition),
        "clip_names": np.array(names),
        "fps": np.array(50),
    }
