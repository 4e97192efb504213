"""Joint centres from optical markers, by published regressions and the geometry of hinges.

All in metres. Axes of segments are the person's left, up and forward, in this order. Axes of joints
point to the person's left.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from training.array_types import Doubles
from training.data.datasets.body import TYPICAL_LEG_M
from training.data.datasets.markers import Markers
from training.data.datasets.rigid import RigidPose, arrangement, placed
from training.data.datasets.vectors import across_from, unit

PELVIS = ("LASI", "RASI", "LPSI", "RPSI")
CHEST = ("C7", "T10", "CLAV", "STRN")
HEAD = ("LFHD", "RFHD", "LBHD", "RBHD")
SIDES = {"left": 1.0, "right": -1.0}
"""The sign of its direction from the middle."""

MARKER_RADIUS_M = 0.007
KNEE_BREADTH_M, ANKLE_BREADTH_M, ELBOW_BREADTH_M = 0.098, 0.070, 0.066
"""Between the epicondyles and malleoli: the middle of adult anthropometric tables, for a leg of
`TYPICAL_LEG_M`. A marker's offset from a joint is half of it and the marker's radius, as in
Plug-in-Gait."""

SHOULDER_BELOW = 0.104
"""De Leva (1996): the shoulder below the acromion, as a share of the way from there to the elbow.
(Rab et al.'s 17% of the distance between the acromia is 2 cm more, and shortens the upper arm.)"""

STERNOCLAVICULAR_M = (0.025, 0.0, -0.020)
"""Where the clavicle turns, from the marker CLAV in the notch of the breastbone."""

SPINE = (0.43, -0.055)
"""Human3.6M's spine on someone upright, in lengths from hip to thorax: how far up, and forward, as
in the skeletons of CMU's subjects."""

SKULL_BELOW_M = 0.095
"""The base of the skull below the headband that carries the markers, for that leg."""

_FLEXED_RAD = (0.6, 1.5)
"""Where the plane of a knee tells its axis well, and skin moves little."""
_BLEND = (0.25, 0.6)
"""Sines of flexion between which a knee's axis passes from the thigh's own to that of its plane."""
_ROUNDS = 4
_OFFSET_RANGE = (0.8, 1.5)
"""Of the usual offset of a knee's marker, what is believed."""


@dataclass(frozen=True)
class MarkedBody:
    """One subject's markers: how they lie on the body, metres, in the axes of the segments."""

    size: float
    """Leg length by that of the body whose measures are above."""
    pelvis_M3: Doubles
    chest_M3: Doubles
    head_M3: Doubles
    shoulder_below: float
    knee_axes: dict[str, Doubles] = field(default_factory=dict)
    """In the axes of the thigh."""
    knee_offsets: dict[str, float] = field(default_factory=dict)
    """From the marker to the joint along that axis."""
    spine_on_pelvis: Doubles = field(default_factory=lambda: np.zeros(3))
    spine_on_chest: Doubles = field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True)
class Centres:
    """Joint centres by name, each (T, 3), and where the head is."""

    at: dict[str, Doubles]
    skull_T3: Doubles
    head_TJ33: Doubles


def measured(markers: Markers) -> MarkedBody:
    """How the markers lie on a subject, from all of the subject's frames."""
    standing = replace(markers, positions_TM3=markers.positions_TM3[_standing(markers)])
    arms = [np.linalg.norm(markers.at(f"{s}SHO") - markers.at(f"{s}ELB"), axis=-1) for s in "LR"]
    body = MarkedBody(
        size=1.0,
        pelvis_M3=_pelvis(arrangement(markers.of(PELVIS))),
        chest_M3=_chest(arrangement(markers.of(CHEST))),
        head_M3=_levelled(_head(arrangement(markers.of(HEAD))), standing),
        shoulder_below=SHOULDER_BELOW * float(np.nanmedian(arms)) + MARKER_RADIUS_M,
    )
    body = replace(body, size=_leg(standing, body) / TYPICAL_LEG_M)
    usual = dict.fromkeys(SIDES, _offset(KNEE_BREADTH_M, body))
    body = replace(body, knee_offsets=usual)
    body = replace(body, knee_axes={side: _knee_axis(markers, body, side) for side in SIDES})
    offsets = {side: _knee_offset(standing, body, side) for side in SIDES}
    body = replace(body, knee_offsets=offsets)
    on_pelvis, on_chest = _spine(standing, body)
    return replace(body, spine_on_pelvis=on_pelvis, spine_on_chest=on_chest)


