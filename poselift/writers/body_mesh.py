"""A simple body around a rest pose: solids of few faces, vertices held by one or two segments."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles
from poselift.kinematics.rotations import unit

_SIDES = 10
"""Of each solid's outline."""
_USUAL_LEG_M = 0.84
"""From hip to ankle, of the body whose thicknesses are given below, in metres."""

Weights = Mapping[str, float]
"""The shares of segments in what a vertex does."""


class BodyMesh(NamedTuple):
    """Triangles around a body at rest.

    Attributes:
        vertices: (V, 3), metres.
        normals: (V, 3), of length 1.
        triangles: the numbers of their corners (F, 3), counterclockwise from outside.
        weights: for each vertex, the one or two segments that it goes along with; they sum to 1.
    """

    vertices: Doubles
    normals: Doubles
    triangles: NDArray[np.intp]
    weights: list[Weights]


class _Ring(NamedTuple):
    """An ellipse: its middle, its two half axes and what its vertices go along with."""

    middle: Doubles
    wide: Doubles
    deep: Doubles
    weights: Weights


def body_mesh(points: Mapping[str, Doubles]) -> BodyMesh:
    """The body around these points of the rest pose, y up, facing +z."""
    leg = sum(
        float(np.linalg.norm(points[end] - points[start]))
        for start, end in (("left_hip", "left_knee"), ("left_knee", "left_foot"))
    )
    size = leg / _USUAL_LEG_M
    solids = [*_solids(points, size)]
    corners, faces = zip(*map(_solid, solids), strict=True)
    starts = np.cumsum([0, *map(len, corners)])
    vertices = np.concatenate(corners)
    triangles = np.concatenate([each + start for each, start in zip(faces, starts, strict=False)])
    weights = [weights for rings in solids for weights in _weights(rings)]
    return BodyMesh(vertices, _normals(vertices, triangles), triangles, weights)


def _weights(rings: list[_Ring]) -> list[Weights]:
    """Of a solid's vertices, in their order."""
    outlines = [ring.weights for ring in rings for _ in range(_SIDES)]
    return [rings[0].weights, *outlines, rings[-1].weights]


def _solids(points: Mapping[str, Doubles], size: float) -> Iterator[list[_Ring]]:
    yield _trunk(points, size)
    yield _head(points, size)
    for side in ("left", "right"):
        yield _arm(points, side, size)
        yield _leg(points, side, size)
        yield _foot(points, side, size)


def _trunk(points: Mapping[str, Doubles], size: float) -> list[_Ring]:
    hips, shoulders = points["left_hip"][0], points["left_shoulder"][0]
    spine, thorax = points["spine"][1], points["thorax"][1]
    chest = thorax - spine
    rows: list[tuple[float, float, float, Weights]] = [
        (-0.10 * size, 0.4 * hips, 0.05, {"pelvis": 1}),
        (-0.02 * size, hips + 0.06 * size, 0.10, {"pelvis": 1}),
        (0.45 * spine, hips + 0.05 * size, 0.095, {"pelvis": 0.5, "abdomen": 0.5}),
        (0.9 * spine, 0.8 * shoulders, 0.085, {"abdomen": 0.5, "chest": 0.5}),
        (spine + 0.5 * chest, 0.9 * shoulders, 0.105, {"chest": 1}),
        (thorax - 0.05 * size, 1.0 * shoulders, 0.09, {"chest": 1}),
        (thorax, 0.55 * shoulders, 0.065, {"chest": 1}),
        (thorax + 0.03 * size, 0.06 * size, 0.055, {"chest": 1}),
    ]
    return [
        _Ring(np.array([0, y, 0]), np.array([wide, 0, 0]), np.array([0, 0, deep * size]), weights)
        for y, wide, deep, weights in rows
    ]


def _head(points: Mapping[str, Doubles], size: float) -> list[_Ring]:
    thorax, nose, top = points["thorax"], points["neck"][1], points["head"][1]
    jaw = nose - 0.045 * size
    skull = top - jaw
    rows: list[tuple[float, float, float, float, Weights]] = [
        (thorax[1] - 0.01 * size, 0.05, 0.05, 0.0, {"neck": 1}),
        ((thorax[1] + jaw) / 2, 0.048, 0.05, 0.005, {"neck": 1}),
        (jaw, 0.05, 0.065, 0.02, {"neck": 0.3, "head": 0.7}),
        (jaw + 0.2 * skull, 0.062, 0.085, 0.02, {"head": 1}),
        (jaw + 0.55 * skull, 0.075, 0.095, 0.01, {"head": 1}),
        (jaw + 0.85 * skull, 0.062, 0.078, 0.0, {"head": 1}),
        (top, 0.03, 0.04, 0.0, {"head": 1}),
    ]
    return [
        _Ring(
            np.array([thorax[0], y, thorax[2] + forward * size]),
            np.array([wide * size, 0, 0]),
            np.array([0, 0, deep * size]),
            weights,
        )
        for y, wide, deep, forward, weights in rows
    ]


