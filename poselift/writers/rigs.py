"""Rigs: the joints, names and rest poses that other tools have for a human body.

Each joint of a rig sits at a point of the body at rest and turns with one of the segments of
``poselift.kinematics.segments``. A joint that begins a segment sits where the segment begins, so
that every joint of Human3.6M is where the poses have it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from poselift.array_types import Doubles
from poselift.errors import InvalidInput
from poselift.kinematics.rotations import about, inverse
from poselift.kinematics.segments import BodyMotion

USUAL_RIG = "h36m"
CENTIMETRE_M = 0.01
_ANKLE_HEIGHT, _FOOT, _HAND, _CROWN = 0.15, 0.4, 0.35, 0.3
"""Shares: of the shank, twice; of the forearm; of the bone from neck to head."""


class Joint(NamedTuple):
    """A joint of a rig.

    Attributes:
        name: in files.
        parent: the name of the joint it hangs on; None for the root.
        segment: of the body, that it turns with.
        place: a point of the body, or two whose middle it is.
    """

    name: str
    parent: str | None
    segment: str
    place: tuple[str, ...]


@dataclass(frozen=True)
class Rig:
    """A skeleton as a tool knows it.

    Attributes:
        name: by which callers choose it.
        joints: parents before their children.
        unit_m: the unit of lengths in BVH files; glTF is in metres always.
        arms_down_degrees: how far the arms of the rest pose are below those of a T-pose.
    """

    name: str
    joints: tuple[Joint, ...]
    unit_m: float = 1.0
    arms_down_degrees: float = 0.0


class _Names(NamedTuple):
    """What a rig calls its joints; ``{}`` of limbs is a side as the rig writes it."""

    sides: tuple[str, str]
    trunk: tuple[str, ...]
    neck: tuple[str, ...]
    arm: tuple[str, str, str, str]
    leg: tuple[str, ...]


_Place = tuple[str, tuple[str, ...]]
"""A segment, and the points of the body."""

_TRUNK: tuple[_Place, ...] = (
    ("pelvis", ("hip",)),
    ("abdomen", ("hip",)),
    ("chest", ("spine",)),
    ("chest", ("spine", "thorax")),
)
_NECK: tuple[_Place, ...] = (("neck", ("thorax",)), ("head", ("neck",)))
_LONG_NECK: tuple[_Place, ...] = (_NECK[0], ("neck", ("thorax", "neck")), _NECK[1])


def _arm(side: str) -> tuple[_Place, ...]:
    return (
        (f"{side}_collar", ("thorax",)),
        (f"{side}_upper_arm", (f"{side}_shoulder",)),
        (f"{side}_forearm", (f"{side}_elbow",)),
        (f"{side}_forearm", (f"{side}_wrist",)),
    )


def _leg(side: str) -> tuple[_Place, ...]:
    return (
        ("pelvis", ("hip",)),
        (f"{side}_thigh", (f"{side}_hip",)),
        (f"{side}_shank", (f"{side}_knee",)),
        (f"{side}_shank", (f"{side}_foot",)),
    )


def _chain(parent: str | None, names: Iterable[str], places: Iterable[_Place]) -> Iterator[Joint]:
    """Joints of which each hangs on the one before."""
    for name, (segment, place) in zip(names, places, strict=True):
        yield Joint(name, parent, segment, place)
        parent = name


def _humanoid(names: _Names, prefix: str = "") -> tuple[Joint, ...]:
    """The joints of a rig whose neck and collars hang on the uppermost joint of the trunk."""
    pelvis, chest = names.trunk[0], names.trunk[-1]
    neck = _NECK if len(names.neck) == len(_NECK) else _LONG_NECK
    joints = [*_chain(None, names.trunk, _TRUNK), *_chain(chest, names.neck, neck)]
    for side, written in zip(("left", "right"), names.sides, strict=True):
        arm = [each.format(written) for each in names.arm]
        leg = [each.format(written) for each in names.leg]
        joints += _chain(chest, arm, _arm(side))
        joints += _chain(pelvis, leg, _leg(side)[-len(leg) :])
    return tuple(
        each._replace(name=prefix + each.name, parent=each.parent and prefix + each.parent)
        for each in joints
    )


def _h36m() -> tuple[Joint, ...]:
    """The joints of Human3.6M, and between them those that only turn: no bone leads to them."""
    trunk = [
        Joint("hip", None, "pelvis", ("hip",)),
        Joint("lower_back", "hip", "abdomen", ("hip",)),
        Joint("spine", "lower_back", "chest", ("spine",)),
        Joint("thorax", "spine", "chest", ("thorax",)),
        Joint("lower_neck", "thorax", "neck", ("thorax",)),
        Joint("neck", "lower_neck", "head", ("neck",)),
        Joint("head", "neck", "head", ("head",)),
    ]
    arm, leg = ("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "foot")
    for side in ("left", "right"):
        trunk += _chain("thorax", [f"{side}_{name}" for name in arm], _arm(side))
        trunk += _chain("hip", [f"{side}_{name}" for name in leg], _leg(side)[1:])
    return tuple(trunk)


_RIGS = (
    Rig("h36m", _h36m()),
    Rig(
        "mixamo",
        _humanoid(
            _Names(
                ("Left", "Right"),
                ("Hips", "Spine", "Spine1", "Spine2"),
                ("Neck", "Head"),
                ("{}Shoulder", "{}Arm", "{}ForeArm", "{}Hand"),
                ("{}UpLeg", "{}Leg", "{}Foot"),
            ),
            "mixamorig:",
        ),
        CENTIMETRE_M,
    ),
    Rig(
        "vrm",
        _humanoid(
            _Names(
                ("left", "right"),
                ("hips", "spine", "chest", "upperChest"),
                ("neck", "head"),
                ("{}Shoulder", "{}UpperArm", "{}LowerArm", "{}Hand"),
                ("{}UpperLeg", "{}LowerLeg", "{}Foot"),
            )
        ),
    ),
    Rig(
        "unreal",
        _humanoid(
            _Names(
                ("l", "r"),
                ("pelvis", "spine_01", "spine_02", "spine_03"),
                ("neck_01", "head"),
                ("clavicle_{}", "upperarm_{}", "lowerarm_{}", "hand_{}"),
                ("thigh_{}", "calf_{}", "foot_{}"),
            )
        ),
        CENTIMETRE_M,
        arms_down_degrees=45.0,
    ),
    Rig(
        "cmu",
        _humanoid(
            _Names(
                ("Left", "Right"),
                ("Hips", "LowerBack", "Spine", "Spine1"),
                ("Neck", "Neck1", "Head"),
                ("{}Shoulder", "{}Arm", "{}ForeArm", "{}Hand"),
                ("{0:.1}HipJoint", "{}UpLeg", "{}Leg", "{}Foot"),
            )
        ),
        CENTIMETRE_M,
    ),
)

RIGS: Mapping[str, Rig] = MappingProxyType({rig.name: rig for rig in _RIGS})


def rig_named(name: str, where: str = "rig") -> Rig:
    """The rig of this name, which was given at ``where``.

    Raises:
        InvalidInput: there is none.
    """
    if name not in RIGS:
        raise InvalidInput.at(where, f"one of {', '.join(RIGS)}, found {name!r}")
    return RIGS[name]


class RiggedJoint(NamedTuple):
    """A joint of a rig on one person.

    Attributes:
        name: in files.
        parent: its place in the list; -1 for the root.
        segment: of the body, that it turns with.
        rest: where it is in the rest pose (3,), metres, the rig's root at the origin.
        rotation: from the rest pose to each frame, in the axes of its parent (T, 3, 3).
        tip: where the bone of a joint without children ends in the rest pose; else None.
    """

    name: str
    parent: int
    segment: str
    rest: Doubles
    rotation: Doubles
    tip: Doubles | None


def rigged(motion: BodyMotion, rig: Rig) -> list[RiggedJoint]:
    """The motion as rotations of the joints of a rig, parents before children."""
    points, turns = rest_points(motion, rig), rest_turns(rig)
    # A segment that is at rest already turned shows less of a turn.
    own = {name: turns.get(name, np.eye(3)) for name in motion.rotations}
    rotations = {name: each @ own[name].T for name, each in motion.rotations.items()}
    numbers = {joint.name: number for number, joint in enumerate(rig.joints)}
    has_child = {joint.parent for joint in rig.joints}
    result = []
    for joint in rig.joints:
        parent = -1 if joint.parent is None else numbers[joint.parent]
        rotation = rotations[joint.segment]
        if parent >= 0:
            rotation = inverse(rotations[rig.joints[parent].segment]) @ rotation
        rest = np.mean([points[each] for each in joint.place], axis=0)
        tip = None if joint.name in has_child else points[_tip(joint)]
        result.append(RiggedJoint(joint.name, parent, joint.segment, rest, rotation, tip))
    return result


def _tip(joint: Joint) -> str:
    """The point where the bone of an outermost joint ends."""
    if joint.segment == "head":
        return "crown" if joint.place == ("head",) else "head"
    return joint.place[0].replace("wrist", "fingers").replace("foot", "toes")


def rest_turns(rig: Rig) -> dict[str, Doubles]:
    """How segments (3, 3) of the rig's rest pose are turned from those of a T-pose."""
    down = np.radians(rig.arms_down_degrees)
    turns = {"left": about("z", -down)[0], "right": about("z", down)[0]}
    parts = ("upper_arm", "forearm")
    return {f"{side}_{part}": turn for side, turn in turns.items() for part in parts}


def rest_points(motion: BodyMotion, rig: Rig) -> dict[str, Doubles]:
    """The joints of the rig's rest pose, and the tips of head, hands and feet (3,)."""
    points = dict(motion.rest)
    points["crown"] = points["head"] + _CROWN * (points["head"] - points["neck"])
    for side in ("left", "right"):
        forearm = points[f"{side}_wrist"] - points[f"{side}_elbow"]
        points[f"{side}_fingers"] = points[f"{side}_wrist"] + _HAND * forearm
        shank = float(np.linalg.norm(points[f"{side}_foot"] - points[f"{side}_knee"]))
        foot = shank * np.array([0, -_ANKLE_HEIGHT, _FOOT])
        points[f"{side}_toes"] = points[f"{side}_foot"] + foot
        shoulder, turn = points[f"{side}_shoulder"], rest_turns(rig)[f"{side}_upper_arm"]
        for part in ("elbow", "wrist", "fingers"):
            points[f"{side}_{part}"] = shoulder + turn @ (points[f"{side}_{part}"] - shoulder)
    return points
