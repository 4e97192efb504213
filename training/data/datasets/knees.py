"""Knees of fitted skeletons made as straight as those of people who stand.

A skeleton whose thighs and shanks are fitted 1 to 3% too long bends its knees by 13 to 28 degrees
while its person plainly stands, as most of CMU's and HDM05's do; people stand on knees bent by
less than 5 (UI-PRMD, from markers: median 3). Legs are shortened until standing ones are straight:
hips stay where they are, ankles within millimetres or, of the straightest legs, 2 cm, and knees
bent by 90 degrees lose 3.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.array_types import Doubles
from training.data.datasets.prepared import MotionSet
from training.data.datasets.vectors import across_from
from training.metrics import flexion

STANDING_RAD = np.radians(4.0)
"""How far the knees of people who stand are bent."""
LARGEST_RAD = np.radians(28.0)
"""People whose knees are bent by more when still crouch, and how they stand is not known."""
LARGEST_WALKING_RAD = np.radians(20.0)
"""What is believed of people who are only seen walking, and perhaps on uneven ground."""
LEAST_FRAMES = 100
SIDES = ("left", "right")
FROM_MARKERS = ("c3d", "uiprmd")
"""Sources whose joints come from markers in every frame, which makes no leg too long."""
_SOFTNESS_RAD = np.radians(6.0)
"""Where straight knees are rounded off, so that none straightens at once."""

_STILL_M_S = {"hip": 0.15, "left_foot": 0.1, "right_foot": 0.1}
_UPRIGHT_RAD = np.radians(15.0)
_LEVEL_M = 0.05
_HIGH = 0.9
"""Hips above the feet over the length of the legs: neither sitting nor crouching."""
_LOW_PERCENTILE_STANDING, _LOW_PERCENTILE_WALKING = 20, 10
"""Which flexion counts as straight: of people who stand, of the straighter knee; of people who
walk, whose knees are bent by under 5 degrees for a tenth of the time."""


_Angles = dict[str, list[Doubles]]


@dataclass(frozen=True)
class Straightened:
    """Motion with straightened knees, and from which flexion, in radians, by subject."""

    motions: MotionSet
    standing: dict[str, float]


def straighten(motions: MotionSet, held_out: bool = False) -> Straightened:
    """The clips with the legs of their person shortened; those of unknown standing as they were.

    Held-out clips are too if ``held_out``; errors on them are others then.
    """
    wanted = [
        index
        for index in range(len(motions))
        if _is_fitted(motions, index) and (held_out or not motions.held_out[index])
    ]
    standing = _standing(motions, wanted)
    positions = motions.positions.copy()
    for index in wanted:
        angle = standing.get(motions.subjects[index], 0.0)
        if angle > STANDING_RAD:
            _straighten_clip(positions[motions.frames(index)], motions.joint_names, angle)
    return Straightened(replace(motions, positions=positions), standing)


def _is_fitted(motions: MotionSet, index: int) -> bool:
    return motions.sources[index] not in FROM_MARKERS and motions.lengths[index] > 1


def _standing(motions: MotionSet, clips: Sequence[int]) -> dict[str, float]:
    """How far each person's knees are bent while they stand, where these clips tell."""
    stood: _Angles = defaultdict(list)
    walked: _Angles = defaultdict(list)
    for index in clips:
        at = _joints(motions.clip(index), motions.joint_names)
        flexion = np.stack([_flexion(*_leg(at, side)) for side in SIDES])
        subject = motions.subjects[index]
        stood[subject].append(flexion.min(axis=0)[_stands(at, motions.fps)])
        if motions.groups[index] == "walking":
            walked[subject].append(flexion.ravel())
    walking = _low(walked, _LOW_PERCENTILE_WALKING)
    standing = _low(stood, _LOW_PERCENTILE_STANDING)
    found = {subject: angle for subject, angle in standing.items() if angle < LARGEST_RAD}
    for subject, angle in walking.items():
        # Legs that walk straighter than they stand are not too long: their person crouched.
        limit = found[subject] if subject in found else float(LARGEST_WALKING_RAD)
        found[subject] = min(angle, limit)
    return found


def _low(angles: _Angles, percentile: float) -> dict[str, float]:
    """A low percentile of each subject's angles, if there are enough."""
    found = {subject: np.concatenate(parts) for subject, parts in angles.items()}
    return {
        subject: float(np.percentile(values, percentile))
        for subject, values in found.items()
        if len(values) >= LEAST_FRAMES
    }


