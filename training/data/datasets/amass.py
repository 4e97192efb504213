"""AMASS: motion capture of many laboratories as poses of one body model of the SMPL family.

The data and the model are for registered users, and not for commercial use. Only the joints and a
few vertices are computed, never the whole body. A vertex of the head moves with the head's joint:
what the model adds to it in a pose is a matter of millimetres.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from poselift.errors import InvalidInput
from training.array_types import Doubles
from training.data.datasets import preparation
from training.data.datasets.body import POINTS, stacked
from training.data.datasets.clips import read_arrays
from training.data.datasets.kinematics import Motion, forward
from training.data.datasets.preparation import Clip, Rejection
from training.data.datasets.prepared import MotionSet
from training.data.datasets.tree import Tree

ORIGIN = "AMASS (Mahmood et al., 2019), whose licence is not for commercial use."

RATES = ("mocap_framerate", "mocap_frame_rate")
"""What the frame rate is called: by releases with SMPL-H, and by those with SMPL-X."""

BETAS = 10
_ENDING = re.compile(r"_(poses|stageii)$")

JOINTS = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2"),
    *("left_ankle", "right_ankle", "spine3", "left_toes", "right_toes", "neck"),
    *("left_collar", "right_collar", "head", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
)
"""The joints of the body, first in all models of the family."""

VERTICES = 6890
"""Of SMPL and SMPL-H, whose meshes are numbered alike; SMPL-X has another mesh."""

FACE = {"nose": 332, "left_eye": 2800, "right_eye": 6260, "left_ear": 583, "right_ear": 4071}
"""Vertices of that mesh."""

CROWN_SHARE = 0.55
"""How far from SMPL's head joint, at the base of the skull, to its crown Human3.6M's head lies: its
headband is 0.24 m above the shoulders of a body whose crown is 0.33 m above them."""

_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From AMASS's world, z up, to ours, y up."""
_POSE_NUMBERS = 3 * len(JOINTS)


@dataclass(frozen=True)
class BodyModel:
    """Joints, face and crown of the resting body, y up, and how its shape moves them."""

    template_L3: Doubles
    shapes_L3B: Doubles
    parents: tuple[int, ...]

    def points(
        self, rotations_TJ33: Doubles, root_T3: Doubles, betas: Doubles, fps: float
    ) -> Motion:
        """Our points in our world; rotations of the joints by their parents', root in AMASS's."""
        shapes = min(len(betas), self.shapes_L3B.shape[2])
        rest_L3 = self.template_L3 + self.shapes_L3B[..., :shapes] @ betas[:shapes]
        joints_J3 = rest_L3[: len(JOINTS)]
        bones = joints_J3 - joints_J3[list(self.parents)]
        placed = forward(
            self.parents, bones, rotations_TJ33, root_T3 + joints_J3[0], own_rotation=False
        )
        points = stacked(_our_points(*placed, rest_L3))
        return Motion(POINTS, points @ _WORLD.T, None, fps)


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
    return Clip(name, subject, action, "amass", partial(read_motion, path, body))


def read_motion(path: Path, body: BodyModel) -> Motion:
    """Our points over a clip, y up, metres."""
    arrays = read_arrays(
        path, ("poses", "trans", "betas"), "a clip of AMASS (.npz)", optional=RATES
    )
    trees = {key: Tree(f"{path}, {key}", array) for key, array in arrays.items()}
    poses = trees["poses"].finite(("frames", "numbers"))
    if poses.shape[1] < _POSE_NUMBERS:
        raise trees["poses"].wrong(
            f"at least {_POSE_NUMBERS} numbers a frame, found {poses.shape[1]}"
        )
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
    return preparation.prepare(
        clips, fps, held_out, ORIGIN, folders, "at least one usable .npz clip"
    )


def read_body_model(path: Path) -> BodyModel:
    """A model of SMPL or SMPL-H (.npz), as its makers give it out."""
    keys = ("v_template", "shapedirs", "J_regressor", "kintree_table")
    arrays = read_arrays(path, keys, "a body model (.npz)")
    trees = {key: Tree(f"{path}, {key}", array) for key, array in arrays.items()}
    template = trees["v_template"].finite((VERTICES, 3))
    shapes = trees["shapedirs"].finite((VERTICES, 3, "shapes"))
    regressor = trees["J_regressor"].finite(("joints", VERTICES))
    if len(regressor) < len(JOINTS):
        raise trees["J_regressor"].wrong(f"at least {len(JOINTS)} joints, found {len(regressor)}")
    vertices = np.zeros((len(FACE) + 1, VERTICES))
    # In the rest pose the arms are level: the highest vertex is the head's.
    crown = int(template[:, 1].argmax())
    vertices[np.arange(len(vertices)), [*FACE.values(), crown]] = 1
    picked = np.concatenate([regressor[: len(JOINTS)], vertices])
    shapes_L3B = np.einsum("lv,vdb->ldb", picked, shapes)
    return BodyModel(picked @ template, shapes_L3B, _parents(trees["kintree_table"]))


def _parents(table: Tree) -> tuple[int, ...]:
    """The parent of each joint of the body; the root's is written as the largest of numbers."""
    parents = table.finite((2, "joints"))[0, : len(JOINTS)].tolist()
    tree = (-1, *(int(parent) for parent in parents[1:]))
    if len(tree) != len(JOINTS) or any(not 0 <= tree[i] < i for i in range(1, len(tree))):
        raise table.wrong(f"the parents of {len(JOINTS)} joints or more, each before its children")
    return tree


def _our_points(positions: Doubles, rotations: Doubles, rest_L3: Doubles) -> dict[str, Doubles]:
    """Human3.6M's joints and the face, by the joints and the turned head of the model.

    The hip lies between the hips, where SMPL's pelvis is above them. The spine is the middle of
    the two joints that are nearest to the middle of the back. The thorax is level with the
    shoulders, between them. Neck, which is "neck/nose" and inside the skull, is SMPL's head joint.
    """
    at = {name: positions[:, joint] for joint, name in enumerate(JOINTS)}
    ours = {name: at[name] for name in JOINTS if name in POINTS}
    for side in ("left", "right"):
        ours[f"{side}_foot"] = at[f"{side}_ankle"]
    ours["hip"] = (at["left_hip"] + at["right_hip"]) / 2
    ours["spine"] = (at["spine1"] + at["spine2"]) / 2
    ours["thorax"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
    ours["neck"] = at["head"]
    head = JOINTS.index("head")
    *face, crown = rest_L3[len(JOINTS) :] - rest_L3[head]
    for name, offset in {**dict(zip(FACE, face, strict=True)), "head": crown * CROWN_SHARE}.items():
        ours[name] = at["head"] + rotations[:, head] @ offset
    return ours


def local_rotations(poses: Doubles) -> Doubles:
    """Axis-angle numbers (T, ≥66) as rotation matrices (T, 22, 3, 3)."""
    vectors = poses[:, : 3 * len(JOINTS)].reshape(-1, 3)
    return np.asarray(Rotation.from_rotvec(vectors).as_matrix()).reshape(-1, len(JOINTS), 3, 3)
