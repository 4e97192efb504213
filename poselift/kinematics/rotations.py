"""Rotations as matrices (T, 3, 3) that turn columns, quaternions and Euler angles."""

import numpy as np

from poselift.array_types import Doubles, Mask

_NOTHING = 1e-6
"""Of vectors: shorter ones have no direction."""
_GIMBAL_LOCK = 1e-5
"""The cosine of the middle Euler angle (the sine, of y-x-y) below which the others are one."""


def unit(vectors_T3: Doubles, otherwise: Doubles) -> Doubles:
    """Vectors of length 1; ``otherwise``, (3,) or (T, 3), where there is no direction."""
    lengths_T1 = np.linalg.norm(vectors_T3, axis=-1, keepdims=True)
    directions: Doubles = vectors_T3 / np.maximum(lengths_T1, _NOTHING)
    return np.where(lengths_T1 > _NOTHING, directions, otherwise)


def turned(rotations_T33: Doubles, vectors: Doubles) -> Doubles:
    """Vectors, (3,) or (T, 3), turned by each rotation."""
    result: Doubles = np.einsum("tij,...tj->...ti", rotations_T33, np.atleast_2d(vectors))
    return result


def inverse(rotations_T33: Doubles) -> Doubles:
    """The rotations that undo these."""
    return np.swapaxes(rotations_T33, -1, -2)


def about(axis: str, angles_T: Doubles | float) -> Doubles:
    """Rotations about one of the axes x, y and z, in radians."""
    angles = np.atleast_1d(np.asarray(angles_T, np.float64))
    first = "xyz".index(axis)
    second, third = (first + 1) % 3, (first + 2) % 3
    rotations = np.zeros((len(angles), 3, 3))
    rotations[:, first, first] = 1
    rotations[:, second, second] = rotations[:, third, third] = np.cos(angles)
    rotations[:, third, second] = np.sin(angles)
    rotations[:, second, third] = -np.sin(angles)
    return rotations


def shortest(from_T3: Doubles, to_T3: Doubles) -> Doubles:
    """The rotations by the smallest angle that turn unit vectors into others."""
    start, end = np.broadcast_arrays(np.atleast_2d(from_T3), np.atleast_2d(to_T3))
    # Two reflections make a rotation: in the plane across ``start``, and across the bisector.
    # Opposite vectors have no bisector; any perpendicular one will do.
    middle = unit(start + end, _perpendicular(start))
    return _reflection(middle) @ _reflection(start)


def _reflection(normals_T3: Doubles) -> Doubles:
    result: Doubles = np.eye(3) - 2 * normals_T3[:, :, None] * normals_T3[:, None, :]
    return result


def _perpendicular(vectors_T3: Doubles) -> Doubles:
    """Some unit vector across each of these."""
    least = np.abs(vectors_T3).argmin(axis=-1)
    return unit(np.cross(vectors_T3, np.eye(3)[least]), np.array([1.0, 0, 0]))


def bases(first_T3: Doubles, near_T3: Doubles) -> Doubles:
    """Right-handed bases, in columns: a unit vector, a second one nearest to another, a third."""
    first, near = np.broadcast_arrays(np.atleast_2d(first_T3), np.atleast_2d(near_T3))
    across = near - (near * first).sum(axis=-1, keepdims=True) * first
    second = unit(across, _perpendicular(first))
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def quaternions(rotations_T33: Doubles) -> Doubles:
    """Quaternions (T, 4) as x, y, z, w, of which each takes the short way from the one before."""
    r = rotations_T33
    trace = np.trace(r, axis1=1, axis2=2)
    # Of four ways to take it from the matrix, the one that divides by the largest number.
    squares_T4 = np.stack([*(1 + 2 * r[:, i, i] - trace for i in range(3)), 1 + trace], axis=-1)
    best = squares_T4.argmax(axis=-1)
    products_T44 = np.empty((len(r), 4, 4))
    for i in range(4):
        products_T44[:, i, i] = squares_T4[:, i]
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        products_T44[:, i, j] = products_T44[:, j, i] = r[:, j, i] + r[:, i, j]
        products_T44[:, k, 3] = products_T44[:, 3, k] = r[:, j, i] - r[:, i, j]
    rows = products_T44[np.arange(len(r)), best]
    rows /= np.linalg.norm(rows, axis=-1, keepdims=True)
    is_far = (rows[1:] * rows[:-1]).sum(axis=-1) < 0
    signs = np.where(np.concatenate([[0], np.cumsum(is_far)]) % 2, -1.0, 1.0)
    result: Doubles = rows * signs[:, None]
    return result


def euler_zxy(rotations_T33: Doubles) -> Doubles:
    """Angles (T, 3), radians, about z, x and y, where R = Rz·Rx·Ry; without jumps in time.

    Of the two triples that each rotation has, the smaller is taken in the first frame, and then
    that which is nearer to the frame before. Where the angle about x is ±90 degrees, only the sum
    or difference of the others counts: the one about z stays what it was.
    """
    r = rotations_T33
    x = np.arcsin(np.clip(r[:, 2, 1], -1, 1))
    z = np.arctan2(-r[:, 0, 1], r[:, 1, 1])
    z = _held(z, np.hypot(r[:, 0, 1], r[:, 1, 1]) > _GIMBAL_LOCK)
    sine, cosine = np.sin(z), np.cos(z)
    y = np.arctan2(cosine * r[:, 0, 2] + sine * r[:, 1, 2], cosine * r[:, 0, 0] + sine * r[:, 1, 0])
    angles = np.stack([z, x, y], axis=-1)
    other = np.stack([z + np.pi, np.pi - x, y + np.pi], axis=-1)
    before = np.concatenate([np.zeros((1, 3)), angles[:-1]])
    # Changing over is told from the frame before: after one change, "other" means the first again.
    is_other = np.cumsum(_distance(other, before) < _distance(angles, before)) % 2 == 1
    chosen = np.where(is_other[:, None], other, angles)
    chosen[0] -= 2 * np.pi * np.round(chosen[0] / (2 * np.pi))
    return np.unwrap(chosen, axis=0)


def euler_yxy(rotations_T33: Doubles) -> Doubles:
    """Angles (T, 3), radians, about y, x and y again, where R = Ry·Rx·Ry, the second not above 0.

    Where it is 0, only the sum of the others counts: the first stays what it was.
    """
    r = rotations_T33
    sine = np.hypot(r[:, 0, 1], r[:, 2, 1])
    x = -np.arctan2(sine, r[:, 1, 1])
    first = _held(np.arctan2(-r[:, 0, 1], -r[:, 2, 1]), sine > _GIMBAL_LOCK)
    # What is left after the first two turns is a turn about y: its first row is (cos, 0, sin).
    rest = inverse(about("y", first) @ about("x", x)) @ r
    return np.stack([first, x, np.arctan2(rest[:, 0, 2], rest[:, 0, 0])], axis=-1)


def _held(angles_T: Doubles, is_told_T: Mask) -> Doubles:
    """Angles that repeat the last one told where there is none; 0 before the first."""
    latest = np.maximum.accumulate(np.where(is_told_T, np.arange(len(angles_T)), -1))
    return np.where(latest >= 0, angles_T[latest], 0.0)


def _distance(some: Doubles, others: Doubles) -> Doubles:
    distances: Doubles = (1 - np.cos(some - others)).sum(axis=-1)
    return distances
