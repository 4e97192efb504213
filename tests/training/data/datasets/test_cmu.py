from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from tests.training.data.datasets.c3d_files import write_c3d
from tests.training.data.datasets.marked_person import person
from training.data.datasets.body import POINTS, points_of
from training.data.datasets.cmu import angles_of, find_clips, find_same, prepare, without_duplicates
from training.data.datasets.kinematics import Motion
from training.data.datasets.preparation import resample

JOINTS = {
    "lhip": "left_hip",
    "rhip": "right_hip",
    "lknee": "left_knee",
    "rknee": "right_knee",
    "lankle": "left_foot",
    "rankle": "right_foot",
    "lshoulder": "left_shoulder",
    "rshoulder": "right_shoulder",
    "lelbow": "left_elbow",
    "relbow": "right_elbow",
    "lwrist": "left_wrist",
    "rwrist": "right_wrist",
    "upperback": "spine",
    "head_end": "head",
}


def as_positions(motion: Motion, path: Path, name: str) -> None:
    """Write a clip as plain positions at 60 fps, without the bones that the real file lacks."""
    points = points_of(motion)[0][::2] * 1000
    lost = (motion.at("thorax") - motion.at("upperback"))[::2] * 1000 * 0.0254 / 0.45
    at = {joint: points[:, POINTS.index(point)] for joint, point in JOINTS.items()}
    for side in "lr":
        elbow = at[f"{side}elbow"]
        at[f"{side}wrist"] = elbow + (at[f"{side}wrist"] - elbow) / 1.5
        for joint in ("shoulder", "elbow", "wrist"):
            at[side + joint] = at[side + joint] - lost
    at["head_end"] = at["head_end"] - lost
    at["lowerneck"] = motion.at("upperback")[::2] * 1000 * 0.0254 / 0.45
    at["head"] = motion.at("upperneck")[::2] * 1000 * 0.0254 / 0.45 - lost
    positions = np.stack(list(at.values()), axis=1)
    # In the real file the first frame of a clip is the rest pose.
    positions = np.concatenate([positions[:1], positions])
    np.savez(
        path,
        positions_mm=np.round(positions).astype(np.int16),
        clip_ends=np.array([len(positions)]),
        clip_names=np.array([name]),
        joint_names=np.array(list(at)),
        parents=np.zeros(len(at), int),
        fps=np.float64(60),
    )


def test_subjects_are_split_whole(write_person) -> None:
    write_person("01", clips=2)
    folder = write_person("05", clips=2)
    motions, rejections = prepare([folder], 50.0, ["05"])
    assert rejections == []
    assert motions.names == ("01_01", "01_02", "05_01", "05_02")
    assert motions.held_out.tolist() == [False, False, True, True]
    assert motions.subjects == ("01", "01", "05", "05")
    assert motions.actions[0] == "playground climbing"
    assert motions.joint_names == POINTS
    assert motions.fps == 50.0
    assert motions.original_fps.tolist() == [120.0] * 4
    assert motions.positions.dtype == np.float32
    assert np.diff(motions.clip_ends, prepend=0).tolist() == [100] * 4


def test_a_clip_in_two_formats_is_taken_once_from_the_original(write_person, person_texts) -> None:
    folder = write_person("01")
    (folder / "bvh").mkdir()
    for name in ("01_01", "01_09"):
        (folder / "bvh" / f"{name}.bvh").write_text(person_texts[2])
    clips = without_duplicates(find_clips(folder))
    assert {(clip.name, clip.source) for clip in clips} == {("01_01", "amc"), ("01_09", "bvh")}
    assert {clip.subject for clip in clips} == {"01"}


def test_files_of_one_name_in_folders_of_their_own_are_clips_of_their_own(tmp_path) -> None:
    for folder in ("anna", "ben", "more/ben"):
        (tmp_path / folder).mkdir(parents=True)
        write_c3d(tmp_path / folder / "squat.c3d", person(200, fps=100.0)[1])
    motions, rejections = prepare([tmp_path], 50.0, ["anna"])
    assert motions.names == ("anna/squat", "ben/squat")
    assert motions.subjects == ("anna", "ben")
    assert ["a name of its own" in each.reason for each in rejections] == [True]


def test_a_recording_under_another_name_is_found(write_person) -> None:
    folder = write_person("05", clips=3, frames=480)
    motion = next(clip.read() for clip in find_clips(folder) if clip.name == "05_02")
    as_positions(motion, folder / "plain.npz", "train/walking/walking_7")
    motions, rejections = prepare([folder], 50.0, ["05"])
    assert set(motions.subjects) == {"05"}
    assert [(f.clip.name, f.reason) for f in rejections] == [
        ("train/walking/walking_7", "the same motion as 05_02")
    ]