def _joints(points_TJ3: NDArray[np.floating], names: tuple[str, ...]) -> dict[str, Doubles]:
    wanted = [f"{side}_{joint}" for side in SIDES for joint in ("hip", "knee", "foot")]
    return {
        name: points_TJ3[:, names.index(name)].astype(np.float64)
        for name in (*wanted, "hip", "thorax")
    }


def _leg(at: dict[str, Doubles], side: str) -> tuple[Doubles, Doubles, Doubles]:
    return at[f"{side}_hip"], at[f"{side}_knee"], at[f"{side}_foot"]


def _flexion(hip: Doubles, knee: Doubles, foot: Doubles) -> Doubles:
    """Of one knee in every frame, radians; 0 is straight."""
    return np.asarray(np.radians(flexion(np.stack([hip, knee, foot], axis=-2))))


def _stands(at: dict[str, Doubles], fps: float) -> NDArray[np.bool_]:
    """The frames in which someone stands still and upright on both feet."""
    trunk = at["thorax"] - at["hip"]
    upright = trunk[:, 1] > np.cos(_UPRIGHT_RAD) * np.linalg.norm(trunk, axis=-1)
    level = np.abs(at["left_foot"][:, 1] - at["right_foot"][:, 1]) < _LEVEL_M
    still = [
        np.linalg.norm(np.gradient(at[name], axis=0), axis=-1) * fps < limit
        for name, limit in _STILL_M_S.items()
    ]
    return np.asarray(upright & level & _high(at) & np.all(still, axis=0))


def _high(at: dict[str, Doubles]) -> NDArray[np.bool_]:
    sides = [np.stack(_leg(at, side)) for side in SIDES]
    legs = [np.linalg.norm(np.diff(side, axis=0), axis=-1).sum(axis=0) for side in sides]
    above = at["hip"] - (at["left_foot"] + at["right_foot"]) / 2
    return np.asarray(above[:, 1] > _HIGH * np.mean(legs, axis=0))


def _straighten_clip(
    points_TJ3: NDArray[np.float32], names: tuple[str, ...], standing: float
) -> None:
    """Shorten both legs of one clip, in place."""
    at = _joints(points_TJ3, names)
    for side in SIDES:
        knee, foot = shortened_leg(*_leg(at, side), standing)
        points_TJ3[:, names.index(f"{side}_knee")] = knee
        points_TJ3[:, names.index(f"{side}_foot")] = foot


def shortened_leg(
    hip: Doubles, knee: Doubles, foot: Doubles, standing: float
) -> tuple[Doubles, Doubles]:
    """Knee and foot (T, 3) of a leg so short that a flexion of ``standing`` is that of standing.

    The foot stays in its direction from the hip, and the knee in the plane of the leg.
    """
    shorter = np.cos(standing / 2) / np.cos(STANDING_RAD / 2)
    thigh, shank = (
        float(np.median(np.linalg.norm(b - a, axis=-1))) * shorter
        for a, b in ((hip, knee), (knee, foot))
    )
    away = foot - hip
    along = away / np.linalg.norm(away, axis=-1, keepdims=True)
    across = across_from(knee - hip, along)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    bent = _straightened(_flexion(hip, knee, foot), shorter)
    cosine, sine = np.cos(bent)[:, None], np.sin(bent)[:, None]
    reach = np.sqrt(thigh**2 + shank**2 + 2 * thigh * shank * cosine)
    ahead = thigh * (thigh + shank * cosine) / reach
    aside = thigh * shank * sine / reach
    return hip + along * ahead + across * aside, hip + along * reach


def _straightened(bent: Doubles, shorter: float) -> Doubles:
    """The flexion of a leg of such a share of its length with its foot at the same place.

    It is rounded off at 0.
    """
    # The squared half sine says how far off straight a leg is; it may fall below 0.
    excess = 4 * (1 - (np.cos(bent / 2) / shorter) ** 2)
    soft = _SOFTNESS_RAD**2
    rounded = (excess + np.sqrt(excess**2 + soft**2)) / 2
    return np.asarray(2 * np.arcsin(np.clip(np.sqrt(rounded) / 2, 0, 1)))
