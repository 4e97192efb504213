"""AMASS: motion capture of many laboratories as poses of one body model.

The data and the model are for registered users, and not for commercial use.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from poselift.errors import InvalidInput
from training.data.datasets.arrays import read_arrays
from training.data.datasets.kinematics import Motion
from training.data.datasets.motion import MotionSet
from training.data.datasets.preparation import Clip, Rejection, collect, prepare_clips
from training.data.datasets.smpl import JOINTS, BodyModel, local_rotations
from training.data.datasets.tree import Tree

ORIGIN = "AMASS (Mahmood et al., 2019), whose licence is not for commercial use."

KEYS = ("poses", "trans", "betas")
RATES = ("mocap_framerate", "mocap_frame_rate")
"""What the frame rate is called: by releases with SMPL-H, and by those with SMPL-X."""

BETAS = 10
_NUMBERS = 3 * len(JOINTS)
_ENDING = re.compile(r"_(poses|stageii)$")


def find_clips(folder: Path, body: BodyModel) -> Iterator[Clip]:
    """Every clip under a folder, in the order of their paths, without the files of shapes."""
    for path in sorted(folder.rglob("*.npz") if folder.is_dir() else [folder]):
        if not path.stem.endswith(("shape", "stagei")):
            yield _clip(path, body)


def _clip(path: Path, body: BodyModel) -> Clip:
    """The subject is the folder; the action is the file's name without its numbers."""
    subject, stem = path.parent.name, _ENDING.sub("", path.stem)
    words = [word for word in stem.split("_") if not word.isdigit() and word != subject]
    action = " ".join(words) or f"subject {subject}"
    name = f"{path.parent.parent.name}/{subject}/{stem}"
    return Clip(name, subject, action, "amass", path, partial(read_motion, path, body))


def read_motion(path: Path, body: BodyModel) -> Motion:
    """Our points over a clip, y up, metres.

    Raises:
        InvalidInput: naming the file and the array, and what was expected of it.
    """
    arrays = read_arrays(path, KEYS, "a clip of AMASS (.npz)", optional=RATES)
    trees = {key: Tree(f"{path}, {key}", array) for key, array in arrays.items()}
    poses = trees["poses"].finite(("frames", "numbers"))
    if poses.shape[1] < _NUMBERS:
        raise trees["poses"].wrong(f"at least {_NUMBERS} numbers a frame, found {poses.shape[1]}")
    betas = trees["betas"].finite(("shapes",))
    if len(betas) < BETAS:
        raise trees["betas"].wrong(f"at least {BETAS} numbers, found {len(betas)}")
    root = trees["trans"].finite((len(poses), 3))
    return body.points(local_rotations(poses), root, betas, _rate(trees, path))


def _rate(trees: dict[str, Tree], path: Path) -> float:
    tree = next((trees[key] for key in RATES if key in trees), None)
    if tree is None:
        raise InvalidInput.at(f"{path}, {RATES[0]}", "an array of that name")
    rate = float(tree.finite(()))
    if rate <= 0:
        raise tree.wrong(f"a positive number, found {rate:g}")
    return rate


def prepare(
    folders: Sequence[Path], body: BodyModel, fps: float, held_out: Sequence[str] = ()
) -> tuple[MotionSet, list[Rejection]]:
    """All clips under the folders as one set, and what was left out with the reasons."""
    clips = [clip for folder in folders for clip in find_clips(folder, body)]
    kept, rejections = prepare_clips(clips, fps)
    if not kept:
        reasons = "".join(f"; {fault.clip.name}: {fault.reason}" for fault in rejections[:1])
        raise InvalidInput.at(
            ", ".join(map(str, folders)), f"at least one usable .npz clip{reasons}"
        )
    return collect(kept, fps, held_out, ORIGIN), rejections
