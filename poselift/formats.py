"""Keypoint formats: which joint stands where in a detector's output, and how to change layouts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from poselift.skeletons import H36M17, HUMANEVA15

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class KeypointFormat:
    """A layout of 2D keypoints: the joints' names in order."""

    name: str
    joints: tuple[str, ...]

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints that a body part of nearly constant length connects."""
        index = {joint: i for i, joint in enumerate(self.joints)}
        return tuple((index[a], index[b]) for a, b in _BONES if a in index and b in index)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """The permutation that swaps every left joint with its right twin."""
        swap = {"left": "right", "right": "left"}
        twins = ("_".join(swap.get(word, word) for word in name.split("_")) for name in self.joints)
        return tuple(self.joints.index(twin) for twin in twins)


def _sided(*names: str) -> tuple[str, ...]:
    """Left and right in turn, as COCO lists its joints."""
    return tuple(f"{side}_{name}" for name in names for side in ("left", "right"))


def _side(side: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for name in names)


_ARM = ("shoulder", "elbow", "wrist")
_LEG = ("hip", "knee", "ankle")
_FOOT = ("big_toe", "small_toe", "heel")
_TOES = ("ankle", "big_toe", "small_toe")
_COCO = ("nose", *_sided("eye", "ear", *_ARM, *_LEG))

_BONES = (
    *(("nose", eye) for eye in _sided("eye")),
    *((f"{side}_eye", f"{side}_ear") for side in ("left", "right")),
    *((f"{side}_ear", f"{side}_shoulder") for side in ("left", "right")),
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for chain in (_ARM, ("shoulder", *_LEG), ("knee", "foot"), ("ankle", "heel"), _TOES)
        for a, b in pairwise(chain)
    ),
    # Joints on the body's middle, where a format has them.
    *(("hip", hip) for hip in _sided("hip")),
    *(("pelvis", hip) for hip in _sided("hip")),
    ("hip", "spine"),
    ("spine", "thorax"),
    ("pelvis", "thorax"),
    *(("thorax", shoulder) for shoulder in _sided("shoulder")),
    ("thorax", "neck"),
    ("thorax", "head"),
    *(("neck", shoulder) for shoulder in _sided("shoulder")),
    ("neck", "head"),
    ("neck", "nose"),
    ("head", "nose"),
    ("upper_neck", "head"),
    ("upper_neck", "nose"),
    *(("upper_neck", shoulder) for shoulder in _sided("shoulder")),
    ("neck", "chest"),
)

_MEDIAPIPE = (
    "nose",
    *_side("left", "eye_inner", "eye", "eye_outer"),
    *_side("right", "eye_inner", "eye", "eye_outer"),
    *_sided("ear", "mouth", *_ARM, "pinky", "index", "thumb", *_LEG, "heel", "foot_index"),
)

_OPENPOSE_FEET = (*_side("left", *_FOOT), *_side("right", *_FOOT))

_HALPE = (*_COCO, "head", "neck", "hip", *_sided(*_FOOT))
_FACE_AND_HANDS = (
    *(f"face_{i}" for i in range(68)),
    *(f"{side}_hand_{i}" for side in ("left", "right") for i in range(21)),
)
_NECK_AND_ARMS = ("neck", *_side("right", *_ARM), *_side("left", *_ARM))
_LEGS = (*_side("right", *_LEG), *_side("left", *_LEG))

_JOINTS: Mapping[str, tuple[str, ...]] = {
    "coco17": _COCO,
    "h36m17": H36M17.joints,
    "humaneva15": HUMANEVA15.joints,
    "halpe26": _HALPE,
    "openpose_body25": (
        *("nose", *_NECK_AND_ARMS, "hip", *_LEGS),
        *("right_eye", "left_eye", "right_ear", "left_ear", *_OPENPOSE_FEET),
    ),
    "openpose_body25b": (*_COCO, "upper_neck", "head", *_OPENPOSE_FEET),
    "openpose_coco18": (
        *("nose", *_NECK_AND_ARMS, *_LEGS),
        *("right_eye", "left_eye", "right_ear", "left_ear"),
    ),
    "openpose_mpi15": ("head", *_NECK_AND_ARMS, *_LEGS, "chest"),
    "mediapipe33": _MEDIAPIPE,
    "mpii16": (
        *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
        *("pelvis", "thorax", "upper_neck", "head", "right_wrist", "right_elbow"),
        *("right_shoulder", *_side("left", *_ARM)),
    ),
    "crowdpose14": (*_sided(*_ARM, *_LEG), "head", "neck"),
    "aic14": (*(*_side("right", *_ARM), *_side("left", *_ARM), *_LEGS, "head", "neck"),),
    "posetrack17": ("nose", "upper_neck", "head", *_sided("ear", *_ARM, *_LEG)),
    "apple_vision19": (
        *("nose", *_sided("eye", "ear", "shoulder"), "neck", *_sided("elbow", "wrist")),
        *(*_sided("hip"), "hip", *_sided("knee", "ankle")),
    ),
    "halpe136": (*_HALPE, *_FACE_AND_HANDS),
    "wholebody133": (*_COCO, *_OPENPOSE_FEET, *_FACE_AND_HANDS),
}
FORMATS: Mapping[str, KeypointFormat] = MappingProxyType(
    {name: KeypointFormat(name, joints) for name, joints in _JOINTS.items()}
)
"""Every format the service reads, by name."""

_DERIVED: Mapping[str, tuple[Mapping[str, float], ...]] = MappingProxyType(
    {
        # One name, several spellings.
        **{f"{side}_ankle": ({f"{side}_foot": 1.0},) for side in ("left", "right")},
        **{f"{side}_foot": ({f"{side}_ankle": 1.0},) for side in ("left", "right")},
        # The middle of the body: Human3.6M's root and chest lie between hips and shoulders.
        "hip": ({"pelvis": 1.0}, {"left_hip": 0.5, "right_hip": 0.5}),
        "pelvis": ({"hip": 1.0}, {"left_hip": 0.5, "right_hip": 0.5}),
        "thorax": ({"left_shoulder": 0.5, "right_shoulder": 0.5},),
        "spine": (
            {"hip": 0.5, "thorax": 0.5},
            {"left_hip": 0.25, "right_hip": 0.25, "left_shoulder": 0.25, "right_shoulder": 0.25},
        ),
        # Human3.6M's neck is its "neck/nose"; a detector's nose is the nearest thing to it. What
        # detectors call neck lies between the shoulders and is the thorax above.
        "neck": (
            {"nose": 1.0},
            {"left_ear": 0.5, "right_ear": 0.5},
            {"head": 0.5, "thorax": 0.5},
            {"head": 0.5, "left_shoulder": 0.25, "right_shoulder": 0.25},
        ),
        # The crown is above the ears by about 0.7 of their height above the shoulders.
        "head": (
            {"left_ear": 0.85, "right_ear": 0.85, "left_shoulder": -0.35, "right_shoulder": -0.35},
            {"nose": 1.7, "left_shoulder": -0.35, "right_shoulder": -0.35},
        ),
    }
)
"""Joints a format may lack, as weighted sums of others; the first that the format has is taken."""


class Conversion:
    """Rearranges keypoints from one format to another.

    Joints are matched by name; what the source lacks is derived where that makes sense, with the
    lowest score of the joints it comes from, and otherwise is missing: zero, with score 0.

    Attributes:
        sources: for each joint of the target, the source's joints that it is made of.
        usable_K: which of the target's joints the source can give.
        copied_C: for each joint of the source, the target's joint that is a copy of it, or -1.
    """

    def __init__(self, source: str, target: str) -> None:
        joints = _available(FORMATS[source], target)
        names = FORMATS[target].joints
        self._is_needed = source != target
        self._weights = [_weights(joint, joints) for joint in names]
        self.sources = [tuple(weights) for weights in self._weights]
        self.usable_K = np.array([bool(sources) for sources in self.sources])
        self.copied_C = np.full(len(FORMATS[source].joints), -1)
        for index, weights in enumerate(self._weights):
            if len(weights) == 1:
                self.copied_C[next(iter(weights))] = index

    def __call__(self, keypoints_TJ3: Floats) -> Floats:
        """Keypoints (T, K, 3) of the target, pixels and score."""
        if not self._is_needed:
            return keypoints_TJ3
        shape = (len(keypoints_TJ3), len(self._weights), 3)
        converted = np.zeros(shape, dtype=np.float32)
        for index, weights in enumerate(self._weights):
            if weights:
                converted[:, index] = _combine(keypoints_TJ3, weights)
        return converted


def convert(keypoints_TJ3: Floats, source: str, target: str) -> Floats:
    """Keypoints (T, J, 3), pixels and score, in another format: see ``Conversion``."""
    return conversion(source, target)(keypoints_TJ3)


@lru_cache(64)
def conversion(source: str, target: str) -> Conversion:
    """The conversion between two formats."""
    return Conversion(source, target)


def _available(source: KeypointFormat, target: str) -> dict[str, int]:
    """The source's joints that mean in the target what their name says."""
    # Human3.6M and HumanEva place neck and head inside the skull and neck, unlike detectors.
    # A detector's neck between the shoulders is no "neck/nose", so there it is left out.
    laboratory = {"h36m17", "humaneva15"}
    foreign = (source.name in laboratory) != (target in laboratory)
    unlike = {"neck", "thorax"} if foreign else set()
    return {joint: i for i, joint in enumerate(source.joints) if joint not in unlike}


def _weights(joint: str, available: Mapping[str, int]) -> dict[int, float]:
    """Which source joints make up a joint, and in what shares; empty if none can."""
    if joint in available:
        return {available[joint]: 1.0}
    for recipe in _DERIVED.get(joint, ()):
        if all(part in available for part in recipe):
            return {available[part]: share for part, share in recipe.items()}
    return {}


def _combine(keypoints_TJ3: Floats, weights: Mapping[int, float]) -> Floats:
    parts = list(weights)
    shares = np.array(list(weights.values()), dtype=np.float32)
    scores = keypoints_TJ3[:, parts, 2]
    with np.errstate(over="ignore"):  # callers' wildest numbers are refused after normalising
        places = np.einsum("tpd,p->td", keypoints_TJ3[:, parts, :2], shares)
    return np.concatenate([places, scores.min(axis=1, keepdims=True)], axis=1)


@lru_cache(256)
def names_with(joints: int) -> tuple[str, ...]:
    """The formats that have this many joints."""
    return tuple(name for name, format_ in FORMATS.items() if len(format_.joints) == joints)