def centres(markers: Markers, body: MarkedBody) -> Centres:
    """The joint centres of one clip; NaN where markers that they need are missing."""
    pelvis, chest, head = (
        placed(body.pelvis_M3, markers.of(PELVIS)),
        placed(body.chest_M3, markers.of(CHEST)),
        placed(body.head_M3, markers.of(HEAD)),
    )
    at = _hips(pelvis, body) | _shoulders(markers, chest, body)
    for side, sign in SIDES.items():
        at |= _leg_joints(markers, at[f"{side}_hip"], body, side)
        at |= _arm_joints(markers, at[f"{side}_shoulder"], body, side)
        joint = body.chest_M3[CHEST.index("CLAV")] + body.size * _mirrored(STERNOCLAVICULAR_M, sign)
        at[f"{side}_clavicle"] = chest.world(joint)
    at["hip"] = (at["left_hip"] + at["right_hip"]) / 2
    at["spine"] = (pelvis.world(body.spine_on_pelvis) + chest.world(body.spine_on_chest)) / 2
    at["head"] = head.place_T3
    skull = head.world(np.array([0.0, -SKULL_BELOW_M * body.size, 0.0]))
    return Centres(at, skull, head.turn_T33)


def _standing(markers: Markers) -> NDArray[np.bool_]:
    """The frames in which the neck is about as high above the feet as it gets."""
    above = markers.at("C7") - (markers.at("LANK") + markers.at("RANK")) / 2
    height = np.where(np.isfinite(above[:, 1]), above[:, 1], -np.inf)
    return np.asarray(height > np.percentile(height, 90) - 0.03)


def _pelvis(points_M3: Doubles) -> Doubles:
    """Marker places from the middle of the front ones, in the axes of Harrington et al. (2007).

    Skin and bone lie the marker's radius behind the front markers and before the back ones.
    """
    left_front, right_front, *back = points_M3
    front = (left_front + right_front) / 2
    return _turned(points_M3 - front, left_front - right_front, front - np.mean(back, axis=0))


def _chest(points_M3: Doubles) -> Doubles:
    """Marker places in the axes of the International Society of Biomechanics (Wu et al., 2005)."""
    c7, t10, clav, strn = points_M3
    up, forward = (c7 + clav - t10 - strn) / 2, (clav + strn - c7 - t10) / 2
    left = np.cross(up, forward)
    return _turned(points_M3 - points_M3.mean(axis=0), left, np.cross(left, up))


def _head(points_M3: Doubles) -> Doubles:
    left_front, right_front, left_back, right_back = points_M3
    left = left_front + left_back - right_front - right_back
    forward = left_front + right_front - left_back - right_back
    return _turned(points_M3 - points_M3.mean(axis=0), left, forward)


def _turned(points_M3: Doubles, left: Doubles, forward: Doubles) -> Doubles:
    """Points in axes left, up and forward: left exact, forward as near as it goes."""
    x = unit(left)
    y = unit(np.cross(forward, x))
    return np.asarray(points_M3 @ np.stack([x, y, np.cross(x, y)], axis=1))


def _levelled(head_M3: Doubles, standing: Markers) -> Doubles:
    """The head's markers turned so that it is level, on average, on someone who stands."""
    pose = placed(head_M3, standing.of(HEAD))
    up = np.nanmedian(pose.turn_T33[:, 1], axis=0)  # the world's up in the head's axes
    left = np.array([1.0, 0.0, 0.0])
    return _turned(head_M3, left - up * (left @ up) / (up @ up), np.cross(left, up))


def _leg(standing: Markers, body: MarkedBody) -> float:
    """Hip to knee to ankle by the markers, mean of both sides."""
    hips = _hips(placed(body.pelvis_M3, standing.of(PELVIS)), body)
    lengths = [
        np.linalg.norm(hips[f"{side}_hip"] - standing.at(f"{side[0].upper()}KNE"), axis=-1)
        + np.linalg.norm(standing.at(f"{s}KNE") - standing.at(f"{s}ANK"), axis=-1)
        for side, s in (("left", "L"), ("right", "R"))
    ]
    return float(np.nanmedian(lengths))


