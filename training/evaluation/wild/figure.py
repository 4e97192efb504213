"""A made-up figure of known knees and elbows: what flexion is found of it, from eight sides.

It stands straight with its arms down or level (a T-pose), squats with knees flexed by up to 120°,
or flexes its elbows, holds still for a second before a plain camera, and is lifted as callers lift
people. Nothing of it is in the training data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from poselift.cameras import Camera
from poselift.formats import FORMATS
from poselift.lifting import lift
from poselift.runtime.clip import ClipModel
from training.array_types import Array, Doubles, Floats
from training.augmentation.synthetic_camera import look_at
from training.data.datasets.body import POINTS, stacked, with_face
from training.metrics import flexed_joints, flexion

STATURE_M = 1.75
_THIGH, _SHANK, _ANKLE_HEIGHT = 0.245, 0.246, 0.039
_UPPER_ARM, _FOREARM, _SHOULDER = 0.186, 0.146, 0.129
_HIP = 0.05
_TRUNK = {"spine": 0.144, "thorax": 0.288, "neck": 0.37, "head": 0.425}
"""Above the hips. Limbs and heights in shares of the stature (Drillis and Contini, 1966, as in
Winter, Biomechanics and Motor Control of Human Movement); hips, neck and head as Human3.6M has
them, whose neck lies inside the skull."""
_NECK_AHEAD = 0.017
_TRUNK_MASS = 0.18
"""How far above the hips the mass of trunk, arms and head is."""
_SHANK_SHARE = 0.3
"""Of a squat's knee flexion, how much the shank leans forward; the thigh leans back by the rest."""

SIDES = ("front", "front left", "left", "back left", "back", "back right", "right", "front right")
"""Of the person, that the camera sees; 45° apart."""
_DISTANCE_M, _CHEST = 4.0, 0.72
_IMAGE_SIZE = (1080, 1920)
"""Upright, as phones are held: the whole person fits."""
FPS = 50.0
_STILL_S = 1.0
_FORMAT = "coco17"

FLEXIONS = tuple(range(0, 121, 10))
"""Degrees."""
REPORTED = (0, 20, 60, 90)
Arms = Literal["down", "level"]


def posed(knees: float = 0.0, elbows: float = 0.0, arms: Arms = "down") -> Doubles:
    """The figure's points (22, 3): metres, x to its left, y up, facing z, feet at the origin."""
    knees, elbows = np.radians([knees, elbows])
    shank_lean = _SHANK_SHARE * knees
    knee = np.array([0.0, _ANKLE_HEIGHT, 0.0]) + _SHANK * _up(shank_lean)
    hip = knee + _THIGH * _up(shank_lean - knees)
    trunk_lean = np.arcsin(-hip[2] / _TRUNK_MASS)  # keeps the mass above the ankles
    at = {"hip": hip} | {name: hip + up * _up(trunk_lean) for name, up in _TRUNK.items()}
    at["neck"] = at["neck"] + _NECK_AHEAD * _up(trunk_lean + np.pi / 2)
    for side, left in (("left", 1.0), ("right", -1.0)):
        outwards = np.array([left, 0.0, 0.0])
        leg = {"hip": hip, "knee": knee, "foot": np.array([0.0, _ANKLE_HEIGHT, 0.0])}
        at |= {f"{side}_{name}": place + _HIP * outwards for name, place in leg.items()}
        upper = outwards if arms == "level" else _up(np.pi)
        lower = outwards if arms == "level" else _up(np.pi - elbows)
        shoulder = at["thorax"] + _SHOULDER * outwards
        elbow = shoulder + _UPPER_ARM * upper
        arm = {"shoulder": shoulder, "elbow": elbow, "wrist": elbow + _FOREARM * lower}
        at |= {f"{side}_{name}": place for name, place in arm.items()}
    metres = {name: STATURE_M * place[None] for name, place in at.items()}
    return np.asarray(stacked(with_face(metres))[0])


