"""An invented person, written as CMU's files are, and real files where they are present."""

import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from training.prepare import main

UNIT_M = 0.0254 / 0.45
SHARED = Path(__file__).parents[3].parent / "shared" / "mocap"

# name, parent, direction, length, axis, degrees of freedom
BONES: tuple[tuple[str, str, tuple[float, float, float], float, tuple[int, int, int], str], ...] = (
    ("lowerback", "root", (0, 1, 0), 2.1, (0, 0, 0), "xyz"),
    ("upperback", "lowerback", (0, 1, 0), 2.1, (0, 0, 0), "xyz"),
    ("thorax", "upperback", (0, 1, 0), 2.1, (0, 0, 0), "xyz"),
    ("lowerneck", "thorax", (0, 1, 0), 1.6, (0, 0, 0), "xyz"),
    ("upperneck", "lowerneck", (0, 1, 0), 1.6, (0, 0, 0), "xyz"),
    ("head", "upperneck", (0, 1, 0), 1.6, (0, 0, 0), "xyz"),
    *(
        bone
        for side, s in (("l", 1), ("r", -1))
        for bone in (
            (f"{side}hipjoint", "root", (0.65 * s, -0.71, 0.25), 2.5, (0, 0, 0), ""),
            (f"{side}femur", f"{side}hipjoint", (0.34 * s, -0.94, 0), 7.3, (0, 0, 20 * s), "xyz"),
            (f"{side}tibia", f"{side}femur", (0.34 * s, -0.94, 0), 7.5, (0, 0, 20 * s), "x"),
            (f"{side}foot", f"{side}tibia", (0.1 * s, -0.25, 0.96), 2.2, (-90, 0, 20 * s), "xz"),
            (f"{side}clavicle", "thorax", (0.97 * s, 0.25, 0), 3.5, (0, 0, 0), "yz"),
            (f"{side}humerus", f"{side}clavicle", (s, 0, 0), 5.0, (180, -30 * s, -90 * s), "xyz"),
            (f"{side}radius", f"{side}humerus", (s, 0, 0), 3.4, (180, -30 * s, -90 * s), "x"),
            (f"{side}wrist", f"{side}radius", (s, 0, 0), 1.7, (0, 90 * s, 90 * s), "y"),
        )
    ),
)

BVH_NAMES = {
    "lowerback": "LowerBack",
    "upperback": "Spine",
    "thorax": "Spine1",
    "lowerneck": "Neck",
    "upperneck": "Neck1",
    "head": "Head",
    "hipjoint": "HipJoint",
    "femur": "UpLeg",
    "tibia": "Leg",
    "foot": "Foot",
    "clavicle": "Shoulder",
    "humerus": "Arm",
    "radius": "ForeArm",
    "wrist": "Hand",
}


def bvh_name(bone: str) -> str:
    """What the cgspeed conversion calls the joint a bone begins at."""
    if bone in BVH_NAMES:
        return BVH_NAMES[bone]
    side = {"l": "Left", "r": "Right"}[bone[0]]
    return f"{bone[0].upper()}HipJoint" if bone[1:] == "hipjoint" else side + BVH_NAMES[bone[1:]]


