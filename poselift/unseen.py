"""Limbs that were never seen: one pose over time, and an expected error that says so.

A network that has to guess a limb guesses another one with every change of the rest: legs below the
picture stand, sit and stand again. So a limb of which neither joint was measured at any time (so
far, if causal) hangs straight down along the trunk, and the expected errors of joints never
measured are at least what such a guess is off by where people sit: most cameras that see no legs
see somebody at a desk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from poselift.array_types import Floats, Mask

_FEWEST_M: Final = 1e-3
_DOWN: Final = (0.0, 1.0, 0.0)


class _Limb(NamedTuple):
    """A limb of a person of 1.7 m."""

    joints: tuple[str, str, str]
    lengths_m: tuple[float, float]
    errors_m: tuple[float, float]
    """Of the middle and the last joint where neither was ever seen: the mean of people who sit."""


_LIMBS: Final = (
    _Limb(("hip", "knee", "ankle"), (0.44, 0.43), (0.45, 0.50)),
    _Limb(("shoulder", "elbow", "wrist"), (0.28, 0.25), (0.30, 0.65)),
)
_LAST_JOINT_ERROR_M: Final = 0.25
"""Of an ankle or a wrist that was never seen though the knee or the elbow was."""


@dataclass(frozen=True)
class _Chain:
    """A limb of a model: places of its joints in the output and in the input."""

    limb: _Limb
    start: int
    middle: int
    last: int
    seen_middle: int
    seen_last: int


class UnseenLimbs:
    """The limbs of a model's poses."""

    def __init__(self, input_joints: Sequence[str], output_joints: Sequence[str]) -> None:
        # Human3.6M calls the ankle a foot.
        given = [name.replace("_foot", "_ankle") for name in input_joints]
        names = [name.replace("_foot", "_ankle") for name in output_joints]
        self._chains = []
        for limb in _LIMBS:
            for side in ("left", "right"):
                joints = [f"{side}_{joint}" for joint in limb.joints]
                if set(joints) <= set(names) and set(joints[1:]) <= set(given):
                    places = [names.index(joint) for joint in joints]
                    seen = [given.index(joint) for joint in joints[1:]]
                    self._chains.append(_Chain(limb, *places, *seen))
        trunk = ("hip", "thorax")
        self._trunk = [names.index(joint) for joint in trunk if joint in names]

    def settle(self, poses_TJ3: Floats, errors_TJ: Floats | None, seen_TK: Mask) -> None:
        """Put limbs never seen where they are taken to be, in place.

        Args:
            poses_TJ3: metres, in camera axes.
            errors_TJ: expected errors, metres, if they are estimated.
            seen_TK: which joints of the input were measured at any time, or so far if causal.
        """
        if len(self._trunk) < 2 or seen_TK.all():
            return
        down_T3: Floats | None = None
        for chain in self._chains:
            unseen_T = ~seen_TK[:, chain.seen_last]
            if not unseen_T.any():
                continue
            wholly_T = unseen_T & ~seen_TK[:, chain.seen_middle]
            if wholly_T.any():
                down_T3 = _down(poses_TJ3, *self._trunk) if down_T3 is None else down_T3
                _hang(poses_TJ3, chain, down_T3, wholly_T)
            if errors_TJ is not None:
                _admit(errors_TJ, chain, unseen_T, wholly_T)


@lru_cache(16)
def unseen_limbs(input_joints: tuple[str, ...], output_joints: tuple[str, ...]) -> UnseenLimbs:
    """Those of models with these joints."""
    return UnseenLimbs(input_joints, output_joints)


def _down(poses_TJ3: Floats, hip: int, thorax: int) -> Floats:
    """Unit vectors (T, 3) from the thorax to the hip; down in the image where there is no trunk."""
    trunk_T3 = poses_TJ3[:, hip] - poses_TJ3[:, thorax]
    length_T1 = np.linalg.norm(trunk_T3, axis=1, keepdims=True)
    has_trunk = length_T1 > _FEWEST_M
    down = np.where(has_trunk, trunk_T3 / np.maximum(length_T1, np.float32(_FEWEST_M)), _DOWN)
    return down.astype(np.float32)


def _hang(poses_TJ3: Floats, chain: _Chain, down_T3: Floats, frames_T: Mask) -> None:
    upper, lower = np.array(chain.limb.lengths_m, np.float32)
    down = down_T3[frames_T]
    middle = poses_TJ3[frames_T, chain.start] + upper * down
    poses_TJ3[frames_T, chain.middle] = middle
    poses_TJ3[frames_T, chain.last] = middle + lower * down


def _admit(errors_TJ: Floats, chain: _Chain, unseen_T: Mask, wholly_T: Mask) -> None:
    """Raise expected errors to what guesses are off by."""
    last_T = np.where(wholly_T, chain.limb.errors_m[1], np.where(unseen_T, _LAST_JOINT_ERROR_M, 0))
    middle_T = np.where(wholly_T, chain.limb.errors_m[0], 0)
    for joint, least_T in ((chain.last, last_T), (chain.middle, middle_T)):
        errors_TJ[:, joint] = np.maximum(errors_TJ[:, joint], least_T)