def _hips(pelvis: RigidPose, body: MarkedBody) -> dict[str, Doubles]:
    """Harrington et al. (2007), from the width and the depth of the pelvis."""
    left_front, right_front, *back = body.pelvis_M3
    width = float(np.linalg.norm(left_front - right_front))
    depth = float(np.linalg.norm(np.mean(back, axis=0))) - 2 * MARKER_RADIUS_M
    x, y = 0.33 * width + 0.0073, -0.30 * width - 0.0109
    z = -0.24 * depth - 0.0099 - MARKER_RADIUS_M
    return {f"{side}_hip": pelvis.world(np.array([sign * x, y, z])) for side, sign in SIDES.items()}


def _shoulders(markers: Markers, chest: RigidPose, body: MarkedBody) -> dict[str, Doubles]:
    """Below the markers on the acromia, along the chest."""
    below = chest.turn_T33[..., 1] * body.shoulder_below
    return {f"{side}_shoulder": markers.at(f"{_letter(side)}SHO") - below for side in SIDES}


def _leg_joints(markers: Markers, hip: Doubles, body: MarkedBody, side: str) -> dict[str, Doubles]:
    ankle = _ankle(markers, body, side)
    thigh = _thigh(markers, hip, side)
    axis = np.einsum("tij,j->ti", thigh, body.knee_axes[side])
    for _ in range(_ROUNDS):
        knee = _knee(markers, axis, body, side)
        plane, sine = _bend(hip, knee, ankle)
        low, high = _BLEND
        share = np.clip((sine - low) / (high - low), 0, 1)[:, None]
        own = np.einsum("tij,j->ti", thigh, body.knee_axes[side])
        axis = unit(share * plane + (1 - share) * own)
    return {f"{side}_knee": _knee(markers, axis, body, side), f"{side}_foot": ankle}


def _ankle(markers: Markers, body: MarkedBody, side: str) -> Doubles:
    """Inwards from the marker on the malleolus, across the foot and the shank."""
    letter = _letter(side)
    outer = markers.at(f"{letter}ANK")
    axis = _foot_axis(markers, side)
    return outer - SIDES[side] * _offset(ANKLE_BREADTH_M, body) * axis


def _foot_axis(markers: Markers, side: str) -> Doubles:
    letter = _letter(side)
    shank = markers.at(f"{letter}KNE") - markers.at(f"{letter}ANK")
    return unit(np.cross(shank, markers.at(f"{letter}TOE") - markers.at(f"{letter}HEE")))


def _knee(markers: Markers, axis_T3: Doubles, body: MarkedBody, side: str) -> Doubles:
    """Inwards from the marker on the epicondyle, along the joint's axis."""
    outer = markers.at(f"{_letter(side)}KNE")
    return outer - SIDES[side] * body.knee_offsets[side] * axis_T3


def _thigh(markers: Markers, hip: Doubles, side: str) -> Doubles:
    """Axes (T, 3, 3) that the markers of a thigh give it; they are not anatomical."""
    letter = _letter(side)
    up = unit(hip - markers.at(f"{letter}KNE"))
    across = np.cross(up, markers.at(f"{letter}THI") - markers.at(f"{letter}KNE"))
    return np.stack([unit(across), up, unit(np.cross(across, up))], axis=-1)


def _bend(upper: Doubles, middle: Doubles, lower: Doubles) -> tuple[Doubles, Doubles]:
    """The axis that a bent knee turns about, towards the left, and the sine of its flexion."""
    normal = np.cross(unit(middle - upper), unit(lower - middle))
    sine = np.linalg.norm(normal, axis=-1)
    return normal / np.maximum(sine, 1e-9)[:, None], sine


def _knee_axis(markers: Markers, body: MarkedBody, side: str) -> Doubles:
    """The knee's axis on the thigh: the median of the normal of the plane of a bent leg.

    Both markers lie off their joints along about one axis, so that it takes a few rounds.
    """
    hip = _hips(placed(body.pelvis_M3, markers.of(PELVIS)), body)[f"{side}_hip"]
    ankle, thigh = _ankle(markers, body, side), _thigh(markers, hip, side)
    axis = _foot_axis(markers, side)
    own = _median_axis(thigh, axis)
    for _ in range(_ROUNDS):
        plane, sine = _bend(hip, _knee(markers, axis, body, side), ankle)
        bent = (sine > np.sin(_FLEXED_RAD[0])) & (sine < np.sin(_FLEXED_RAD[1]))
        if bent.sum() < markers.fps:
            return own
        own = _median_axis(thigh[bent], plane[bent])
        axis = np.einsum("tij,j->ti", thigh, own)
    return own


