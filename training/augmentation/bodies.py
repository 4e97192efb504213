"""Bodies: bones are scaled alike on both sides, and limbs of one clip are put on another's body.

A few dozen people do not show all that limbs do together. Swapping breaks ties that are only in
the recording, which a network with a long receptive field would otherwise memorise.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from poselift.skeletons import H36M17
from training.array_types import Floats
from training.augmentation.augmentation import Augmentation, Motions, Stage, happens
from training.augmentation.limbs import LIMBS, body_frame, limb


def scale_bones(points_TM3: Floats, spread: float, rng: np.random.Generator) -> Floats:
    """Make each bone longer or shorter, alike on both sides; its directions stay.

    Points besides Human3.6M's joints lie on the head and go where the neck goes. ``spread`` is the
    standard deviation of the factors' logarithms.
    """
    bones = [name.removeprefix("left_").removeprefix("right_") for name in H36M17.joints]
    factors = {bone: float(np.exp(spread * rng.standard_normal())) for bone in dict.fromkeys(bones)}
    moved = points_TM3.copy()
    for joint, parent in enumerate(H36M17.parents):
        if parent >= 0:
            bone = points_TM3[:, joint] - points_TM3[:, parent]
            moved[:, joint] = moved[:, parent] + factors[bones[joint]] * bone
    neck, face = H36M17.joints.index("neck"), slice(len(H36M17.joints), None)
    moved[:, face] += (moved[:, neck] - points_TM3[:, neck])[:, None]
    return moved


BONE_LENGTH_SCALING = Augmentation(
    name="bone_length_scaling",
    help="Spread of the factors by which the bones of each clip are made longer or shorter.",
    stage=Stage.MOTION,
    change=lambda points, spread, _, rng: scale_bones(points, spread, rng) if spread else points,
    type=Annotated[float, Field(ge=0, le=0.2)],
)


def swap_limbs(
    body_TM3: Floats, donor_TM3: Floats, joint_names: Sequence[str], limbs: str
) -> Floats:
    """Move one clip's body with the arms (``shoulder``) or legs (``hip``) of another.

    Limbs keep their angles to the shoulders or hips they hang from, and the body's bone lengths.
    The donor's clip may have any length: it runs to and fro.
    """
    donor = donor_TM3[_to_and_fro(len(donor_TM3), len(body_TM3))]
    donor_frame = body_frame(donor, joint_names, limbs)
    turn = body_frame(body_TM3, joint_names, limbs) @ donor_frame.transpose(0, 2, 1)
    swapped = body_TM3.copy()
    for side in ("left", "right"):
        for parent, child in pairwise(limb(joint_names, side, limbs)):
            bone = donor[:, child] - donor[:, parent]
            length = _length(body_TM3, parent, child) / _length(donor, parent, child)
            turned = (turn @ bone[..., None])[..., 0]
            swapped[:, child] = swapped[:, parent] + length * turned
    return swapped


def _to_and_fro(frames: int, wanted: int) -> NDArray[np.int64]:
    """Indices that run through a clip forwards and backwards for as long as wanted."""
    period = max(2 * (frames - 1), 1)
    steps = np.arange(wanted) % period
    return np.minimum(steps, period - steps) if frames > 1 else np.zeros(wanted, np.int64)


def _length(points_TM3: Floats, parent: int, child: int) -> float:
    bones = points_TM3[:, child] - points_TM3[:, parent]
    return float(np.linalg.norm(bones, axis=-1).mean())


def _swap(points_TM3: Floats, share: float, motions: Motions, rng: np.random.Generator) -> Floats:
    """Arms, legs, both or neither, each from a clip of its own."""
    for limbs in LIMBS:
        if happens(share, rng):
            donor_TM3 = motions.clip(int(rng.integers(len(motions))))
            points_TM3 = swap_limbs(points_TM3, donor_TM3, motions.joint_names, limbs)
    return points_TM3


LIMB_SWAP = Augmentation(
    name="limb_swap",
    help="Share of the clips that get another clip's arms, and of those that get its legs.",
    stage=Stage.MOTION,
    change=_swap,
)
