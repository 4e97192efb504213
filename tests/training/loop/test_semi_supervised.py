"""Training with a trajectory, unlabelled videos, longer windows, and several processes."""

import os
import runpy
import subprocess
import sys
from dataclasses import replace

import httpx
import numpy as np
import pytest
import torch

from poselift.skeletons import H36M17
from tests.live.stores import free_port
from tests.serving import service_process
from tests.training.motions import motion_set
from training.config.train_config import TrainConfig
from training.data.datasets.prepared import RecordingSet
from training.data.datasets.synthetic_recordings import render_recordings
from training.evaluation.clip_errors import average, measure, predict_clips, predictor
from training.loop.trainer import Trainer
from training.model.checkpoint import CheckpointError, load, load_networks
from training.model.networks import Networks, TrainingForm
from training.model.temporal_model import TemporalModel


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Recordings of eight people, two of whom are held out, by four cameras."""
    path = tmp_path_factory.mktemp("data") / "recordings.npz"
    motions = motion_set(clips=8, frames=60)
    render_recordings(motions, 0.3, np.random.default_rng(0)).save(path)
    return path


def config(data, output, **changes):
    settings = {
        "data": data,
        "output": output,
        "filter_widths": (3, 3),
        "channels": 32,
        "epochs": 3,
        "batch_size": 64,
        "dropout": 0.0,
        "threads": 1,
        "normalisation": "screen",
    }
    return TrainConfig(**(settings | changes))


SEMI = {"trajectory": True, "subjects": ("0", "1"), "unlabelled_subjects": ("2", "3", "4", "5")}


@pytest.mark.parametrize("normalisation", ["screen", "person"])
def test_a_trajectory_is_learned(data, tmp_path, normalisation):
    trainer = Trainer(
        config(data, tmp_path, trajectory=True, epochs=12, normalisation=normalisation)
    )
    trainer.run()
    shares = [entry["training trajectory (‰)"] for entry in trainer.history]
    assert shares[-1] < 0.5 * shares[0]
    assert shares[-1] < 100  # a tenth of the distance
    assert "held-out trajectory, detected (mm)" in trainer.history[-1]


def test_unlabelled_videos_help(data, tmp_path):
    """The terms without labels fall below those of a run with labels alone."""

    def learned(**settings):
        trainer = Trainer(config(data, tmp_path, epochs=10, subset=0.2, **(SEMI | settings)))
        for epoch in range(10):
            trainer.train_epoch(epoch)
        return trainer.evaluate()["held-out MPJPE, detected (mm)"]

    assert learned() < learned(unlabelled_subjects=())


def test_unlabelled_videos_join_after_the_warm_up(data, tmp_path):
    trainer = Trainer(config(data, tmp_path, warm_up_epochs=1, **SEMI))
    assert "training projection (‰)" not in trainer.train_epoch(0)
    entry = trainer.train_epoch(1)
    assert entry["training projection (‰)"] > 0
    assert entry["training bone length (mm)"] > 0


@pytest.mark.parametrize(
    "settings",
    [
        {"trajectory": True, "normalisation": "person"},
        {**SEMI, "warm_up_epochs": 0, "dropout": 0.25},
        {"stride": 8},
        {"targets_per_window": 3},
        {"dense": True},
    ],
    ids=["trajectory", "semi", "stride", "targets", "dense"],
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(data, tmp_path, settings):
    whole = Trainer(config(data, tmp_path / "whole", **settings))
    whole.run()
    stopped = Trainer(config(data, tmp_path / "stopped", epochs=3, **settings))
    stopped.config.run.output.mkdir()
    stopped.history.append(stopped.train_epoch(0) | stopped.evaluate())
    stopped.save()
    resumed = Trainer(config(data, tmp_path / "stopped", **settings))
    resumed.resume(tmp_path / "stopped" / "checkpoint.pt")
    resumed.run()
    for name, value in whole.networks.state_dict().items():
        assert torch.equal(resumed.networks.state_dict()[name], value), name


def test_targets_of_other_windows_and_beyond_the_clip_are_not_in_the_loss(data, tmp_path):
    settings = {"targets_per_window": 8, "target_spacing": 9, "bone_direction_weight": 0.2}
    trainer = Trainer(config(data, tmp_path, dropout=0.0, **settings))
    masked = 0
    for batch, _ in trainer._batches(0)[0]:
        others = torch.ones_like(batch.depth_BS, dtype=torch.bool)
        others[batch.learned] = False
        masked += int(others.sum())
        spoiled = batch.targets_BSK3.masked_fill(others[..., None, None], torch.nan)
        known = trainer._terms(batch, None)
        for name, term in trainer._terms(replace(batch, targets_BSK3=spoiled), None).items():
            assert torch.equal(term, known[name]), name
    assert masked


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_longer_windows_give_each_frame_the_pose_of_its_own_window(causal, dense):
    torch.manual_seed(0)
    model = TemporalModel(17, 2, 17, (3, 3), causal, channels=8, dropout=0, dense=dense)
    windows = torch.randn(2, 9 + 4 - 1, 17, 2)
    shared = TrainingForm(Networks(model), spacing=1).eval()(windows).poses
    alone = TrainingForm(Networks(model)).eval()
    for frame in range(4):
        one = alone(windows[:, frame : frame + 9]).poses
        torch.testing.assert_close(shared[:, frame], one[:, 0], atol=1e-6, rtol=1e-5)


def test_a_trajectory_is_added_to_a_frozen_pose_network(data, tmp_path):
    Trainer(config(data, tmp_path / "pose", epochs=2, dropout=0.25)).run()
    first = tmp_path / "pose" / "checkpoint.pt"
    settings = {"trajectory": True, "freeze_pose": True, "trajectory_channels": 16}
    trainer = Trainer(config(data, tmp_path / "both", initial=first, **settings))
    trainer.begin_with(first)
    trainer.run()
    before, _ = load_networks(first)
    after, _ = load_networks(tmp_path / "both" / "checkpoint.pt")
    for name, value in before.pose.state_dict().items():
        assert torch.equal(after.pose.state_dict()[name], value), name
    assert after.trajectory.shrink.in_channels == 16
    entry = trainer.history[-1]
    assert "training MPJPE (mm)" not in entry
    assert entry["training trajectory (‰)"] < trainer.history[0]["training trajectory (‰)"]
    with pytest.raises(CheckpointError, match="another architecture"):
        Trainer(config(data, tmp_path / "x", dense=True)).begin_with(first)


def test_expected_errors_are_learned_without_changing_a_pose(data, tmp_path):
    Trainer(config(data, tmp_path / "pose", epochs=2)).run()
    first = tmp_path / "pose" / "checkpoint.pt"
    settings = {"expected_errors": True, "freeze_pose": True, "epochs": 8, "learning_rate": 0.005}
    trainer = Trainer(config(data, tmp_path / "both", initial=first, **settings))
    trainer.begin_with(first)
    trainer.run()
    before, _ = load_networks(first)
    after, _ = load_networks(tmp_path / "both" / "checkpoint.pt")
    for name, value in before.pose.state_dict().items():
        assert torch.equal(after.pose.state_dict()[name], value), name
    exponential_nll = [entry["training expected errors (mnat)"] for entry in trainer.history]
    assert exponential_nll[-1] < exponential_nll[0]
    assert "training MPJPE (mm)" not in trainer.history[-1]
    estimated, true = (
        trainer.history[-1][f"held-out {name}, detected (mm)"]
        for name in ("expected MPJPE", "MPJPE")
    )
    assert estimated == pytest.approx(true, rel=0.5)


def run_two_processes(*command):
    """Have ``torchrun`` start a program twice."""
    starter = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1"]
    done = subprocess.run(
        [sys.executable, *starter, f"--master-port={free_port()}", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": "."},
    )
    assert done.returncode == 0, done.stderr


def test_two_processes_train_like_one(data, tmp_path):
    people = {"subjects": ("0", "1", "2"), "unlabelled_subjects": ("3", "4", "5")}
    settings = {"trajectory": True, "weight_average": 0.9, "epochs": 6, **people}
    one = Trainer(config(data, tmp_path / "one", **settings))
    one.run()
    arguments = ["--data", data, "--output", tmp_path / "two", "--filter-widths", "3,3"]
    arguments += ["--channels", 32, "--epochs", 6, "--batch-size", 64, "--threads", 1]
    arguments += ["--normalisation", "screen", "--dropout", 0, "--weight-average", 0.9]
    arguments += ["--trajectory", "--subjects", "0,1,2", "--unlabelled-subjects", "3,4,5"]
    run_two_processes("-m", "training.train", *arguments)
    two = load(tmp_path / "two" / "checkpoint.pt")
    assert [entry.keys() for entry in two.history] == [entry.keys() for entry in one.history]
    for name in ("training MPJPE (mm)", "held-out MPJPE, detected (mm)", "training trajectory (‰)"):
        found, expected = two.history[-1][name], one.history[-1][name]
        # Batch normalisation gets half of a batch in each process.
        assert found == pytest.approx(expected, rel=0.15), name


def test_gradients_of_two_processes_are_those_of_the_whole_batch(data, tmp_path, monkeypatch):
    """One step with batch normalisation at rest: the same to rounding."""
    script, one, two = (tmp_path / name for name in ("step.py", "one.pt", "two.pt"))
    script.write_text(STEP)
    monkeypatch.setattr(sys, "argv", [str(script), str(data), str(one)])
    runpy.run_path(str(script))
    run_two_processes(script, data, two)
    found = torch.load(two, weights_only=True)
    for name, value in torch.load(one, weights_only=True).items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-4)


STEP = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from training.config.train_config import TrainConfig
from training.loop.trainer import Trainer
from training.loop.processes import joined_processes

with joined_processes(torch.device("cpu")) as share:
    config = TrainConfig(
        data=Path(sys.argv[1]), output=Path("."), filter_widths=(3, 3), channels=16, epochs=1,
        batch_size=64, dropout=0, normalisation="screen", trajectory=True, windows_per_epoch=64,
    )
    trainer = Trainer(config, share)
    trainer.optimizer = torch.optim.SGD(trainer.networks.parameters(), lr=0.1)
    trainer._run_form.eval()
    batches, _ = trainer._batches(0)
    for labelled, unlabelled in batches:
        trainer._step(labelled, unlabelled)
    if share.rank == 0:
        torch.save(trainer.networks.state_dict(), sys.argv[2])
"""


