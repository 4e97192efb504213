"""Data sets as training uses them: projected motion, and recordings by real cameras."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from poselift.errors import InvalidInput
from poselift.skeletons import H36M17
from tests.training.motions import motion_set
from training.config.train_config import TrainConfig
from training.data.datasets.prepared import MotionSet, RecordingSet
from training.data.datasets.synthetic_recordings import render_recordings
from training.data.projection import project
from training.data.sequences import mirrored
from training.data.sources import open_source, recording_sequence
from training.data.synthetic import ASSUMED_SCREEN_CAMERA
from training.loop.objective import in_metres
from training.loop.trainer import Trainer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Motion, and recordings of it by four cameras that find all joints, and with errors."""
    folder = tmp_path_factory.mktemp("data")
    motions = motion_set(clips=6, frames=50)
    motions.save(folder / "motions.npz")
    for name, noise in (("true", 0.0), ("detected", 1.0)):
        recordings = render_recordings(motions, noise, np.random.default_rng(0))
        recordings.save(folder / f"{name}.npz")
    return folder


def config(path, **settings):
    return TrainConfig(data=path, flip=False, **settings)


def sequences_of(path, **settings):
    return open_source(config(path, **settings)).labelled(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("file", "normalisation", "atol"),
    [("true.npz", "screen", 2e-4), ("true.npz", "person", 5e-3)],
)
def test_targets_project_to_the_inputs(folder, file, normalisation, atol):
    sequences = sequences_of(folder / file, normalisation=normalisation)
    trajectory = in_metres(
        torch.from_numpy(sequences.trajectory_F3), torch.from_numpy(sequences.depth_F)
    )
    points = torch.from_numpy(sequences.targets_FK3) + trajectory[:, None]
    projected = project(points, torch.from_numpy(sequences.camera_F9))
    np.testing.assert_allclose(projected, sequences.inputs_FJ2, atol=atol)


@pytest.mark.parametrize("normalisation", ["screen", "person"])
def test_a_mirrored_clip_projects_to_mirrored_keypoints(folder, normalisation):
    videos = RecordingSet.load(folder / "true.npz")
    clip = recording_sequence(
        videos, 1, config(folder / "true.npz", normalisation=normalisation).model
    )
    twin = mirrored(clip, H36M17.mirror, H36M17.mirror)
    depth = 1 if twin.inverse.depth_T is None else twin.inverse.depth_T
    trajectory = np.column_stack([twin.trajectory_T3[:, :2], twin.trajectory_T3[:, 2] * depth])
    points = torch.from_numpy((twin.targets_TK3 + trajectory[:, None]).astype(np.float32))
    projected = project(points, torch.from_numpy(twin.camera_T9))
    np.testing.assert_allclose(projected, twin.inputs_TJ2, atol=5e-3)


@pytest.mark.parametrize("normalisation", ["screen", "person"])
def test_the_trajectory_of_a_recording_is_restored(folder, normalisation):
    videos = RecordingSet.load(folder / "detected.npz")
    clip = recording_sequence(
        videos, 2, config(folder / "detected.npz", normalisation=normalisation).model
    )
    path = videos.positions[videos.frames(2)][:, 0]
    np.testing.assert_allclose(clip.inverse.trajectory(clip.trajectory_T3), path, atol=1e-4)
    poses = videos.positions[videos.frames(2)] - path[:, None]
    np.testing.assert_allclose(clip.inverse.poses(clip.targets_TK3), poses, atol=1e-5)


def test_projected_trajectories_are_those_of_the_assumed_camera(folder):
    """No model can distinguish a long focal length from a short distance: one camera is assumed."""
    source = open_source(config(folder / "motions.npz", normalisation="screen", noise=(0, 0)))
    sequences = source.labelled(np.random.default_rng(1))
    cameras = torch.from_numpy(sequences.camera_F9)
    assert np.unique(cameras[:, :4].numpy(), axis=0).tolist() == [[2, 2, 0, 0]]
    assert source.trajectory_camera == ASSUMED_SCREEN_CAMERA
    root = project(torch.from_numpy(sequences.trajectory_F3)[:, None], cameras)[:, 0]
    hips = sequences.inputs_FJ2[:, [11, 12]].mean(axis=1)  # of COCO
    # The root is not quite between the hips, which matters when a camera is near.
    assert np.abs(root.numpy() - hips).max() < 0.1
    assert np.corrcoef(root.numpy()[:, 0], hips[:, 0])[0, 1] > 0.98