def _arm(points: Mapping[str, Doubles], side: str, size: float) -> list[_Ring]:
    shoulder, elbow, wrist, fingers = (
        points[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "fingers")
    )
    upper, fore = {f"{side}_upper_arm": 1.0}, {f"{side}_forearm": 1.0}
    both = {f"{side}_upper_arm": 0.5, f"{side}_forearm": 0.5}
    start = {f"{side}_upper_arm": 0.5, f"{side}_collar": 0.5}
    rings = [
        _along(shoulder, elbow, -0.06, (0.052, 0.052), start),
        _along(shoulder, elbow, 0.12, (0.056, 0.056), upper),
        _along(shoulder, elbow, 0.5, (0.047, 0.047), upper),
        _along(shoulder, elbow, 0.88, (0.04, 0.04), upper),
        _along(shoulder, elbow, 1, (0.04, 0.04), both),
        _along(elbow, wrist, 0.14, (0.041, 0.041), fore),
        _along(elbow, wrist, 0.4, (0.039, 0.039), fore),
        _along(elbow, wrist, 1, (0.029, 0.023), fore),
        _along(wrist, fingers, 0.5, (0.045, 0.017), fore),
        _along(wrist, fingers, 1.5, (0.025, 0.01), fore),
    ]
    return [_scaled(ring, size) for ring in rings]


def _leg(points: Mapping[str, Doubles], side: str, size: float) -> list[_Ring]:
    hip, knee, foot = (points[f"{side}_{name}"] for name in ("hip", "knee", "foot"))
    thigh, shank = {f"{side}_thigh": 1.0}, {f"{side}_shank": 1.0}
    both = {f"{side}_thigh": 0.5, f"{side}_shank": 0.5}
    start = {f"{side}_thigh": 0.5, "pelvis": 0.5}
    rings = [
        _along(hip, knee, -0.1, (0.07, 0.08), start),
        _along(hip, knee, 0.12, (0.084, 0.09), thigh),
        _along(hip, knee, 0.5, (0.07, 0.075), thigh),
        _along(hip, knee, 0.9, (0.054, 0.056), thigh),
        _along(hip, knee, 1, (0.052, 0.055), both),
        _along(knee, foot, 0.1, (0.052, 0.055), shank),
        _along(knee, foot, 0.3, (0.053, 0.057), shank),
        _along(knee, foot, 0.7, (0.04, 0.043), shank),
        _along(knee, foot, 1, (0.034, 0.038), shank),
        _along(knee, foot, 1.08, (0.03, 0.034), shank),
    ]
    return [_scaled(ring, size) for ring in rings]


def _foot(points: Mapping[str, Doubles], side: str, size: float) -> list[_Ring]:
    """From the heel to the toes, flat on the ground."""
    ankle, toes = points[f"{side}_foot"], points[f"{side}_toes"]
    weights = {f"{side}_shank": 1.0}
    ground = toes[1] - 0.01 * size
    rows = [(-0.35, 0.03, 0.5), (-0.2, 0.036, 0.9), (0.3, 0.042, 0.95), (0.8, 0.046, 0.55)]
    rows.append((1.15, 0.03, 0.3))
    rings = []
    for share, wide, high in rows:
        z = ankle[2] + share * (toes[2] - ankle[2])
        half = high * (ankle[1] - ground) / 2
        middle = np.array([ankle[0], ground + half, z])
        rings.append(_Ring(middle, np.array([-wide * size, 0, 0]), np.array([0, half, 0]), weights))
    return rings


def _along(
    start: Doubles, end: Doubles, share: float, radii: tuple[float, float], weights: Weights
) -> _Ring:
    """A ring across a limb; its first radius is across the way that the body faces."""
    way = unit(end - start, np.array([0.0, -1, 0]))
    wide = unit(np.cross(way, [0, 0, 1]), np.array([1.0, 0, 0]))
    deep = np.cross(wide, way)
    if abs(way[0]) > 0.5:  # an arm: the back of the hand is up
        wide, deep = deep, -wide
    return _Ring(start + share * (end - start), radii[0] * wide, radii[1] * deep, weights)


def _scaled(ring: _Ring, size: float) -> _Ring:
    return ring._replace(wide=ring.wide * size, deep=ring.deep * size)


def _solid(rings: list[_Ring]) -> tuple[Doubles, NDArray[np.intp]]:
    """A closed tube through rings: the middle of the first, all outlines, that of the last."""
    angles = np.arange(_SIDES) * 2 * np.pi / _SIDES
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    outlines = [ring.middle + circle @ np.stack([ring.wide, ring.deep]) for ring in rings]
    corners = np.concatenate([[rings[0].middle], *outlines, [rings[-1].middle]])
    here, beside = np.arange(_SIDES), (np.arange(_SIDES) + 1) % _SIDES
    last = len(corners) - 1
    faces = [np.stack([np.zeros_like(here), 1 + here, 1 + beside], axis=-1)]
    for number in range(len(rings) - 1):
        low, high = 1 + number * _SIDES, 1 + (number + 1) * _SIDES
        faces.append(np.stack([low + here, high + here, high + beside], axis=-1))
        faces.append(np.stack([low + here, high + beside, low + beside], axis=-1))
    end = last - _SIDES
    faces.append(np.stack([np.full_like(here, last), end + beside, end + here], axis=-1))
    triangles = np.concatenate(faces)
    return corners, triangles if _volume(corners, triangles) > 0 else triangles[:, ::-1]


def _volume(corners: Doubles, triangles: NDArray[np.intp]) -> float:
    """Above 0 if the triangles are counterclockwise from outside."""
    first, second, third = np.moveaxis(corners[triangles], 1, 0)
    return float((first * np.cross(second, third)).sum() / 6)


def _normals(vertices: Doubles, triangles: NDArray[np.intp]) -> Doubles:
    """Of vertices: the mean of those of the faces around, by their areas."""
    first, second, third = np.moveaxis(vertices[triangles], 1, 0)
    across = np.cross(second - first, third - first)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    return unit(normals, np.array([0.0, 1, 0]))
