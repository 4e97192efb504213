import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from poselift.errors import InvalidInput
from training.data.datasets.amass import FACE, JOINTS, VERTICES, local_rotations, read_body_model
from training.data.datasets.body import POINTS
from training.data.datasets.preparation import check
from training.data.datasets.prepared import MotionSet

SIDED = {
    "hip": (0.07, -0.31, 0.02),
    "knee": (0.10, -0.69, 0.02),
    "ankle": (0.09, -1.09, -0.03),
    "toes": (0.11, -1.15, 0.09),
    "collar": (0.08, 0.19, -0.01),
    "shoulder": (0.17, 0.22, -0.02),
    "elbow": (0.43, 0.22, -0.04),
    "wrist": (0.68, 0.22, -0.04),
}
MIDDLE = {
    "pelvis": (0.0, -0.22, 0.03),
    "spine1": (0.0, -0.11, 0.0),
    "spine2": (0.0, 0.02, 0.0),
    "spine3": (0.0, 0.07, 0.03),
    "neck": (0.0, 0.28, -0.01),
    "head": (0.0, 0.35, 0.04),
}
HEAD = {
    "nose": (0.0, 0.38, 0.15),
    "left_eye": (0.032, 0.42, 0.12),
    "right_eye": (-0.032, 0.42, 0.12),
    "left_ear": (0.07, 0.40, 0.03),
    "right_ear": (-0.07, 0.40, 0.03),
}
CROWN = (411, (0.0, 0.55, 0.02))
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
UP = (np.pi / 2, 0.0, 0.0)
"""The turn from the model's resting pose, y up, to standing in a world whose z is up."""


def rest(joint: str) -> np.ndarray:
    side, _, name = joint.rpartition("_")
    place = np.array(SIDED[name] if side else MIDDLE[joint])
    return place * [-1 if side == "right" else 1, 1, 1]


def model_arrays() -> dict[str, Any]:
    """A body whose first vertices are its joints; the first number of its shape makes it taller."""
    joints = 52
    template = np.zeros((VERTICES, 3))
    template[: len(JOINTS)] = [rest(joint) for joint in JOINTS]
    template[[*FACE.values()]] = [HEAD[name] for name in FACE]
    template[CROWN[0]] = CROWN[1]
    shapes = np.zeros((VERTICES, 3, 16))
    shapes[:, 1, 0] = 0.1 * template[:, 1]
    parents = np.array([2**32 - 1, *PARENTS[1:], *[20] * 15, *[21] * 15], dtype=np.uint32)
    return {
        "v_template": template,
        "shapedirs": shapes,
        "J_regressor": np.eye(joints, VERTICES),
        "kintree_table": np.stack([parents, np.arange(joints, dtype=np.uint32)]),
    }


def write_clip(path: Path, **changed: Any) -> Path:
    poses = np.zeros((120, 156))
    poses[:, :3] = UP
    arrays = {
        "poses": poses,
        "trans": np.tile([1.0, 2.0, 1.2], (120, 1)),
        "betas": np.zeros(16),
        "mocap_framerate": 100.0,
        "gender": "neutral",
    }
    arrays |= changed
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "SMPLH.npz"
    np.savez(path, **model_arrays())
    return path


@pytest.fixture
def run(prepared, model: Path, tmp_path: Path):
    def run(*more: object, **how: Any):
        return prepared(
            "amass", "--source", tmp_path / "amass", "--body-model", model, *more, **how
        )

    return run


def points(found: MotionSet) -> dict[str, np.ndarray]:
    return {name: found.positions[:, place] for place, name in enumerate(POINTS)}


