"""The body as rigid segments: the rotation of each in every frame, by inverse kinematics.

Axes are y up. In the rest pose, a T-pose, the person faces +z, the left arm points along +x, palms
are down, and every rotation is the identity. A segment turns about the joint where it begins:

    pelvis ─┬─ abdomen ── chest ─┬─ neck ── head
            │                    └─ (left, right) collar ── upper_arm ── forearm
            └─ (left, right) thigh ── shank

Positions follow from the directions of bones alone. What a direction leaves open, the twist about
it, comes from the line through the hips or shoulders, and in limbs from the plane in which knee or
elbow bend. A straight limb has no such plane: it keeps the twist of the frames around it, and takes
the one that the segment it hangs on suggests where there are none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles
from poselift.errors import InvalidInput
from poselift.imputation import UNKNOWN
from poselift.kinematics.rotations import about, bases, inverse, shortest, turned, unit
from poselift.poses import Poses
from poselift.postprocess.foot_contact import solve_tridiagonal
from poselift.postprocess.pipeline import enforce_bone_lengths
from poselift.skeletons import H36M17

_X, _Y, _Z = np.eye(3)
_TINY = 1e-9
_TWIST_SETTLES_S = 0.1
"""How far the twist of a limb is looked for in time where the limb is straight."""
_BENT, _BENT_AGAINST = np.sin(np.radians([20, 50]))
"""Where the plane of a limb begins to tell more than noise: one that agrees with the suggested
hinge, and one opposite to it, as of a limb that is bent the wrong way."""
_SUGGESTED = 0.05
"""What the suggested twist of a straight limb weighs, of what the plane of a bent one does."""


class _Limb(NamedTuple):
    """Two segments in a row, and the hinge between them.

    Attributes:
        hangs_on: the segment that suggests the twist.
        joints: where the first begins, where they meet, where the second ends.
        rest: the directions of both at rest.
        hinge: the axis of the joint between them at rest.
        suggest: about where the hinge is (T, 3), as seen from the segment that the limb hangs on,
            when the first points in each of some directions (T, 3).
    """

    hangs_on: str
    segments: tuple[str, str]
    joints: tuple[str, str, str]
    rest: tuple[Doubles, Doubles]
    hinge: Doubles
    suggest: Callable[[Doubles], Doubles]


def _arm(side: str) -> _Limb:
    joints = (f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist")
    segments = (f"{side}_upper_arm", f"{side}_forearm")
    if side == "left":
        return _Limb("chest", segments, joints, (_X, _X), -_Y, _suggest_left_elbow)
    return _Limb("chest", segments, joints, (-_X, -_X), _Y, _suggest_right_elbow)


def _leg(side: str) -> _Limb:
    joints = (f"{side}_hip", f"{side}_knee", f"{side}_foot")
    segments = (f"{side}_thigh", f"{side}_shank")
    return _Limb("pelvis", segments, joints, (-_Y, -_Y), _X, _suggest_knee)


def _neck(points: Mapping[str, Doubles]) -> _Limb:
    """The head upright over the thorax; the neck, whose joint is near the nose, before them."""
    joints = ("thorax", "neck", "head")
    lower, upper = (_length(points, joints[i], joints[i + 1]) for i in range(2))
    whole = float(np.median(np.linalg.norm(points["head"] - points["thorax"], axis=-1)))
    up = np.clip((lower**2 + whole**2 - upper**2) / max(2 * lower * whole, _TINY), 0, 1)
    first = up * _Y + np.sqrt(1 - up**2) * _Z
    second = unit(whole * _Y - lower * first, _Y)
    segments = ("neck", "head")
    return _Limb("chest", segments, joints, (first, second), -_X, _carried(first, -_X))


_ELBOW_63 = np.array(
    [
        *([0, -1, 0], [-0.3, 0, 0.95], [-1, -1, 0]),
        *([0, -1, -1], [-1, 0, 0], [-1, 0, 0]),
    ]
)
"""About where the left elbow's hinge is when the upper arm points out, up and forwards, and when
it points across, down and back: so that the forearm bends forwards or towards the body."""


def _suggest_left_elbow(ways_T3: Doubles) -> Doubles:
    """What lies between the directions of the table; arms do not point where the table breaks."""
    shares_T6 = np.concatenate([np.maximum(ways_T3, 0), np.maximum(-ways_T3, 0)], axis=-1) ** 2
    near = shares_T6 @ unit(_ELBOW_63, _X)
    return bases(ways_T3, near)[..., 1]


def _suggest_right_elbow(ways_T3: Doubles) -> Doubles:
    """The same in a mirror, where axes of rotation keep the part across it."""
    return _suggest_left_elbow(ways_T3 * [-1, 1, 1]) * [1, -1, -1]


def _suggest_knee(ways_T3: Doubles) -> Doubles:
    """The hinge goes along as the thigh swings from down and forwards: up and back it cannot go."""
    return _carried(unit(_Z - _Y, _Z), _X)(ways_T3)


def _carried(middle: Doubles, hinge: Doubles) -> Callable[[Doubles], Doubles]:
    """A hinge that the shortest turn from one direction carries along."""
    return lambda ways_T3: turned(shortest(middle, ways_T3), hinge)


_LIMBS: Mapping[str, _Limb] = MappingProxyType(
    {
        "left_arm": _arm("left"),
        "right_arm": _arm("right"),
        "left_leg": _leg("left"),
        "right_leg": _leg("right"),
    }
)

SEGMENT_JOINTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "pelvis": ("hip", "hip"),
        "abdomen": ("hip", "spine"),
        "chest": ("spine", "thorax"),
        "neck": ("thorax", "neck"),
        "head": ("neck", "head"),
        **{f"{side}_collar": ("thorax", f"{side}_shoulder") for side in ("left", "right")},
        **{each.segments[0]: each.joints[:2] for each in _LIMBS.values()},
        **{each.segments[1]: each.joints[1:] for each in _LIMBS.values()},
    }
)
"""The segments, and the joints where each begins and ends; parents come before their children."""

_CARRIED_BY = {end: segment for segment, (_, end) in SEGMENT_JOINTS.items()} | {
    "left_hip": "pelvis",
    "right_hip": "pelvis",
}
"""The segment that each joint but the hip is carried by."""


@dataclass(frozen=True)
class BodyMotion:
    """The motion of one person as rotations of rigid segments, y up.

    Attributes:
        rotations: of each segment (T, 3, 3), from the rest pose to the frame, in the axes of space.
        rest: where each joint is in the rest pose (3,), metres, the hip at the origin.
        root: where the hip is (T, 3), metres.
        residual: how far the joints of the rigid body are from those of the poses with constant
            bone lengths (T, 17), metres: 0 but for hips that do not move rigidly.
        is_known: which frames have a pose (T,); others repeat the last one known before them.
    """

    rotations: Mapping[str, Doubles]
    rest: Mapping[str, Doubles]
    root: Doubles
    residual: Doubles
    is_known: NDArray[np.bool_]

    @classmethod
    def of(cls, poses: Poses) -> "BodyMotion":
        """The motion of a person with the joints of Human3.6M, evenly spaced in time.

        Without a trajectory the hip keeps its place, as high as feet usually are below it.

        Raises:
            InvalidInput: other joints, no frame rate, or no known pose.
        """
        if poses.known_skeleton is not H36M17:
            raise InvalidInput.at("skeleton", f"{H36M17.name}, found {poses.skeleton}")
        is_known = poses.quality != UNKNOWN
        if not is_known.any():
            raise InvalidInput.at("poses", "at least one frame whose pose is known")
        upright = poses.in_axes("y_up")
        flat = enforce_bone_lengths(
            upright.poses[is_known], H36M17.parents, np.ones(is_known.sum(), bool)
        )
        points = dict(zip(H36M17.joints, np.moveaxis(flat.astype(np.float64), 1, 0), strict=True))
        rotations, rest = _solve(points, poses.known_fps)
        found = forward(rotations, rest)
        residual = np.stack(
            [np.linalg.norm(found[n] - points[n], axis=-1) for n in points], axis=-1
        )
        root = _in_place(points) if upright.trajectory is None else upright.trajectory[is_known]
        shown = np.maximum(np.cumsum(is_known) - 1, 0)
        held = {name: each[shown] for name, each in rotations.items()}
        root = root.astype(np.float64)[shown]
        return cls(held, rest, root, residual[shown], is_known)

    def points(self) -> dict[str, Doubles]:
        """Where the rotations put each joint (T, 3), in space."""
        return {name: each + self.root for name, each in forward(self.rotations, self.rest).items()}


def forward(rotations: Mapping[str, Doubles], rest: Mapping[str, Doubles]) -> dict[str, Doubles]:
    """Forward kinematics: where each joint is (T, 3), relative to the hip."""
    places = {"hip": np.zeros((len(rotations["pelvis"]), 3))}
    for joint, parent in zip(H36M17.joints[1:], H36M17.parents[1:], strict=True):
        before = H36M17.joints[parent]
        bone = turned(rotations[_CARRIED_BY[joint]], rest[joint] - rest[before])
        places[joint] = places[before] + bone
    return places


def _in_place(points: Mapping[str, Doubles]) -> Doubles:
    lowest = np.minimum(points["left_foot"][:, 1], points["right_foot"][:, 1])
    return np.tile([0, -np.median(lowest), 0], (len(lowest), 1))


def _solve(
    points: Mapping[str, Doubles], fps: float
) -> tuple[dict[str, Doubles], dict[str, Doubles]]:
    """The rotations of all segments, and the rest pose, of poses with constant bone lengths."""
    rotations = _trunk(points)
    ways = _rest_ways(points, rotations)
    for side in ("left", "right"):
        way = unit(
            points[f"{side}_shoulder"] - points["thorax"],
            turned(rotations["chest"], ways[f"{side}_shoulder"]),
        )
        suggested = turned(rotations["chest"], ways[f"{side}_shoulder"])
        rotations[f"{side}_collar"] = shortest(suggested, way) @ rotations["chest"]
    for limb in (_neck(points), *_LIMBS.values()):
        rotations |= _limb(limb, points, rotations[limb.hangs_on], fps)
        for joint, way in zip(limb.joints[1:], limb.rest, strict=True):
            ways[joint] = way
    rest = {"hip": np.zeros(3)}
    for joint, parent in zip(H36M17.joints[1:], H36M17.parents[1:], strict=True):
        before = H36M17.joints[parent]
        rest[joint] = rest[before] + _length(points, before, joint) * ways[joint]
    return rotations, rest


def _trunk(points: Mapping[str, Doubles]) -> dict[str, Doubles]:
    """Pelvis, abdomen and chest: along the spine, turned as the hips and shoulders are."""
    hips = unit(points["left_hip"] - points["right_hip"], _X)
    shoulders = unit(points["left_shoulder"] - points["right_shoulder"], hips)
    lower = unit(points["spine"] - points["hip"], _Y)
    upper = unit(points["thorax"] - points["spine"], lower)
    return {
        "pelvis": bases(hips, lower),
        "abdomen": _along_y(lower, hips + shoulders),
        "chest": _along_y(upper, shoulders),
    }


def _along_y(way_T3: Doubles, left_T3: Doubles) -> Doubles:
    """Rotations that turn y to a direction, and x as near to another as that leaves."""
    up_left = bases(way_T3, left_T3)
    return np.stack([up_left[..., 1], up_left[..., 0], -up_left[..., 2]], axis=-1)


def _rest_ways(
    points: Mapping[str, Doubles], rotations: Mapping[str, Doubles]
) -> dict[str, Doubles]:
    """The directions of the trunk's bones in the rest pose: as they usually are to the segment."""
    ways = {"spine": _Y, "thorax": _Y}
    mirror = np.array([-1.0, 1, 1])
    for joint, centre, segment in (("hip", "hip", "pelvis"), ("shoulder", "thorax", "chest")):
        own = inverse(rotations[segment])
        left, right = (
            np.median(turned(own, unit(points[f"{side}_{joint}"] - points[centre], way)), axis=0)
            for side, way in (("left", _X), ("right", -_X))
        )
        ways[f"left_{joint}"] = unit(left + mirror * right, _X)
        ways[f"right_{joint}"] = mirror * ways[f"left_{joint}"]
    return ways


