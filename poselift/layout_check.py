"""Noticing keypoints that were sent under another format's name.

Formats with as many joints have arrays of one shape, so the lengths of limbs are compared
with those of a standing figure. Only a far better fit counts: odd poses must pass.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from poselift.array_types import Doubles, Floats, Mask, Slots, by_coordinate
from poselift.errors import InvalidInput
from poselift.formats import FORMATS, KeypointFormat, names_with
from poselift.reference_pose import REFERENCE_POSE

_FAR_BETTER = 2.5
"""How many times better another format must fit; the right one never lost by more than 1.2."""
_FITS = 0.25
"""The misfit up to which the named format is right; that of others is above 0.5."""
_GOOD_FIT = 0.3
"""The mean misfit under which a format is believable; of random clips one in a hundred has less."""
_WORST_BONE = 3.0
"""One bone's greatest say, so that a single stray joint does not decide."""
_FEWEST_BONES = 8
_LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")
_MOST_FRAMES = 100


def check_layout(keypoints_TJ3: Floats, name: str, where: str) -> None:
    """Refuse a clip that another format of as many joints fits far better.

    ``where`` is the place of the clip in the request.

    Raises:
        InvalidInput: naming the format that fits.
    """
    better = better_layout(keypoints_TJ3, name)
    if better is not None:
        raise InvalidInput.at(
            where,
            f"keypoints in the order of {name!r}; these look like {better!r}, "
            "which fits the lengths of the limbs far better",
        )


def better_layout(
    keypoints_TJ3: Floats, name: str, among: Iterable[str] | None = None
) -> str | None:
    """The format that fits far better than the one named, if there is one.

    It is looked for among those of as many joints, or those given, whose last joints may be left
    out.
    """
    others = _rivals(name, names_with(keypoints_TJ3.shape[1]) if among is None else tuple(among))
    if not others:
        return None
    some = _some(keypoints_TJ3)
    claimed = _misfit(some, name)
    if claimed <= _FITS:
        return None
    for other in others:
        fit = _misfit(widened(some, other), other)
        if fit < _GOOD_FIT and _FAR_BETTER * fit < claimed < np.inf:
            return other
    return None


def fits(keypoints_TJ3: Floats, name: str) -> bool:
    """Whether the lengths of the limbs are a person's, if this is the format."""
    return _misfit(_some(keypoints_TJ3), name) <= _FITS


def widened(keypoints_TJ3: Floats, name: str) -> Floats:
    """The same with zeros for the last joints of a format that has more."""
    lacking = max(0, len(FORMATS[name].joints) - keypoints_TJ3.shape[1])
    if not lacking:
        return keypoints_TJ3
    return np.pad(keypoints_TJ3, ((0, 0), (0, lacking), (0, 0)))


def _some(keypoints_TJ3: Floats) -> Floats:
    return keypoints_TJ3[:: max(1, len(keypoints_TJ3) // _MOST_FRAMES)]


@lru_cache(64)
def _rivals(name: str, among: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some formats that have limbs elsewhere than the one named."""
    limbs = _limbs(FORMATS[name])
    return tuple(other for other in among if _limbs(FORMATS[other]) != limbs)


def _limbs(format_: KeypointFormat) -> dict[str, int]:
    """Where arms and legs are; heads alone, in which formats may differ, say too little."""
    return {
        joint: index
        for index, joint in enumerate(format_.joints)
        if joint.rpartition("_")[2] in _LIMB_JOINTS
    }


def _misfit(keypoints_TJ3: Floats, name: str) -> float:
    """How far typical bone lengths are from a person's, on a log scale; infinite if unknowable."""
    bones = _bones(name)
    found_TJ = keypoints_TJ3[..., 2] > 0
    dx, dy = bones.differences(keypoints_TJ3[..., :2])
    found_TE = np.sqrt(dx * dx + dy * dy)
    expected_E = bones.lengths_E
    if found_TJ.all() and len(expected_E) >= _FEWEST_BONES:
        typical_E = _middle(np.sort(found_TE, axis=0))
    else:
        there_TE = found_TJ[:, bones.parents] & found_TJ[:, bones.children]
        usable_E = there_TE.any(axis=0)
        if np.count_nonzero(usable_E) < _FEWEST_BONES:
            return np.inf
        typical_E = _medians(found_TE[:, usable_E], there_TE[:, usable_E])
        expected_E = expected_E[usable_E]
    if not (typical_E > 0).any():
        return np.inf
    ratios_E = np.log(np.maximum(typical_E, 1e-9) / expected_E)
    misfits_E = np.abs(ratios_E - _middle(np.sort(ratios_E)))
    return float(np.minimum(misfits_E, _WORST_BONE).mean())


def _middle(ordered: Doubles) -> Doubles:
    """The median along the first axis, of values in order; ``np.median`` is far slower."""
    middle: Doubles = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return middle


def _medians(values: Doubles, there: Mask) -> Doubles:
    """The median of each column's values that are there, at least one; nanmedian is far slower."""
    ordered = np.sort(np.where(there, values, np.inf), axis=0)
    count = there.sum(axis=0)
    columns = np.arange(values.shape[1])
    medians: Doubles = ordered[(count - 1) // 2, columns] + ordered[count // 2, columns]
    return medians / 2


class _Bones(NamedTuple):
    """A format's bones."""

    parents: Slots
    children: Slots
    """The joints at both ends of each."""
    lengths_E: Doubles
    """In a standing figure."""

    def differences(self, places_TJ2: Floats) -> Doubles:
        """How far apart the ends are (2, T, E), along x and y."""
        places_2TJ = by_coordinate(places_TJ2)
        ends_2TE = places_2TJ.take(self.parents, axis=2) - places_2TJ.take(self.children, axis=2)
        return ends_2TE.astype(np.float64)


@lru_cache(64)
def _bones(name: str) -> _Bones:
    format_ = FORMATS[name]
    figure = np.array([REFERENCE_POSE.get(joint, (0.0, 0.0)) for joint in format_.joints])
    parents, children = np.array(format_.bones, np.intp).T
    lengths_E = np.linalg.norm(figure[parents] - figure[children], axis=-1)
    return _Bones(parents, children, lengths_E)
