"""From a file's own joints to our points: Human3.6M's 17 and five on the face, in metres.

World axes: y up, right-handed; ``left_*`` is the person's own left.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from poselift.errors import InvalidInput
from poselift.skeletons import H36M17
from training.array_types import Doubles
from training.data.datasets.bvh import Bvh
from training.data.datasets.kinematics import Motion
from training.data.datasets.vectors import across_from, unit

FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
POINTS = (*H36M17.joints, *FACE)

UNITS_M = {
    "metre": 1.0,
    "inch": 0.0254,
    "CMU (inch / 0.45)": 0.0254 / 0.45,
    "centimetre": 0.01,
    "millimetre": 0.001,
}
LEG_M = (0.62, 1.15)
"""Hip to knee to ankle of anyone from a child of ten up; narrow enough to tell the units apart."""

TYPICAL_LEG_M = 0.84
"""The leg of the body that the head's measures below belong to (stature about 1.7 m)."""

FACE_OFFSETS_M = {
    "nose": (0.0, 0.015, 0.110),
    "left_eye": (0.032, 0.050, 0.085),
    "right_eye": (-0.032, 0.050, 0.085),
    "left_ear": (0.072, 0.035, 0.010),
    "right_ear": (-0.072, 0.035, 0.010),
}
"""From the base of the skull; axes left, up, forward. Breadth between the ears and the pupils, and
heights of eye, ear and nose below the crown, are the middle of adult anthropometric tables."""

NECK_OFFSET_M = (0.0, -0.010, 0.030)
"""Human3.6M's neck/nose from the base of the skull: inside the head, a little forward of it."""


@dataclass(frozen=True)
class Points:
    """Named points over time, each (T, 3), and what the face is placed on."""

    at: dict[str, Doubles]
    skull_T3: Doubles
    """Base of the skull."""
    head_TJ33: Doubles
    """Columns: the head's left, up and forward."""


Recipe = Callable[[Motion], Points]

_LIMBS = ("hip", "knee", "foot", "shoulder", "elbow", "wrist")


def points_of(motion: Motion) -> tuple[Doubles, str]:
    """Our points (T, 22, 3) in metres, and the name of the unit the file was in.

    A motion of our points already is in metres.
    """
    if motion.joints == POINTS:
        return motion.positions_TJ3, "metre"
    recipe = next((each for joints, each in _RECIPES if joints <= set(motion.joints)), None)
    if recipe is None:
        raise InvalidInput.at(
            "joints", f"a known skeleton, found {', '.join(motion.joints[:12])} …"
        )
    points = recipe(motion)
    unit, metres = _unit(points.at)
    at = {name: values * metres for name, values in points.at.items()}
    at["hip"] = (at["left_hip"] + at["right_hip"]) / 2
    size = _leg(at) / TYPICAL_LEG_M
    return stacked(with_skull(at, points.skull_T3 * metres, points.head_TJ33, size)), unit


def with_skull(
    at: dict[str, Doubles], skull_T3: Doubles, head_TJ33: Doubles, size: float
) -> dict[str, Doubles]:
    """The points given, and the face and the neck put on the base of the skull.

    ``head_TJ33`` has the head's left, up and forward as columns; ``size`` is that of the leg, in
    `TYPICAL_LEG_M`.
    """
    on_skull = {**FACE_OFFSETS_M, "neck": NECK_OFFSET_M}
    placed = {name: skull_T3 + head_TJ33 @ (np.array(by) * size) for name, by in on_skull.items()}
    return {**at, **placed}


def stacked(at: dict[str, Doubles]) -> Doubles:
    """Our points (T, 22, 3), each of which was (T, 3)."""
    return np.stack([at[name] for name in POINTS], axis=1)


def with_face(at: dict[str, Doubles]) -> dict[str, Doubles]:
    """Human3.6M's joints in metres, and the face put on them where its points are missing.

    The head stands upright from neck to head; it is not known which way it is turned about its own
    axis, so it looks where the chest does.
    """
    size = _leg(at) / TYPICAL_LEG_M
    head = _frame(at["left_shoulder"] - at["right_shoulder"], at["head"] - at["neck"])
    skull = at["neck"] - head @ (np.array(NECK_OFFSET_M) * size)
    face = {name: skull + head @ (np.array(by) * size) for name, by in FACE_OFFSETS_M.items()}
    return {**face, **at}


def _leg(at: dict[str, Doubles]) -> float:
    """Median length from hip over knee to ankle, mean of both legs."""
    bones = [
        np.linalg.norm(at[f"{side}_{a}"] - at[f"{side}_{b}"], axis=-1)
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("knee", "foot"))
    ]
    return float(np.median(np.sum(bones, axis=0))) / 2