def _length(points: Mapping[str, Doubles], start: str, end: str) -> float:
    return float(np.median(np.linalg.norm(points[end] - points[start], axis=-1)))


def _limb(
    limb: _Limb, points: Mapping[str, Doubles], hangs_on: Doubles, fps: float
) -> dict[str, Doubles]:
    """The rotations of a limb's two segments.

    The first has the direction of its bone and the twist found for it; the second follows from it
    by the shortest turn, which is about the hinge where the twist fits.
    """
    own = inverse(hangs_on)
    start, middle, end = (points[joint] for joint in limb.joints)
    first = unit(turned(own, middle - start), limb.rest[0])
    second = unit(turned(own, end - middle), first)
    hinge = _hinge(limb, first, second, fps)
    upper = bases(first, hinge) @ inverse(bases(limb.rest[0], limb.hinge))
    lower = shortest(turned(upper, limb.rest[1]), second) @ upper
    return dict(zip(limb.segments, (hangs_on @ upper, hangs_on @ lower), strict=True))


def _hinge(limb: _Limb, first_T3: Doubles, second_T3: Doubles, fps: float) -> Doubles:
    """The axis of the joint (T, 3): across the plane of the limb, where it is bent enough."""
    suggested = limb.suggest(first_T3)
    across = np.cross(first_T3, suggested)
    normal = np.cross(first_T3, second_T3)
    plane = unit(normal, suggested)
    cosine, sine = (plane * suggested).sum(axis=-1), (plane * across).sum(axis=-1)
    enough = _BENT + (1 - cosine) / 2 * (_BENT_AGAINST - _BENT)
    bent = (np.linalg.norm(normal, axis=-1) / enough) ** 4
    vote = _settled(np.stack([cosine, sine], axis=-1), bent, fps)
    return vote[:, :1] * suggested + vote[:, 1:] * across