def _up(lean: float) -> Doubles:
    """A direction in the figure's plane of symmetry, that leans forward by so many radians."""
    return np.array([0.0, np.cos(lean), np.sin(lean)])


def in_camera(points_M3: Doubles, side: int) -> Floats:
    """The figure in the axes of a camera on one of its sides, level with its chest."""
    bearing = 2 * np.pi * side / len(SIDES)
    chest = np.array([0.0, _CHEST * STATURE_M, 0.0])
    position = chest + _DISTANCE_M * np.array([np.sin(bearing), 0.0, np.cos(bearing)])
    return np.asarray((points_M3 - position) @ look_at(position, chest, 0.0).T, np.float32)


def seen_from(points_M3: Doubles, side: int) -> Floats:
    """Keypoints (J, 2), pixels, of the figure from one of its sides."""
    names = [name.replace("_ankle", "_foot") for name in FORMATS[_FORMAT].joints]
    columns = [POINTS.index(name) for name in names]
    return Camera.assumed(_IMAGE_SIZE).project(in_camera(points_M3, side)[columns])


def lifted(lifter: ClipModel, points_M3: Doubles, side: int) -> Floats:
    """The figure's pose (T, K, 3) as the library serves it."""
    still = np.repeat(seen_from(points_M3, side)[None], round(_STILL_S * FPS), axis=0)
    how = {"image_size": _IMAGE_SIZE, "fps": FPS, "keypoint_format": _FORMAT}
    return lift(still, model=lifter, **how).poses  # type: ignore[arg-type]


@dataclass(frozen=True)
class Found:
    """Flexions that were found where they are known, in degrees, by sides."""

    true_A: Array
    found_AS: Array

    @property
    def slope(self) -> float:
        """Of found over true flexion, by least squares over all sides."""
        return float(np.polyfit(self.true_A, self.found_AS.mean(axis=1), 1)[0])

    def off(self, degrees: float) -> Array:
        """Found minus true flexion (S,) where the true one is this."""
        (row,) = np.flatnonzero(self.true_A == degrees)
        return np.asarray(self.found_AS[row] - degrees)


Figures = dict[str, Found]
"""By ``knees``, ``elbows``, and the same ``in a T-pose``."""


def measure_figure(lifter: ClipModel) -> Figures:
    """Lift the figure in all its poses from all sides."""
    return {
        "knees": _found(lifter, "knee", {angle: posed(knees=angle) for angle in FLEXIONS}),
        "elbows": _found(lifter, "elbow", {angle: posed(elbows=angle) for angle in FLEXIONS}),
        "knees in a T-pose": _found(lifter, "knee", {0: posed(arms="level")}),
        "elbows in a T-pose": _found(lifter, "elbow", {0: posed(arms="level")}),
    }


def _found(lifter: ClipModel, joint: str, poses: Mapping[int, Doubles]) -> Found:
    chains = flexed_joints(lifter.card.output.joints)[joint]
    found = [
        [float(flexion(lifted(lifter, points, side)[:, chains]).mean()) for side in _sides()]
        for points in poses.values()
    ]
    return Found(np.array(list(poses)), np.array(found))


def _sides() -> Iterable[int]:
    return range(len(SIDES))


def as_rows(found: Figures) -> dict[str, float]:
    """Slopes, and found minus true flexion at some angles: the mean of the sides, and the worst."""
    values = {}
    for joint, each in found.items():
        if len(each.true_A) > 1:
            values[f"{joint}: slope of found over true (%)"] = each.slope * 100
        for degrees in REPORTED if len(each.true_A) > 1 else (0,):
            off_S = each.off(degrees)
            worst = int(np.abs(off_S).argmax())
            values[f"{joint} at {degrees}°: found - true, mean of sides"] = float(off_S.mean())
            values[f"{joint} at {degrees}°: found - true, worst side"] = float(off_S[worst])
    return values
