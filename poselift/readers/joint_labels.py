"""Joints by the labels that people give them: "LeftShoulder", "left shoulder", "l_shoulder".

Tools whose users name the joints themselves, and formats that spell names differently, are read
by label. A label that means no joint is left out and told; one that could mean two is refused.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from poselift.array_types import Doubles
from poselift.errors import InvalidInput
from poselift.formats import FORMATS

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_GLUED = re.compile(r"(left|right)([a-z]+)|([lr])((?:big|small)?(?:[a-z]{3,}))")
_SYNONYMS = {
    "mid_hip": "hip",
    "hip_center": "hip",
    "hips": "hip",
    "root": "hip",
    "head_top": "head",
    "top_head": "head",
    "top_of_head": "head",
    "foot_toe": "foot_index",
    "toe": "big_toe",
    "toes": "big_toe",
    "mouth_corner": "mouth",
    "pinky_finger": "pinky",
    "index_finger": "index",
}
_LIMBS = frozenset(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
_LABORATORY = frozenset({"h36m17", "humaneva15"})
"""Formats whose necks and heads are markers', not what people label in images."""
_FEWEST_LIMBS = 8
"""Joints of arms and legs without which the labels are no person's: mice have ears and hips."""


@dataclass(frozen=True)
class Labelled:
    """Which joints of a format the labels mean.

    Attributes:
        keypoint_format: a name in ``poselift.formats.FORMATS``.
        joint_of_L: for each label its joint in the format, or -1.
        unused: the labels that mean no joint of it.
    """

    keypoint_format: str
    joint_of_L: NDArray[np.intp]
    unused: tuple[str, ...]

    def arranged(self, labelled: Doubles) -> Doubles:
        """Keypoints (…, L, 3) by label in the format's order (…, J, 3), 0 where there is none."""
        joints = len(FORMATS[self.keypoint_format].joints)
        arranged = np.zeros((*labelled.shape[:-2], joints, 3))
        used = self.joint_of_L >= 0
        arranged[..., self.joint_of_L[used], :] = labelled[..., used, :]
        return arranged


def joint_named(label: str) -> str | None:
    """The joint that a label means, as formats here name it, or None."""
    words = [word.lower() for word in _WORD.findall(label)]
    words = [part for word in words for part in _unglued(word)]
    sides = [_SIDES[word] for word in words if word in _SIDES]
    rest = "_".join(word for word in words if word not in _SIDES)
    rest = _SYNONYMS.get(rest, rest)
    if len(sides) > 1 or not rest:
        return None
    name = f"{sides[0]}_{rest}" if sides else rest
    return name if name in _known() else None


def labelled(labels: Sequence[str], where: str, keypoint_format: str | None = None) -> Labelled:
    """Match labels to the format that has the most of their joints, or to the one named.

    Raises:
        InvalidInput: too few are joints of a person, or two mean one joint.
    """
    joints = [joint_named(label) for label in labels]
    _check_once(labels, joints, where)
    limbs = _LIMBS.intersection(filter(None, joints))
    if len(limbs) < _FEWEST_LIMBS:
        raise InvalidInput.at(
            where,
            f"labels of a person's joints, {_FEWEST_LIMBS} of the arms and legs at least, as in "
            f"left_shoulder or RKnee; found {_listed(labels)}",
        )
    name = keypoint_format or _closest(joints)
    names = FORMATS[name].joints
    index = [names.index(joint) if joint in names else -1 for joint in joints]
    unused = tuple(label for label, place in zip(labels, index, strict=True) if place < 0)
    return Labelled(name, np.array(index, np.intp), unused)


def is_labelled(labels: Iterable[str]) -> bool:
    """Whether enough of the labels are joints of a person."""
    return len(_LIMBS.intersection(filter(None, map(joint_named, labels)))) >= _FEWEST_LIMBS


def _check_once(labels: Sequence[str], joints: Sequence[str | None], where: str) -> None:
    first: dict[str, str] = {}
    for label, joint in zip(labels, joints, strict=True):
        if joint is not None and first.setdefault(joint, label) != label:
            expected = f"one label a joint; {first[joint]!r} and {label!r} both mean {joint}"
            raise InvalidInput.at(where, expected)


def _closest(joints: Sequence[str | None]) -> str:
    """The detectors' format with the most of these joints; of several the first."""
    wanted = set(filter(None, joints))
    detectors = [name for name in FORMATS if name not in _LABORATORY]
    return max(detectors, key=lambda name: len(wanted.intersection(FORMATS[name].joints)))


def _unglued(word: str) -> list[str]:
    """The two words in "lshoulder" and "leftshoulder"."""
    match = _GLUED.fullmatch(word)
    if match is None:
        return [word]
    side, rest, letter, after = match.groups()
    if side:
        return [side, rest]
    return [letter, after] if f"{_SIDES[letter]}_{after}" in _known() else [word]


@lru_cache(1)
def _known() -> frozenset[str]:
    return frozenset(joint for format_ in FORMATS.values() for joint in format_.joints)


def _listed(labels: Sequence[str], most: int = 8) -> str:
    more = ", …" if len(labels) > most else ""
    return ", ".join(label[:40] for label in labels[:most]) + more