def test_settings_choose_who_is_labelled(folder):
    path = folder / "true.npz"
    everyone = sequences_of(path)
    assert len(everyone.inputs_FJ2) == 4 * 4 * 50  # four clips are trained on, by four cameras
    some = open_source(
        config(path, subjects=("0", "1"), unlabelled_subjects=("3",), trajectory=True)
    )
    rng = np.random.default_rng(0)
    assert len(some.labelled(rng).inputs_FJ2) == 2 * 4 * 50
    assert len(some.unlabelled(rng).inputs_FJ2) == 4 * 50
    assert some.summary.subjects == ("0", "1")
    assert open_source(config(path)).unlabelled(rng) is None
    thin = open_source(config(path, downsample=5, subset=0.3))
    assert thin.summary.fps == 10
    assert len(thin.labelled(rng).inputs_FJ2) == 4 * 4 * 3
    assert (
        len(next(thin.held_out("detected")).sequence.inputs_TJ2) == 10
    )  # whole, at the lower rate
    acting = open_source(config(path, actions=("tu",)))
    assert {clip.action for clip in acting.held_out("detected")} == {"turn"}


def test_videos_of_another_file_join_unlabelled(folder, tmp_path):
    videos = RecordingSet.load(folder / "detected.npz")
    without_poses = replace(videos, positions=np.full_like(videos.positions, np.nan))
    without_poses.save(tmp_path / "more.npz")
    settings = {"unlabelled": tmp_path / "more.npz", "trajectory": True}
    source = open_source(config(folder / "true.npz", **settings))
    rng = np.random.default_rng(0)
    assert len(source.unlabelled(rng).inputs_FJ2) == 4 * 4 * 50  # those not held out
    assert len(source.labelled(rng).inputs_FJ2) == 4 * 4 * 50
    replace(without_poses, cameras=videos.cameras * np.nan).save(tmp_path / "more.npz")
    assert open_source(config(folder / "true.npz", **settings)).unlabelled(rng)
    with pytest.raises(InvalidInput, match="known intrinsics"):
        open_source(config(folder / "true.npz", normalisation="screen", **settings))
    with pytest.raises(InvalidInput, match="a clip with known poses"):
        Trainer(config(tmp_path / "more.npz"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fps": 25.0}, r"more\.npz, fps: expected that of .*true\.npz, 50\.0; found 25\.0"),
        ({"held_out": np.ones(24, np.bool_)}, r"more\.npz: expected a video that is not held out"),
    ],
)
def test_videos_of_another_file_must_suit_the_labelled_ones(folder, tmp_path, change, said):
    replace(RecordingSet.load(folder / "detected.npz"), **change).save(tmp_path / "more.npz")
    with pytest.raises(InvalidInput, match=said):
        open_source(config(folder / "true.npz", unlabelled=tmp_path / "more.npz", trajectory=True))


def test_partly_labelled_files_are_split(folder, tmp_path):
    videos = RecordingSet.load(folder / "true.npz")
    positions = videos.positions.copy()
    positions[videos.frames(0)] = np.nan
    replace(videos, positions=positions).save(tmp_path / "half.npz")
    rng = np.random.default_rng(0)
    plain = open_source(config(tmp_path / "half.npz"))
    assert len(plain.labelled(rng).inputs_FJ2) == 15 * 50
    assert plain.unlabelled(rng) is None
    assert [clip.name for clip in plain.without_poses()] == [videos.names[0]]
    source = open_source(config(tmp_path / "half.npz", trajectory=True))
    assert len(source.labelled(rng).inputs_FJ2) == 15 * 50
    assert len(source.unlabelled(rng).inputs_FJ2) == 50
    assert np.isnan(source.unlabelled(rng).targets_FK3).all()


@pytest.mark.parametrize(
    ("file", "settings", "where"),
    [
        ("true.npz", {"speed": (0.5, 2.0)}, "speed"),
        ("true.npz", {"recombination": 0.5}, "limb_swap"),
        ("true.npz", {"keypoint_format": "coco17"}, "keypoint_format: expected h36m17"),
        ("motions.npz", {"unlabelled": "x.npz", "trajectory": True}, "unlabelled"),
        ("nowhere.npz", {}, "nowhere.npz"),
    ],
)
def test_files_that_do_not_fit_together_are_errors(folder, file, settings, where):
    with pytest.raises(InvalidInput, match=where):
        open_source(config(folder / file, **settings))


@pytest.mark.parametrize("first", [0, 7])
def test_poses_known_in_part_are_an_error(folder, tmp_path, first):
    videos = RecordingSet.load(folder / "true.npz")
    positions = videos.positions.copy()
    positions[videos.frames(1).start + first :, 3, 2] = np.nan
    replace(videos, positions=positions).save(tmp_path / "spoilt.npz")
    where = rf"spoilt\.npz, positions of {videos.names[1]}, frame {first}: expected finite"
    with pytest.raises(InvalidInput, match=where):
        RecordingSet.load(tmp_path / "spoilt.npz")


@pytest.mark.parametrize("file", ["true.npz", "motions.npz"])
@pytest.mark.parametrize("setting", ["subjects", "unlabelled_subjects"])
def test_unknown_subjects_are_errors(folder, file, setting):
    settings = {setting: ("0", "S99"), "trajectory": True}
    with pytest.raises(InvalidInput, match=rf"{setting}: expected .*{file} has \(0, .* found S99"):
        open_source(config(folder / file, **settings))


