"""The evaluation command: VideoPose3D checkpoints, and videos without known poses."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poselift.skeletons import SKELETONS
from tests.training.motions import motion_set
from training.data.datasets.synthetic_recordings import render_recordings
from training.evaluation.clip_errors import Predictions, predictor
from training.model.videopose3d import read_videopose3d

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def recordings():
    return render_recordings(motion_set(clips=6, frames=50), 0.0, np.random.default_rng(0))


def test_videopose3d_checkpoints_are_measured(recordings, tmp_path):
    recordings.save(tmp_path / "h36m.npz")
    options = ["--data", tmp_path / "h36m.npz", "--flip", "--by-subject"]
    options += ["--output", tmp_path / "errors.json", "--predictions", tmp_path / "poses"]
    done = subprocess.run(
        [sys.executable, "-m", "training.evaluate", GOLDEN / "sym27.bin", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mean of these" in done.stdout
    errors = json.loads((tmp_path / "errors.json").read_text())
    assert errors["detected MPJPE, flip"] > 0
    assert errors["detected trajectory, flip"] > 0
    assert Predictions.load(tmp_path / "poses" / "detected.npz").skeleton == "h36m17"


def test_videos_without_poses_are_lifted_and_rendered(recordings, tmp_path, command):
    unknown = np.full_like(recordings.positions, np.nan)
    held_out = recordings.held_out & False
    videos = replace(recordings, positions=unknown, held_out=held_out)
    videos.save(tmp_path / "mine.npz")
    words = "training.evaluate", GOLDEN / "sym27.bin", "--data", tmp_path / "mine.npz"
    assert "holds no held-out subjects; with --predictions" in command(*words).stderr
    done = command(*words, "--predictions", tmp_path / "poses")
    assert done.returncode == 0, done.stderr
    assert f"without-poses.npz ({len(videos)} videos)" in done.stdout
    found = Predictions.load(tmp_path / "poses" / "without-poses.npz")
    assert found.names == videos.names
    assert np.isnan(found.targets).all()
    pose, _, _ = read_videopose3d(GOLDEN / "sym27.bin", causal=False)
    expected = predictor(pose)(found.keypoints[found.frames(1)])
    np.testing.assert_allclose(found.poses[found.frames(1)], expected - expected[:, :1], atol=1e-5)
    animation = tmp_path / "clip.gif"
    lifted = tmp_path / "poses" / "without-poses.npz"
    options = ["--clip", 1, "--seconds", 0.1, "--output", animation]
    drawn = command("training.render", lifted, *options)
    assert drawn.returncode == 0, drawn.stderr
    assert animation.read_bytes()[:3] == b"GIF"


def test_poses_of_other_joints_are_refused(recordings, tmp_path, command):
    joints = len(SKELETONS["humaneva15"].joints)
    positions = recordings.positions[:, :joints]
    replace(recordings, positions=positions, skeleton="humaneva15").save(tmp_path / "other.npz")
    done = command("training.evaluate", GOLDEN / "sym27.bin", "--data", tmp_path / "other.npz")
    assert done.returncode != 0
    assert f"other.npz: has poses of {joints} joints (humaneva15)" in done.stderr


def test_videopose3d_checkpoints_need_data(command):
    done = command("training.evaluate", GOLDEN / "sym27.bin")
    assert done.returncode != 0
    assert "--data: expected prepared data to measure" in done.stderr