def swing(frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Angles in degrees for every bone, smooth, another motion for every seed."""
    random = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / 120
    angles = {}
    for name, *_, free in BONES:
        size = {"clavicle": 0.0, "humerus": 40.0, "femur": 30.0}.get(name[1:], 12.0)
        phases, speeds = random.uniform(0, 6.3, len(free)), random.uniform(2, 6, len(free))
        angles[name] = size * np.sin(speeds * time + phases)
        if name[1:] in ("tibia", "radius"):
            angles[name] = 40 + angles[name]
    turn = 20 * np.sin(random.uniform(1, 3, 3) * time)
    angles["root"] = np.concatenate([time * [1, 0, 20] + [0, 16.5, 0], turn], axis=1)
    return angles


def asf_text(scale: float = 1.0) -> str:
    lines = [
        ":version 1.10",
        ":units",
        "  length 0.45",
        "  angle deg",
        ":root",
        "  order TX TY TZ RX RY RZ",
        "  axis XYZ",
        "  position 0 0 0",
        "  orientation 0 0 0",
        ":bonedata",
    ]
    for number, (name, _, direction, length, axis, free) in enumerate(BONES, start=1):
        lines += ["  begin", f"    id {number}", f"    name {name}"]
        lines += [f"    direction {' '.join(map(str, direction))}", f"    length {length * scale}"]
        lines += [f"    axis {' '.join(map(str, axis))} XYZ"]
        if free:
            lines += [f"    dof {' '.join('r' + letter for letter in free)}"]
        lines += ["  end"]
    lines += [":hierarchy", "  begin"]
    lines += [f"    {parent} {name}" for name, parent, *_ in BONES]
    return "\n".join([*lines, "  end", ""])


def amc_text(angles: Mapping[str, np.ndarray]) -> str:
    lines = ["#!OML:ASF made-up.asf", ":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(len(angles["root"])):
        lines.append(str(frame + 1))
        for name, values in angles.items():
            if values.shape[1]:
                lines.append(f"{name} {' '.join(f'{value:.9g}' for value in values[frame])}")
    return "\n".join([*lines, ""])


def bvh_text(angles: Mapping[str, np.ndarray], frame_time: float = 1 / 120) -> str:
    """The same motion as the cgspeed conversion has it: rest pose in front, thorax bone lost."""
    vectors = {
        name: np.array(d) / np.linalg.norm(d) * length for name, _, d, length, *_ in BONES
    } | {"root": np.zeros(3), "thorax": np.zeros(3)}
    columns = [angles["root"][:, :3], _zyx(angles["root"][:, 3:], "xyz", (0, 0, 0))]
    children: dict[str, list[str]] = {}
    for name, parent, *_ in BONES:
        children.setdefault(parent, []).append(name)
    table = {name: (axis, free) for name, *_, axis, free in BONES}

    def joint(name: str, parent: str, depth: int) -> list[str]:
        axis, free = table[name]
        columns.append(_zyx(angles[name], free, axis))
        pad = "  " * depth
        offset = " ".join(f"{value:.9f}" for value in vectors[parent])
        lines = [f"{pad}JOINT {bvh_name(name)}", f"{pad}{{", f"{pad}  OFFSET {offset}"]
        lines += [f"{pad}  CHANNELS 3 Zrotation Yrotation Xrotation"]
        for child in children.get(name, []):
            lines += joint(child, name, depth + 1)
        if name not in children:
            end = " ".join(f"{value:.9f}" for value in vectors[name])
            lines += [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET {end}", f"{pad}  }}"]
        return [*lines, f"{pad}}}"]

    head = ["HIERARCHY", "ROOT Hips", "{", "  OFFSET 0 0 0"]
    head += ["  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation"]
    for child in children["root"]:
        head += joint(child, "root", 1)
    values = np.concatenate(columns, axis=1)
    rest = np.zeros((1, values.shape[1]))
    rows = [" ".join(f"{value:.9f}" for value in row) for row in np.concatenate([rest, values])]
    head += ["}", "MOTION", f"Frames: {len(rows)}", f"Frame Time: {frame_time:.7f}"]
    return "\n".join([*head, *rows, ""])


def _zyx(angles: np.ndarray, free: str, axis: tuple[int, int, int]) -> np.ndarray:
    if not free:
        return np.zeros((len(angles), 3))
    axes = Rotation.from_euler("xyz", axis, degrees=True)
    local = axes * Rotation.from_euler(free, angles, degrees=True) * axes.inv()
    return local.as_euler("ZYX", degrees=True)


WritePerson = Callable[..., Path]


@pytest.fixture
def write_person(tmp_path: Path) -> WritePerson:
    """Write ``subjects/NN/NN.asf`` with clips, each of its own motion; give the folder above."""

    def write(
        subject: str, clips: int = 1, frames: int = 240, scale: float = 1.0, seed: int = 0
    ) -> Path:
        folder = tmp_path / "cmu" / "subjects" / subject
        folder.mkdir(parents=True)
        (folder / f"{subject}.asf").write_text(asf_text(scale))
        for clip in range(1, clips + 1):
            text = amc_text(swing(frames, seed=seed + 100 * int(subject) + clip))
            (folder / f"{subject}_{clip:02}.amc").write_text(text)
        return tmp_path / "cmu"

    return write


@pytest.fixture(scope="session")
def real_cmu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few real files, where the developer keeps the database next to the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"no motion capture in {SHARED}")
    folder = tmp_path_factory.mktemp("mocap")
    wanted = ("02.asf", "02_01.amc", "02_01.bvh", "02_04.amc", "02_04.bvh", "131_01.bvh")
    for archive in ("cmu_asfamc_subset.tar.xz", "cmu_bvh_cgspeed_subset.tar.xz"):
        with tarfile.open(SHARED / archive) as file:
            for member in file:
                if member.name.rsplit("/", 1)[-1] in wanted:
                    file.extract(member, folder, filter="data")
    return folder


@pytest.fixture
def person_texts() -> tuple[str, str, str]:
    """One motion of 200 frames: skeleton, motion, and both as a BVH file."""
    angles = swing(200, seed=7)
    return asf_text(), amc_text(angles), bvh_text(angles)


@pytest.fixture(scope="session")
def real_positions() -> Path:
    """The file of plain positions, likewise."""
    path = SHARED / "cmu_positions_60fps.npz"
    if not path.exists():
        pytest.skip(f"no {path}")
    return path


def exit_status(arguments: list[str]) -> int:
    """Of a command of ``training.prepare``."""
    try:
        main(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


@pytest.fixture
def prepared(tmp_path: Path, capsys) -> Callable[..., tuple[Path, str]]:
    """Run a command of ``training.prepare``: the file it wrote and what it said, or its error."""

    def run(*arguments: object, status: int = 0) -> tuple[Path, str]:
        output = tmp_path / "out" / "prepared.npz"
        output.unlink(missing_ok=True)
        found = exit_status([*map(str, arguments), "--output", str(output)])
        said = capsys.readouterr()
        assert found == status, said.err
        assert output.exists() == (status == 0)
        return output, said.out if status == 0 else said.err

    return run
