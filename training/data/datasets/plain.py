"""Positions of named joints in metres, y up: the way in for motion capture of any other kind."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from poselift.errors import InvalidInput
from poselift.skeletons import H36M17
from training.array_types import Doubles
from training.data.datasets import preparation
from training.data.datasets.body import POINTS, stacked, with_face
from training.data.datasets.clips import Arrays, check_clips, read_arrays
from training.data.datasets.kinematics import Motion
from training.data.datasets.preparation import Clip, Rejection, given
from training.data.datasets.prepared import MotionSet
from training.data.datasets.tree import Tree

PER_CLIP = {"clip_ends": "i", "names": "U"}
OPTIONAL = ("subjects", "actions")


def find_clips(path: Path) -> Iterator[Clip]:
    """Every clip of a file; a clip without a subject or action has its own name there."""
    keys = ("positions", "joint_names", "fps", *PER_CLIP)
    arrays = read_arrays(path, keys, "a file of positions (.npz)", OPTIONAL)
    points = _points(arrays, path)
    given_keys = {key: "U" for key in OPTIONAL if key in arrays}
    check_clips(arrays, PER_CLIP | given_keys, len(points), path)
    starts = [0, *arrays["clip_ends"][:-1]]
    names, *about = (arrays.get(key, arrays["names"]) for key in ("names", *OPTIONAL))
    rows = zip(names, *about, starts, arrays["clip_ends"], strict=True)
    for name, subject, action, start, end in rows:
        motion = Motion(POINTS, points[start:end], None, float(arrays["fps"]))
        yield Clip(str(name), str(subject), str(action), "positions", given(motion))


def _points(arrays: Arrays, path: Path) -> Doubles:
    """Our points of all frames, (F, 22, 3)."""
    names = tuple(map(str, np.atleast_1d(arrays["joint_names"])))
    if missing := set(H36M17.joints) - set(names):
        raise InvalidInput.at(f"{path}, joint_names", f"{', '.join(sorted(missing))} too")
    found = Tree(f"{path}, positions", arrays["positions"]).floats(("frames", len(names), 3))
    at = {name: found[:, joint] for joint, name in enumerate(names)}
    return stacked(at if set(POINTS) <= set(names) else with_face(at))


def prepare(
    path: Path, fps: float, held_out: Sequence[str] = ()
) -> tuple[MotionSet, list[Rejection]]:
    """All clips of a file as one set, and what was left out with the reasons."""
    origin = f"Positions from {path.name}."
    return preparation.prepare(
        find_clips(path), fps, held_out, origin, [path], "at least one usable clip"
    )