def _unit(at: dict[str, Doubles]) -> tuple[str, float]:
    leg = _leg(at)
    for name, metres in UNITS_M.items():
        if LEG_M[0] <= leg * metres <= LEG_M[1]:
            return name, metres
    raise InvalidInput.at(
        "leg length", f"{LEG_M[0]} to {LEG_M[1]} m in some known unit, found {leg:g}"
    )


def _limbs(motion: Motion, sides: tuple[str, str], names: str) -> dict[str, Doubles]:
    """Both sides' limb joints; ``names`` follow the sides' letters, in the order of `_LIMBS`."""
    return {
        f"{side}_{limb}": motion.at(f"{letters}{name}")
        for limb, name in zip(_LIMBS, names.split(), strict=True)
        for side, letters in zip(("left", "right"), sides, strict=True)
    }


def _middle(points: dict[str, Doubles], joint: str) -> Doubles:
    return (points[f"left_{joint}"] + points[f"right_{joint}"]) / 2


def _turn(motion: Motion, joint: str) -> Doubles:
    turn = motion.turn(joint)
    if turn is None:
        raise InvalidInput.at("joints", "rotations with this skeleton")
    return turn


def _asf(motion: Motion) -> Points:
    """CMU's own skeleton; a joint is the end of the bone of that name."""
    # The bone "radius" ends two thirds down the forearm, where it twists; "wrist" at the wrist.
    at = _limbs(motion, ("l", "r"), "hipjoint femur tibia clavicle humerus wrist")
    # The bone "thorax" ends 5 cm below the shoulders; Human3.6M's thorax is level with them.
    at["thorax"] = _middle(at, "shoulder")
    at["spine"] = motion.at("lowerback")
    # It ends at the height of the headband that carried the markers, some centimetres below the
    # crown, and as far above the shoulders as Human3.6M's head within a tenth.
    at["head"] = motion.at("head")
    return Points(at, motion.at("upperneck"), _turn(motion, "head"))


def _whole_forearms(at: dict[str, Doubles]) -> dict[str, Doubles]:
    """The wrists, where "wrist" is the end of CMU's bone "radius".

    The forearm goes on by half as much, in line: the bone "wrist", which the conversions lost.
    """
    return {
        f"{side}_wrist": at[f"{side}_elbow"] + 1.5 * (at[f"{side}_wrist"] - at[f"{side}_elbow"])
        for side in ("left", "right")
    }


def _cgspeed(motion: Motion) -> Points:
    """The BVH conversion of CMU's skeleton that animators use, made whole by `whole`."""
    at = _limbs(motion, ("Left", "Right"), _CGSPEED_LIMBS)
    at |= _whole_forearms(at)
    at["thorax"] = _middle(at, "shoulder")
    at["spine"] = motion.at("Spine")
    at["head"] = motion.at("Head_end")
    return Points(at, motion.at("Head"), _turn(motion, "Head"))


def whole(file: Bvh) -> Bvh:
    """A BVH file of a known conversion with its names unified and its bones put right."""
    names = file.names
    if {"LeftCollar", "Chest2"} <= set(names):
        names = tuple(_OTHER_NAMES.get(name, name) for name in names)
    if "Neck" not in names and {"LeftUpLeg", "Spine1", "Neck1", "Head_end"} <= set(names):
        return replace(file, offsets_J3=_neckless_offsets(names, file.offsets_J3))
    if {"LeftUpLeg", "Spine1", "Neck", "LeftShoulder"} <= set(names):
        return replace(file, names=names, offsets_J3=_cgspeed_offsets(names, file.offsets_J3))
    if {"lCollar", "lShldr", "rShldr"} <= set(file.names):
        return replace(file, offsets_J3=_poser_offsets(file.names, file.offsets_J3))
    return file


_CGSPEED_LIMBS = "UpLeg Leg Foot Arm ForeArm Hand"
_OTHER_LIMBS = "Hip Knee Ankle Shoulder Elbow Wrist"
_OTHER_NAMES = {
    f"{side}{other}": f"{side}{name}"
    for side in ("Left", "Right")
    for other, name in zip(_OTHER_LIMBS.split(), _CGSPEED_LIMBS.split(), strict=True)
} | {
    "LeftCollar": "LeftShoulder",
    "RightCollar": "RightShoulder",
    "lowerneck": "Neck",
    "lowerback": "LowerBack",
    "Chest": "Spine",
    "Chest2": "Spine1",
}
"""Some files of the cgspeed conversion call its joints otherwise."""


def _neckless_offsets(names: tuple[str, ...], offsets_J3: Doubles) -> Doubles:
    """Put back the bones that a variant of the cgspeed conversion lost: thorax and head.

    Its neck begins at the lower neck's upper end. In CMU's skeletons the head is upright and about
    as long as the bone below it.
    """
    offsets = offsets_J3.copy()
    thorax = np.array([0.0, np.linalg.norm(offsets[names.index("Spine1")]), 0.0])
    for name in ("Neck1", "LeftShoulder", "RightShoulder"):
        offsets[names.index(name)] = offsets[names.index(name)] + thorax
    upper_neck = np.linalg.norm(offsets[names.index("Head")])
    offsets[names.index("Head_end")] = np.array([0.0, upper_neck, 0.0])
    return offsets