def test_a_subject_cannot_be_labelled_and_unlabelled(folder):
    with pytest.raises(ValueError, match="subjects and unlabelled_subjects both have 1"):
        config(folder, subjects=("0", "1"), unlabelled_subjects=("1",), trajectory=True)


def test_an_empty_training_set_is_an_error(folder):
    with pytest.raises(InvalidInput, match=r"true\.npz: expected a clip"):
        Trainer(config(folder / "true.npz", actions=("swim",)))


@pytest.mark.parametrize("causal", [False, True])
def test_videos_begin_at_the_first_measured_frame(folder, tmp_path, causal):
    videos = RecordingSet.load(folder / "true.npz")
    keypoints = videos.keypoints.copy()
    keypoints[:7, :, 2] = 0
    replace(videos, keypoints=keypoints).save(tmp_path / "late.npz")
    late = RecordingSet.load(tmp_path / "late.npz")
    settings = config(tmp_path / "late.npz", causal=causal)
    found, whole = (recording_sequence(each, 0, settings.model) for each in (late, videos))
    np.testing.assert_allclose(found.inputs_TJ2, whole.inputs_TJ2[7:], atol=1e-6)
    np.testing.assert_array_equal(found.targets_TK3, whole.targets_TK3[7:])
    keypoints[:50, :, 2] = 0
    with pytest.raises(InvalidInput, match="keypoints of clip 0/45°"):
        recording_sequence(replace(videos, keypoints=keypoints), 0, settings.model)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"unlabelled_subjects": ("1",)}, "needs trajectory"),
        ({"freeze_pose": True}, "adding trajectory or expected_errors"),
        ({"freeze_pose": True, "trajectory": True}, "initial checkpoint"),
        ({"stride": 8, "velocity_weight": 1.0}, "stride does not go with"),
        ({"stride": 600}, "two windows"),
        ({"targets_per_window": 600}, "two windows"),
        ({"targets_per_window": 8, "stride": 8}, "does not go with stride"),
        ({"targets_per_window": 8, "dense": True}, "does not go with stride or dense"),
        ({"targets_per_window": 8, "target_spacing": 30}, "expected one of 3, 9, 27, 81, 243"),
        ({"target_spacing": 27}, "goes with targets_per_window"),
    ],
)
def test_contradictory_settings_are_errors(settings, said):
    with pytest.raises(ValueError, match=said):
        TrainConfig(**settings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keypoints", np.zeros((5, 17, 2), np.float32)),
        ("positions", np.zeros((5, 16, 3), np.float32)),
        ("cameras", np.zeros((24, 8))),
        ("image_sizes", np.zeros((3, 2))),
        ("keypoint_format", np.array("nope")),
        ("skeleton", np.array("nope")),
        ("camera_names", np.array(["one"])),
    ],
)
def test_a_wrong_array_of_recordings_is_named(folder, tmp_path, key, value):
    arrays = dict(np.load(folder / "true.npz"))
    np.savez(tmp_path / "bad.npz", **{**arrays, key: value})
    with pytest.raises(InvalidInput, match=rf"bad\.npz, {key}: "):
        RecordingSet.load(tmp_path / "bad.npz")
    del arrays[key]
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InvalidInput, match=rf"bad\.npz, {key}: "):
        RecordingSet.load(tmp_path / "bad.npz")


def test_not_a_number_among_keypoints_is_an_error(folder, tmp_path):
    videos = RecordingSet.load(folder / "true.npz")
    keypoints = videos.keypoints.copy()
    keypoints[3, 2, 0] = np.nan
    replace(videos, keypoints=keypoints).save(tmp_path / "bad.npz")
    with pytest.raises(InvalidInput, match="keypoints: expected finite numbers"):
        RecordingSet.load(tmp_path / "bad.npz")


def test_a_mixture_says_what_is_learned(folder):
    path = folder / "motions.npz"
    found = sequences_of(path, speed=(1, 1), mixture="standing=0.9,everyday=0.1")
    stands = (found.first_F // 50) % 2 == 1  # motion_set: every second clip stands
    np.testing.assert_allclose(found.weight_F[stands].sum() / found.weight_F.sum(), 0.9, rtol=1e-5)
    assert (sequences_of(path).weight_F == 1).all()
    with pytest.raises(InvalidInput, match="mixture"):
        open_source(config(folder / "true.npz", mixture="standing=1"))


def test_clips_in_other_groups_are_other_data_for_a_mixture_alone(folder, tmp_path):
    motions = MotionSet.load(folder / "motions.npz")
    replace(motions, groups=("walking",) * len(motions)).save(tmp_path / "regrouped.npz")
    paths = folder / "motions.npz", tmp_path / "regrouped.npz"
    one, other = (open_source(config(path)).summary for path in paths)
    assert one == other
    one, other = (
        open_source(config(path, mixture="walking=1,everyday=1")).summary for path in paths
    )
    assert one != other