def test_a_recording_of_its_own_is_kept(write_person) -> None:
    folder = write_person("05", clips=2, frames=480)
    motion = next(iter(find_clips(folder))).read()
    as_positions(motion, folder / "plain.npz", "train/window_washing/window_washing_1")
    for path in folder.rglob("05_01.amc"):
        path.unlink()
    motions, rejections = prepare([folder], 50.0, ["05"])
    assert rejections == []
    assert motions.sources == ("positions", "amc")
    assert motions.actions[0] == "window washing"
    assert motions.held_out.tolist() == [False, True]


def test_angles_do_not_depend_on_size(write_person) -> None:
    clips = list(find_clips(write_person("05", clips=4, frames=300)))
    angles = {clip.name: angles_of(points_of(clip.read())[0]) for clip in clips}
    assert find_same(angles["05_03"][100:220], angles, 120.0) == "05_03"
    rest = {name: values for name, values in angles.items() if name != "05_03"}
    assert find_same(angles["05_03"], rest, 120.0) is None
    assert find_same(angles["05_03"], {}, 120.0) is None
    assert find_same(angles["05_03"], {"short": angles["05_03"][:5]}, 120.0) is None


def test_faults_are_reported_and_skipped(write_person) -> None:
    folder = write_person("01", clips=2)
    subject = folder / "subjects" / "01"
    text = (subject / "01_02.amc").read_text().replace("lfemur", "lfemurs", 1)
    (subject / "01_02.amc").write_text(text)
    (subject / "02_01.amc").write_text(text)
    (subject / "03_01.bvh").write_text("HIERARCHY")
    (subject / "rubbish.npz").write_bytes(b"rubbish")
    np.savez(subject / "other.npz", something=np.zeros(3))
    motions, rejections = prepare([folder], 50.0, ["01"])
    assert motions.names == ("01_01",)
    reasons = {rejection.clip.name: rejection.reason for rejection in rejections}
    assert "lfemur" in reasons["01_02"]
    assert "its skeleton 02.asf next to it" in reasons["02_01"]
    assert "MOTION" in reasons["03_01"]
    assert "rubbish.npz" in reasons["rubbish"]
    assert "positions_mm" in reasons["other"]


def test_a_clip_is_cut_where_tracking_is_lost(write_person) -> None:
    folder = write_person("01", frames=600)
    path = folder / "subjects" / "01" / "01_01.amc"
    lines = path.read_text().splitlines()
    frame = 0
    for number, line in enumerate(lines):
        if line.isdigit():
            frame = int(line)
        if line.startswith("root") and frame > 300:
            x, *others = line.split()[1:]
            lines[number] = " ".join(["root", str(float(x) + 20), *others])
    path.write_text("\n".join(lines))
    motions, rejections = prepare([folder], 50.0, ["01"])
    assert motions.names == ("01_01", "01_01.2")
    assert "cut out" in rejections[0].reason


def test_a_source_without_usable_clips(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="at least one usable"):
        prepare([tmp_path], 50.0)


def test_held_out_subjects_must_be_there(write_person) -> None:
    with pytest.raises(InvalidInput, match=r"held-out subjects: expected some of 01, found 77"):
        prepare([write_person("01")], 50.0, ["77"])


@pytest.mark.parametrize(("fps", "target", "frames"), [(120.0, 50.0, 42), (60.0, 50.0, 84)])
def test_resampling_keeps_time(fps: float, target: float, frames: int) -> None:
    def curve(time: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(5 * time), time, time**2], axis=-1)[:, None]

    found = resample(curve(np.arange(101) / fps), fps, target)
    assert len(found) == frames
    np.testing.assert_allclose(found, curve(np.arange(frames) / target), atol=1e-5)


def test_the_same_rate_changes_nothing() -> None:
    points = np.random.default_rng(0).normal(size=(7, 2, 3))
    np.testing.assert_array_equal(resample(points, 50.0, 50.0), points)


def test_a_folder_with_a_wrong_rate_in_its_headers(tmp_path: Path, person_texts) -> None:
    (tmp_path / "salsa").mkdir()
    (tmp_path / "salsa" / "01.bvh").write_text(person_texts[2])
    (clip,) = find_clips(tmp_path)
    assert clip.read().fps == 60.0
    assert (clip.name, clip.subject, clip.action) == ("salsa/01", "salsa", "salsa")


def test_no_real_motion_is_duplicated(real_cmu: Path, real_positions: Path) -> None:
    motions, rejections = prepare([real_cmu, real_positions], 50.0, ["02", "131"])
    same = {
        rejection.clip.name: rejection.reason
        for rejection in rejections
        if "same motion" in rejection.reason
    }
    assert same["train/walking/walking_1"] == "the same motion as 02_01"
    assert motions.names.count("02_01") == 1
    amcs = [i for i, name in enumerate(motions.names) if name in ("02_01", "02_04")]
    assert {motions.sources[i] for i in amcs} == {"amc"}
