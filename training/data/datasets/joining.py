"""Several prepared motion sets as one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from poselift.errors import InvalidInput
from training.data.datasets.prepared import MotionSet


def join(paths: Sequence[Path]) -> MotionSet:
    """The clips of all files, one after the other; who is held out stays so.

    Raises `InvalidInput` if the files differ in frame rate or joints, if clips have the same name,
    or if a subject would be on both sides of the split.
    """
    sets = [MotionSet.load(path) for path in paths]
    for path, motions in zip(paths, sets, strict=True):
        for name in ("fps", "joint_names"):
            known, found = getattr(sets[0], name), getattr(motions, name)
            if found != known:
                raise InvalidInput.at(f"{path}, {name}", f"{known}, as {paths[0]} has: {found}")
    whole = _concatenated(sets)
    _check(whole)
    return whole


def _concatenated(sets: Sequence[MotionSet]) -> MotionSet:
    lengths = np.concatenate([motions.lengths for motions in sets])
    return replace(
        sets[0],
        positions=np.concatenate([motions.positions for motions in sets]),
        clip_ends=np.cumsum(lengths, dtype=np.int64),
        original_fps=np.concatenate([motions.original_fps for motions in sets]),
        held_out=np.concatenate([motions.held_out for motions in sets]),
        names=tuple(name for motions in sets for name in motions.names),
        subjects=tuple(subject for motions in sets for subject in motions.subjects),
        actions=tuple(action for motions in sets for action in motions.actions),
        sources=tuple(source for motions in sets for source in motions.sources),
        groups=tuple(group for motions in sets for group in motions.groups),
        origin=" ".join(dict.fromkeys(motions.origin for motions in sets)),
    )


def _check(motions: MotionSet) -> None:
    doubled = len(motions) - len(set(motions.names))
    if doubled:
        raise InvalidInput.at("names", f"a name of its own for each clip, {doubled} are not")
    sides = set(zip(motions.subjects, motions.held_out.tolist(), strict=True))
    both = sorted(subject for subject, held_out in sides if held_out and (subject, False) in sides)
    if both:
        raise InvalidInput.at("subjects", f"each on one side of the split: {', '.join(both)}")
