"""HDM05: everyday motion of five actors, as ASF/AMC, for evaluation alone.

Its licence is share-alike, so that nothing that ships may be trained on it: every clip is held out.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets import preparation
from training.data.datasets.asfamc import read_amc, read_asf
from training.data.datasets.body import POINTS
from training.data.datasets.kinematics import Motion
from training.data.datasets.markers import runs
from training.data.datasets.preparation import Clip, Jump, Prepared, Rejection
from training.data.datasets.prepared import MotionSet
from training.data.datasets.vectors import across_from, unit

ORIGIN = (
    "HDM05 (Müller et al., 2007), CC BY-SA 3.0, for evaluation alone. The data used in this "
    "project was obtained from HDM05."
)

ACTIONS = {
    "depositFloor": "put on the floor",
    "elbowToKnee": "elbow to knee",
    "grabHigh": "grab high",
    "hopBothLegs": "hop",
    "jogLeftCircle": "jog",
    "kickLFront": "kick",
    "lieDownFloor": "lie down",
    "rotateArmsBothBackward": "rotate arms",
    "sneak": "sneak",
    "squat": "squat",
    "throwBasketball": "throw",
}
"""By how the name of a motion begins."""
_BENT_RAD = np.radians(60.0)
_MARGIN_S = 0.1
_NAME = re.compile(r"HDM_([a-z]+)_([A-Za-z]+)\w*")


def prepare(folders: Sequence[Path], fps: float) -> tuple[MotionSet, list[Rejection]]:
    """All clips under the folders as one set, all held out, and what was left out."""
    clips = [clip for folder in folders for clip in find_clips(folder)]
    actors = sorted({clip.subject for clip in clips})
    expected = "at least one usable HDM_….amc clip"
    refine = _without_impossible_legs
    return preparation.prepare(clips, fps, actors, ORIGIN, folders, expected, refine)


def _without_impossible_legs(
    kept: Sequence[Prepared], fps: float
) -> tuple[list[Prepared], list[Rejection]]:
    """Cut out frames in which a bent knee is behind the pelvis.

    At the bottom of a deep squat, the skeletons fitted to three of the actors turn their thighs
    outwards and on until the knees are behind the hips, 90° beyond the limits in their own files.
    """
    parts: list[Prepared] = []
    rejections: list[Rejection] = []
    for item in kept:
        jumps = _impossible_legs(item.points_TJ3, round(_MARGIN_S * fps))
        rest, cut = preparation.without(item.clip, item.points_TJ3, jumps, fps)
        parts += [Prepared(clip, points, item.original_fps) for clip, points in rest]
        rejections += cut
    return parts, rejections


def _impossible_legs(points_TJ3: Doubles, margin: int) -> list[Jump]:
    found = np.logical_or(*(knee_is_behind(points_TJ3, side) for side in ("left", "right")))
    wide = np.convolve(found, np.ones(2 * margin + 1), mode="full")[margin : margin + len(found)]
    return [
        Jump(run.start, run.stop - 1, "a bent knee behind the pelvis")
        for run in runs(np.asarray(wide > 0.5))
    ]


def knee_is_behind(points_TJ3: Doubles, side: str) -> NDArray[np.bool_]:
    """The frames (T,) in which a knee bent by over 60° points to the back of the pelvis."""
    names = ("left_hip", "right_hip", "hip", "spine")
    left, right, middle, spine = (points_TJ3[:, POINTS.index(name)] for name in names)
    ahead = np.cross(left - right, spine - middle)
    hip, knee, foot = (
        points_TJ3[:, POINTS.index(f"{side}_{joint}")] for joint in ("hip", "knee", "foot")
    )
    is_bent = np.sum(unit(knee - hip) * unit(foot - knee), axis=-1) < np.cos(_BENT_RAD)
    aside = across_from(knee - hip, unit(foot - hip))
    return np.asarray(is_bent & (np.sum(aside * ahead, axis=-1) < 0))


def find_clips(folder: Path) -> Iterator[Clip]:
    """Every clip, HDM_actor_motion_number.amc, with its actor's skeleton HDM_actor.asf."""
    for path in sorted(folder.rglob("*.amc")):
        if found := _NAME.fullmatch(path.stem):
            read = partial(_motion, path, path.with_name(f"HDM_{found[1]}.asf"))
            yield Clip(path.stem, f"HDM05 {found[1]}", _action(found[2]), "hdm05", read)


def _motion(path: Path, skeleton: Path) -> Motion:
    if not skeleton.exists():
        raise InvalidInput.at(str(path), f"its skeleton {skeleton.name} next to it")
    return read_amc(path, read_asf(skeleton))


def _action(motion: str) -> str:
    return next((action for name, action in ACTIONS.items() if motion.startswith(name)), motion)