def test_standing_at_rest(run, tmp_path: Path) -> None:
    write_clip(tmp_path / "amass" / "KIT" / "3" / "walking_slow01_poses.npz")
    found = MotionSet.load(run()[0])
    assert found.names == ("KIT/3/walking_slow01",)
    assert (found.subjects, found.actions, found.sources) == (
        ("3",),
        ("walking slow01",),
        ("amass",),
    )
    assert (found.fps, found.original_fps.tolist(), len(found.positions)) == (50.0, [100.0], 60)
    check(found.positions.astype(float), found.fps)
    # As in the model: the root does not turn about trans; it has the offset of the rest pose from
    # there, in a world whose z is up.
    pelvis = np.array([1.0, 1.2 + 0.03, -(2.0 - 0.22)])
    expected = {
        "hip": (0, -0.31, 0.02),
        "left_knee": SIDED["knee"],
        "left_foot": SIDED["ankle"],
        "right_wrist": (-0.68, 0.22, -0.04),
        "spine": (0, -0.045, 0),
        "thorax": (0, 0.22, -0.02),
        "neck": MIDDLE["head"],
        "head": (0, 0.35 + 0.55 * 0.2, 0.04 - 0.55 * 0.02),
        **HEAD,
    }
    at = points(found)
    for name, place in expected.items():
        np.testing.assert_allclose(
            at[name][7], place - rest("pelvis") + pelvis, atol=1e-6, err_msg=name
        )
    assert (at["left_hip"][:, 0] > at["right_hip"][:, 0]).all()
    assert (at["nose"][:, 2] > at["head"][:, 2]).all()


def test_turning_about_the_root(run, tmp_path: Path) -> None:
    """The root joint keeps its position; all others rotate about it."""
    turn = Rotation.from_euler("z", 90, degrees=True) * Rotation.from_rotvec(UP)
    poses = np.zeros((120, 66))
    poses[:, :3] = turn.as_rotvec()
    write_clip(
        tmp_path / "amass" / "a" / "b" / "turn_poses.npz", poses=poses, trans=np.zeros((120, 3))
    )
    at = points(MotionSet.load(run()[0]))
    # A quarter turn to the left, from above: left was +x and is now away from the viewer.
    left = at["left_hip"][0] - at["right_hip"][0]
    np.testing.assert_allclose(left, [0, 0, -0.14], atol=1e-6)
    ahead = rest("left_hip") - rest("pelvis")
    expected = np.array([0, 0.03, 0.22]) + [ahead[2], ahead[1], -ahead[0]]
    np.testing.assert_allclose(at["left_hip"][0], expected, atol=1e-6)


def test_a_joint_rotates_its_descendants(run, tmp_path: Path) -> None:
    poses = np.zeros((120, 156))
    poses[:, :3] = UP
    knee, head = 3 * JOINTS.index("left_knee"), 3 * JOINTS.index("head")
    poses[:, knee : knee + 3] = [np.pi / 2, 0, 0]
    poses[:, head : head + 3] = [0, np.pi / 2, 0]
    write_clip(
        tmp_path / "amass" / "a" / "b" / "c_poses.npz", poses=poses, trans=np.zeros((120, 3))
    )
    at = points(MotionSet.load(run()[0]))
    # The shin swings back and up; the face turns to its left.
    shin = np.subtract(SIDED["ankle"], SIDED["knee"])
    np.testing.assert_allclose(
        at["left_foot"][0] - at["left_knee"][0], [shin[0], -shin[2], shin[1]], atol=1e-6
    )
    nose = np.subtract(HEAD["nose"], MIDDLE["head"])
    np.testing.assert_allclose(
        at["nose"][0] - at["neck"][0], [nose[2], nose[1], -nose[0]], atol=1e-6
    )


def test_shape_moves_joints_and_face(run, tmp_path: Path) -> None:
    betas = np.zeros(10)
    betas[0] = 0.5
    write_clip(tmp_path / "amass" / "a" / "b" / "c_poses.npz", betas=betas)
    at = points(MotionSet.load(run()[0]))
    thigh = at["left_hip"][0] - at["left_knee"][0]
    np.testing.assert_allclose(thigh[1], 0.38 * 1.05, atol=1e-6)
    np.testing.assert_allclose(at["nose"][0, 1] - at["neck"][0, 1], 0.03 * 1.05, atol=1e-6)


def test_forward_kinematics_against_matrices(model: Path) -> None:
    """Each joint carried by the product of 4×4 matrices down its chain."""
    random = np.random.default_rng(5)
    poses, root = random.normal(0, 0.4, (4, 66)), random.normal(0, 1, (4, 3))
    body = read_body_model(model)
    found = body.points(local_rotations(poses), root, np.zeros(10), 50.0)
    for frame in range(4):
        carried: list[np.ndarray] = []
        for joint, parent in enumerate(PARENTS):
            matrix = np.eye(4)
            vector = poses[frame, 3 * joint : 3 * joint + 3]
            matrix[:3, :3] = Rotation.from_rotvec(vector).as_matrix()
            from_parent = rest(JOINTS[joint]) - (rest(JOINTS[parent]) if joint else 0)
            matrix[:3, 3] = from_parent + (0 if joint else root[frame])
            carried.append(carried[parent] @ matrix if joint else matrix)
        for name in ("left_wrist", "right_knee"):
            x, y, z = carried[JOINTS.index(name)][:3, 3]
            place = found.positions_TJ3[frame, POINTS.index(name)]
            np.testing.assert_allclose(place, [x, z, -y], atol=1e-9)