def _knee_offset(standing: Markers, body: MarkedBody, side: str) -> float:
    """How far outside the line from hip to ankle the knee's marker is on someone who stands.

    Knees lie on that line, seen from the front, within a centimetre; thick legs and loose clothes
    carry the marker further out than bones alone.
    """
    hip = _hips(placed(body.pelvis_M3, standing.of(PELVIS)), body)[f"{side}_hip"]
    ankle, outer = _ankle(standing, body, side), standing.at(f"{_letter(side)}KNE")
    axis = np.einsum("tij,j->ti", _thigh(standing, hip, side), body.knee_axes[side])
    off = across_from(outer - hip, unit(ankle - hip))
    outside = SIDES[side] * float(np.nanmedian(np.sum(off * axis, axis=-1)))
    low, high = (share * body.knee_offsets[side] for share in _OFFSET_RANGE)
    return float(np.clip(outside, low, high))


def _median_axis(turn_T33: Doubles, axis_T3: Doubles) -> Doubles:
    return unit(np.nanmedian(np.einsum("tji,tj->ti", turn_T33, axis_T3), axis=0))


def _arm_joints(
    markers: Markers, shoulder: Doubles, body: MarkedBody, side: str
) -> dict[str, Doubles]:
    letter = _letter(side)
    wrist = (markers.at(f"{letter}WRA") + markers.at(f"{letter}WRB")) / 2
    outer, offset = markers.at(f"{letter}ELB"), _offset(ELBOW_BREADTH_M, body)
    elbow = outer + offset * _elbow_axis(shoulder - outer, wrist - outer, offset, SIDES[side])
    return {f"{side}_elbow": elbow, f"{side}_wrist": wrist}


def _elbow_axis(to_shoulder: Doubles, to_wrist: Doubles, offset: float, sign: float) -> Doubles:
    """Inwards along the hinge, from the marker on the epicondyle.

    The unit vector at right angles to both bones, which begin an offset along it: its products with
    the directions from the marker to shoulder and wrist are the offset. On a straight arm it points
    to the line between both.
    """
    s, w = to_shoulder, to_wrist
    ss, sw, ww = (np.sum(a * b, axis=-1) for a, b in ((s, s), (s, w), (w, w)))
    determinant = np.maximum(ss * ww - sw**2, 1e-9)
    in_plane = offset * (
        ((ww - sw) / determinant)[:, None] * s + ((ss - sw) / determinant)[:, None] * w
    )
    length = np.linalg.norm(in_plane, axis=-1, keepdims=True)
    in_plane /= np.maximum(length, 1.0)
    out = np.sqrt(np.maximum(1 - length**2, 0))
    return np.asarray(in_plane - sign * out * unit(np.cross(s, w)))


def _spine(standing: Markers, body: MarkedBody) -> tuple[Doubles, Doubles]:
    """Where Human3.6M's spine is on the pelvis and on the chest of someone who stands."""
    pelvis, chest = (
        placed(body.pelvis_M3, standing.of(PELVIS)),
        placed(body.chest_M3, standing.of(CHEST)),
    )
    at = _hips(pelvis, body) | _shoulders(standing, chest, body)
    hip, thorax = (
        (at[f"left_{joint}"] + at[f"right_{joint}"]) / 2 for joint in ("hip", "shoulder")
    )
    along = thorax - hip
    forward = unit(np.cross(at["left_hip"] - at["right_hip"], along))
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    spine = hip + SPINE[0] * along + SPINE[1] * length * forward
    on_pelvis, on_chest = (np.nanmedian(pose.local(spine), axis=0) for pose in (pelvis, chest))
    return on_pelvis, on_chest


def _offset(breadth: float, body: MarkedBody) -> float:
    return breadth / 2 * body.size + MARKER_RADIUS_M


def _letter(side: str) -> str:
    return side[0].upper()


def _mirrored(left: tuple[float, float, float], sign: float) -> Doubles:
    return np.array(left) * [sign, 1.0, 1.0]
