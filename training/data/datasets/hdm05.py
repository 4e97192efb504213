"""HDM05: everyday motion of five actors, as ASF/AMC, for evaluation alone.

Its licence is share-alike, so that nothing that ships may be trained on it: every clip is held out.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from poselift.errors import InvalidInput
from training.data.datasets import preparation
from training.data.datasets.asfamc import read_amc, read_asf
from training.data.datasets.kinematics import Motion
from training.data.datasets.preparation import Clip, Rejection
from training.data.datasets.prepared import MotionSet

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
_NAME = re.compile(r"HDM_([a-z]+)_([A-Za-z]+)\w*")


def prepare(folders: Sequence[Path], fps: float) -> tuple[MotionSet, list[Rejection]]:
    """All clips under the folders as one set, all held out, and what was left out."""
    clips = [clip for folder in folders for clip in find_clips(folder)]
    actors = sorted({clip.subject for clip in clips})
    expected = "at least one usable HDM_….amc clip"
    return preparation.prepare(clips, fps, actors, ORIGIN, folders, expected)


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