def test_many_clips(run, tmp_path: Path) -> None:
    folder = tmp_path / "amass" / "CMU"
    write_clip(folder / "01" / "01_02_poses.npz", mocap_framerate=50.0)
    write_clip(folder / "02" / "jump_stageii.npz", mocap_framerate=None, mocap_frame_rate=120.0)
    np.savez(folder / "02" / "shape.npz", betas=np.zeros(10))
    write_clip(folder / "02" / "short_poses.npz", poses=np.zeros((3, 66)), trans=np.zeros((3, 3)))
    output, said = run("--held-out", "02", "99")
    found = MotionSet.load(output)
    assert found.names == ("CMU/01/01_02", "CMU/02/jump")
    assert found.actions == ("subject 01", "jump")
    assert found.original_fps.tolist() == [50.0, 120.0]
    assert found.lengths.tolist() == [120, 50]
    assert found.held_out.tolist() == [False, True]
    assert "left out: CMU/02/short (amass): length: expected at least 0.5 s, found 3" in said
    assert "held-out subjects not in the sources: 99" in said


def test_from_an_archive(prepared, model: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "amass" / "KIT" / "3" / "walk_poses.npz")
    archive = shutil.make_archive(str(tmp_path / "KIT"), "bztar", tmp_path / "amass")
    output, _ = prepared("amass", "--source", archive, "--body-model", model)
    assert MotionSet.load(output).names == ("KIT/3/walk",)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"poses": np.zeros((120, 63))}, "poses: expected at least 66 numbers a frame, found 63"),
        ({"poses": None}, "poses: expected an array of that name"),
        ({"poses": np.full((120, 66), np.nan)}, "poses: expected finite numbers, found nan in"),
        ({"trans": np.zeros((119, 3))}, "trans: expected shape (120, 3), found (119, 3)"),
        ({"betas": np.zeros(4)}, "betas: expected at least 10 numbers, found 4"),
        ({"mocap_framerate": None}, "mocap_framerate: expected an array of that name"),
        ({"mocap_framerate": 0.0}, "mocap_framerate: expected a positive number, found 0"),
    ],
)
def test_bad_clips_are_named(run, tmp_path: Path, changed, expected: str) -> None:
    write_clip(tmp_path / "amass" / "a" / "b" / "bad_poses.npz", **changed)
    assert f"bad_poses.npz, {expected}" in run(status=2)[1]
    write_clip(tmp_path / "amass" / "a" / "b" / "good_poses.npz")
    output, said = run()
    assert MotionSet.load(output).names == ("a/b/good",)
    assert "left out: a/b/bad (amass):" in said
    assert expected in said


def test_no_clips(run, tmp_path: Path) -> None:
    (tmp_path / "amass").mkdir()
    assert "expected at least one usable .npz clip" in run(status=2)[1]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"v_template": np.zeros((10475, 3))}, r"v_template: expected shape \(6890, 3\)"),
        ({"J_regressor": np.zeros((20, VERTICES))}, "at least 22 joints, found 20"),
        ({"J_regressor": np.zeros((3, 4))}, "J_regressor: expected shape"),
        ({"kintree_table": np.zeros((2, 10))}, "kintree_table: expected the parents of 22"),
        ({"kintree_table": np.full((2, 52), 30)}, "kintree_table: expected the parents of 22"),
        ({"shapedirs": np.zeros((VERTICES, 3))}, "shapedirs: expected shape"),
    ],
)
def test_bad_models_are_named(tmp_path: Path, changed, expected: str) -> None:
    np.savez(tmp_path / "model.npz", **(model_arrays() | changed))
    with pytest.raises(InvalidInput, match=rf"model\.npz.*{expected}"):
        read_body_model(tmp_path / "model.npz")
