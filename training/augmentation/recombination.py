"""Motion that nobody recorded: the limbs of one clip on the body of another, in other proportions.

A few dozen people cannot show all that limbs do together. Grafting breaks ties that are only in
the recording, which a network with a long receptive field would otherwise learn by heart.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from poselift.skeletons import H36M17

Floats = NDArray[np.float32]

LIMBS = {
    "shoulder": ("shoulder", "elbow", "wrist"),
    "hip": ("hip", "knee", "foot"),
}
"""The chain of each limb, by the pair of joints that it hangs from."""


def swap_limbs(
    body_TM3: Floats, donor_TM3: Floats, joint_names: Sequence[str], limbs: str
) -> Floats:
    """Move one clip's body with the arms or legs of another.

    Limbs keep their angles to the shoulders or hips they hang from, and the body's bone lengths.

    Args:
        body_TM3: world axes, metres.
        donor_TM3: the clip whose limbs are taken, of any length; it runs to and fro.
        joint_names: what the M points are.
        limbs: ``shoulder`` for the arms, ``hip`` for the legs.
    """
    donor = donor_TM3[_to_and_fro(len(donor_TM3), len(body_TM3))]
    donor_frame = body_frame(donor, joint_names, limbs)
    turn = body_frame(body_TM3, joint_names, limbs) @ donor_frame.transpose(0, 2, 1)
    grafted = body_TM3.copy()
    for side in ("left", "right"):
        chain = [joint_names.index(f"{side}_{joint}") for joint in LIMBS[limbs]]
        for parent, child in pairwise(chain):
            bone = donor[:, child] - donor[:, parent]
            length = _length(body_TM3, parent, child) / _length(donor, parent, child)
            turned = (turn @ bone[..., None])[..., 0]
            grafted[:, child] = grafted[:, parent] + length * turned
    return grafted


def scale_bones(points_TM3: Floats, spread: float, rng: np.random.Generator) -> Floats:
    """Make each bone longer or shorter, alike on both sides; its directions stay.

    Args:
        points_TM3: a clip whose first points are the joints of Human3.6M; the others lie on the
            head and go where the neck goes.
        spread: standard deviation of the factors' logarithms.
        rng: where the factors come from.
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


def _to_and_fro(frames: int, wanted: int) -> NDArray[np.int64]:
    """Indices that run through a clip forwards and backwards for as long as wanted."""
    period = max(2 * (frames - 1), 1)
    steps = np.arange(wanted) % period
    return np.minimum(steps, period - steps) if frames > 1 else np.zeros(wanted, np.int64)


def body_frame(points_TM3: Floats, joint_names: Sequence[str], limbs: str) -> Floats:
    """Right-handed axes (T, 3, 3), as columns: across the shoulders or hips, up the back, ahead."""
    at = {name: points_TM3[:, joint_names.index(name)] for name in ("hip", "thorax")}
    left, right = (
        points_TM3[:, joint_names.index(f"{side}_{limbs}")] for side in ("left", "right")
    )
    across = _unit(left - right)
    ahead = _unit(np.cross(across, at["thorax"] - at["hip"]))
    return np.stack([across, np.cross(ahead, across), ahead], axis=-1).astype(np.float32)


def _unit(vectors_T3: Floats) -> Floats:
    lengths = np.linalg.norm(vectors_T3, axis=-1, keepdims=True)
    unit: Floats = vectors_T3 / np.maximum(lengths, np.float32(1e-6))
    return unit


def _length(points_TM3: Floats, parent: int, child: int) -> float:
    bones = points_TM3[:, child] - points_TM3[:, parent]
    return float(np.linalg.norm(bones, axis=-1).mean())