def _settled(votes_T2: Doubles, weight_T: Doubles, fps: float) -> Doubles:
    """Directions in a plane, smoothed in time; of little weight they follow those around them.

    With v the result, this minimises Σ w (v − vote)² + Σ s (v − (1, 0))² + Σ k (v' − v)².
    """
    smooth = (_TWIST_SETTLES_S * fps) ** 2
    suggested_T = _SUGGESTED / (1 + weight_T)
    right_T2 = weight_T[:, None] * votes_T2 + suggested_T[:, None] * [1.0, 0]
    steps = np.full(max(len(votes_T2) - 1, 0), smooth)
    diagonal = weight_T + suggested_T
    diagonal[1:] += steps
    diagonal[:-1] += steps
    return unit(solve_tridiagonal(diagonal, -steps, right_T2), np.array([1.0, 0]))


def hinge_angle(rotations: Mapping[str, Doubles], limb: str) -> Doubles:
    """How far the knee or elbow of ``left_leg`` and the like is bent (T,), radians.

    Below 0 if it is bent the other way, by the twist found for the limb.
    """
    upper, lower = (rotations[each] for each in _LIMBS[limb].segments)
    (along, way), hinge = _LIMBS[limb].rest, _LIMBS[limb].hinge
    second = turned(inverse(upper) @ lower, way)
    angle = np.arccos(np.clip(second @ along, -1, 1))
    return np.where(np.cross(along, second) @ hinge < 0, -angle, angle)


def straight_down(side: str) -> Doubles:
    """The rotation (3, 3) of an arm from the rest pose to where it hangs by the body."""
    rotation: Doubles = about("z", -np.pi / 2 if side == "left" else np.pi / 2)[0]
    return rotation