def _cgspeed_offsets(names: tuple[str, ...], offsets_J3: Doubles) -> Doubles:
    """Put back the thorax bone, which the cgspeed conversion lost.

    Its neck and collars sit on the joint below that bone. In CMU's skeletons the bone is upright
    and as long as the one below it, within 4%.
    """
    offsets = offsets_J3.copy()
    thorax = np.array([0.0, np.linalg.norm(offsets[names.index("Spine1")]), 0.0])
    for name in ("Neck", "LeftShoulder", "RightShoulder"):
        if not offsets[names.index(name)].any():
            offsets[names.index(name)] = thorax
    return offsets


def _poser_offsets(names: tuple[str, ...], offsets_J3: Doubles) -> Doubles:
    """Widen the shoulders of the Poser figure, 0.23 m, to the 0.30 m of Human3.6M's people."""
    offsets = offsets_J3.copy()
    for side in ("l", "r"):
        collar, shoulder = names.index(f"{side}Collar"), names.index(f"{side}Shldr")
        offsets[shoulder, 0] = offsets[shoulder, 0] * 1.3 + offsets[collar, 0] * 0.3
    return offsets


def _positions(motion: Motion) -> Points:
    """Positions computed with the skeleton of the cgspeed conversion, its bones lost as there."""
    at = _limbs(motion, ("l", "r"), "hip knee ankle shoulder elbow wrist")
    at |= _whole_forearms(at)
    trunk = motion.at("lowerneck")
    left = at["left_shoulder"] - at["right_shoulder"]
    # Both collars rise from the trunk by a fixed angle, so they and the line between the shoulders
    # span the chest's own frame.
    up_and_back = _middle(at, "shoulder") - trunk
    chest = _frame(left, up_and_back)
    # The middle of the shoulders lies up and back of the trunk: undo that tilt.
    c, s = np.cos(_COLLAR_TILT_RAD), np.sin(_COLLAR_TILT_RAD)
    chest = chest @ np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    length = np.median(np.linalg.norm(trunk - motion.at("upperback"), axis=-1))
    lost = chest[..., 1] * length
    for side in ("left", "right"):
        for limb in ("shoulder", "elbow", "wrist"):
            at[f"{side}_{limb}"] = at[f"{side}_{limb}"] + lost
    at["thorax"] = _middle(at, "shoulder")
    at["spine"] = motion.at("upperback")
    at["head"] = motion.at("head_end") + lost
    # The head's turn about its own axis is unknown: it looks where the chest does.
    head = _frame(left, motion.at("head_end") - motion.at("head"))
    return Points(at, motion.at("head") + lost, head)


_COLLAR_TILT_RAD = 0.291
"""How far the middle of the shoulders leans back from upright, seen from the thorax, in the one
skeleton (CMU subject 02) these positions were computed with."""


def _frame(left_T3: Doubles, up_T3: Doubles) -> Doubles:
    """Frames (T, 3, 3) with columns left, up, forward; up exact, left as near as it goes."""
    up = unit(up_T3)
    left = unit(across_from(left_T3, up))
    return np.stack([left, up, np.cross(left, up)], axis=-1)


def _poser(motion: Motion) -> Points:
    """The Poser figure of the second BVH export: one body for all, with eyes."""
    at = _limbs(motion, ("l", "r"), "Thigh Shin Foot Shldr ForeArm Hand")
    chest, neck, head = motion.at("chest"), motion.at("neck"), motion.at("head")
    turn = _turn(motion, "head")
    # Its neck joint lies above the shoulders, and its back bends a bit above the middle.
    at["thorax"] = chest + 0.85 * (neck - chest)
    at["spine"] = (motion.at("abdomen") + chest) / 2
    # Its head joint lies lower in the neck than CMU's: by as much as its eyes lie higher above it.
    leg = _leg(at)
    skull = head + turn @ (np.array([0.0, 0.030, 0.0]) * leg / TYPICAL_LEG_M)
    at["head"] = skull + turn @ (np.array([0.0, 0.095, 0.0]) * leg / TYPICAL_LEG_M)
    return Points(at, skull, turn)


_RECIPES: tuple[tuple[frozenset[str], Recipe], ...] = (
    (frozenset({"lhipjoint", "lfemur", "lclavicle", "upperneck", "root"}), _asf),
    (frozenset({"LeftUpLeg", "LeftForeArm", "Spine1", "Head_end"}), _cgspeed),
    (frozenset({"lhip", "lknee", "lowerneck", "head_end"}), _positions),
    (frozenset({"lThigh", "rShldr", "abdomen", "chest"}), _poser),
)