def test_a_trained_trajectory_is_served(data, tmp_path):
    """From training to HTTP: trajectories in metres, farther with a longer focal length."""
    run, folder = tmp_path / "run", tmp_path / "models" / "mine"
    Trainer(config(data, run, trajectory=True, epochs=40, causal=True, channels=48)).run()
    checkpoint = run / "checkpoint.pt"
    subprocess.run(
        [sys.executable, "-m", "training.export", str(checkpoint), "--output", str(folder)],
        check=True,
    )
    networks, _ = load_networks(checkpoint)
    source = Trainer(config(data, run, trajectory=True, causal=True)).source
    predictions = predict_clips(
        source.held_out("detected"), predictor(networks.pose), predictor(networks.trajectory)
    )
    assert average(list(measure(predictions, H36M17.joints)))["relative"] < 15  # % of the distance

    videos = RecordingSet.load(data)
    part = videos.frames(len(videos) - 1)
    keypoints = videos.keypoints[part].tolist()
    fx, fy, cx, cy, k1, k2, k3, _, _ = videos.cameras[-1]
    camera = {"focal_length": [fx, fy], "principal_point": [cx, cy], "radial": [k1, k2, k3]}
    body = {
        "image_size": videos.image_sizes[-1].tolist(),
        "keypoint_format": "h36m17",
        "clips": [{"keypoints": keypoints}],
    }
    longer = {**camera, "focal_length": [2 * fx, 2 * fy]}
    names = {"DEFAULT_MODEL": "mine", "LIVE_MODEL": "mine"}
    with service_process(folder.parent, THREADS="1", **names) as service:
        trajectories = []
        for given in (None, camera, longer):
            asked = body if given is None else {**body, "camera": given}
            answer = httpx.post(f"{service.url}/v1/lift", json=asked, timeout=30)
            assert answer.status_code == 200, answer.text
            trajectories.append(np.array(answer.json()["clips"][0]["trajectory"]))
        check_live(service, body, camera, trajectories[1])
    truth = videos.positions[part][:, 0]
    assert np.linalg.norm(trajectories[1] - truth, axis=-1).mean() < 0.15 * truth[:, 2].mean()
    np.testing.assert_allclose(trajectories[0], trajectories[1], rtol=0.01, atol=0.02)
    np.testing.assert_allclose(trajectories[2][:, 2], 2 * trajectories[1][:, 2], rtol=1e-4)


def check_live(service, body, camera, path):
    """A session answers with the trajectory of the whole clip."""
    opened = {"image_size": body["image_size"], "keypoint_format": "h36m17", "camera": camera}
    session = httpx.post(f"{service.url}/v1/sessions", json=opened).json()["session_id"]
    frames = [
        {"index": index, "people": [{"track_id": "a", "keypoints": keypoints}]}
        for index, keypoints in enumerate(body["clips"][0]["keypoints"])
    ]
    answer = httpx.post(f"{service.url}/v1/sessions/{session}/frames", json={"frames": frames})
    live = [frame["people"][0]["trajectory"] for frame in answer.json()["frames"]]
    np.testing.assert_allclose(live, path, atol=1e-4)
