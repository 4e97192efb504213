"""Export: VideoPose3D's and the project's checkpoints become folders that the service loads."""

import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from poselift.normalisation import normaliser
from poselift.runtime.clip import ClipModel
from training.command import command_line
from training.config.train_config import TrainConfig
from training.data.datasets.clips import Summary
from training.export.export_parity import ExportError
from training.export.exported import Remarks, from_checkpoint, from_videopose3d
from training.export.model_folder import export
from training.model.checkpoint import Checkpoint, CheckpointError, build_networks, load, save
from training.model.temporal_model import TemporalModel, pad_edges
from training.model.videopose3d import read_videopose3d
from training.train import train

GOLDEN = Path(__file__).parents[2] / "golden"
MODELS = {
    "sym27": False,
    "sym243": False,
    "sym63_337": False,
    "causal27": True,
    "causal243": True,
    "single1": False,
    "humaneva15_27": False,
}


@pytest.mark.parametrize(("name", "causal"), MODELS.items())
def test_videopose3d_checkpoints_agree_with_their_implementation(tmp_path, name, causal):
    golden = np.load(GOLDEN / f"{name}.npz")
    pose, _, _ = read_videopose3d(GOLDEN / f"{name}.bin", causal)
    assert pose.filter_widths == tuple(golden["filter_widths"])
    assert pose.receptive_field == golden["receptive_field"]
    card = export(from_videopose3d(GOLDEN / f"{name}.bin", name, causal, None), tmp_path / name)
    lifter = ClipModel.load(tmp_path / name, "cpu", threads=1)
    normalise = normaliser(card.normalisation, card.input.joints, (1000, 1002))
    for frames in (1, 2, 40, 300):
        inputs, _ = normalise(golden[f"pixels_{frames}"])
        np.testing.assert_allclose(inputs, golden[f"keypoints_{frames}"], atol=1e-6)
        lifted = lifter.lift(golden[f"keypoints_{frames}"][None])
        np.testing.assert_allclose(lifted.poses[0], golden[f"pose_{frames}"], atol=1e-5)
        np.testing.assert_allclose(lifted.trajectory[0], golden[f"trajectory_{frames}"], atol=1e-5)
        with torch.inference_mode():
            padded = pad_edges(torch.from_numpy(inputs)[None], pose.receptive_field, causal)
            np.testing.assert_allclose(pose(padded)[0], golden[f"pose_{frames}"], atol=1e-5)


def test_an_unfit_keypoint_format_is_refused():
    with pytest.raises(CheckpointError, match="takes 17 joints; keypoint format 'halpe26'"):
        from_videopose3d(GOLDEN / "sym27.bin", "m", False, "halpe26")


@pytest.fixture
def checkpoint(tmp_path):
    config = TrainConfig(filter_widths=(3, 3), channels=8, causal=True, keypoint_format="coco17")
    path = tmp_path / "checkpoint.pt"
    origin = "CMU motion capture, from mocap.cs.cmu.edu."
    motions = Summary("0", 50.0, 41.6, ("01", "02"), "h36m17", origin)
    weights = build_networks(config, motions.skeleton).state_dict()
    save(Checkpoint(config, motions, None, weights, {}), path)
    return path


def test_a_checkpoint_is_exported_with_its_card(tmp_path, checkpoint):
    exported = from_checkpoint(
        checkpoint, "mine", Remarks(errors={"clean MPJPE": 50.0}, licence="MIT", cost="an hour")
    )
    export(exported, tmp_path / "mine")
    card = ClipModel.load(tmp_path / "mine", "cpu").card
    assert card.name == "mine"
    assert card.architecture.causal
    assert card.architecture.receptive_field == 9
    assert card.input.keypoint_format == "coco17"
    assert card.normalisation == "person"
    assert card.training.held_out_errors == {"clean MPJPE": 50.0}
    assert "mocap.cs.cmu.edu" in card.training.data
    assert card.training.data.startswith("42 minutes of 2 subjects: CMU motion capture")
    assert card.training.limits.startswith("One camera cannot separate size from distance")
    assert card.training.frame_rates == (25.0, 71.4)
    assert card.training.seed == 0
    assert card.training.recipe == (
        "python -m training.train --keypoint-format coco17 --filter-widths 3,3 --causal"
        " --channels 8"
    )
    assert (card.licence, card.training.cost) == ("MIT", "an hour")


def test_no_licence_is_assumed_and_recordings_have_one_frame_rate(tmp_path, checkpoint):
    made = load(checkpoint)
    save(replace(made, motions=replace(made.motions, recorded=True)), checkpoint)
    card = export(from_checkpoint(checkpoint, "mine"), tmp_path / "mine")
    assert card.licence.startswith("not stated")
    assert card.training.frame_rates == (50.0,)


def test_the_recipe_is_a_command_with_the_same_settings(tmp_path, checkpoint):
    made = load(checkpoint)
    settings = {"actions": ("Walking 1", "Box"), "flip": False, "noise": (0.0, 1.0)}
    save(replace(made, config=TrainConfig(**(made.config.dumped() | settings))), checkpoint)
    words = shlex.split(from_checkpoint(checkpoint, "mine").training.recipe)
    _, bound, _ = command_line("training.train", train).parse_args(words[3:])
    again = bound.arguments["settings"].dumped()
    expected = settings | {"filter_widths": (3, 3), "causal": True, "channels": 8}
    assert {name: again[name] for name in expected} == expected


def test_the_version_is_that_of_the_weights(tmp_path, checkpoint):
    versions = {
        export(from_checkpoint(checkpoint, name), tmp_path / name).version for name in ("a", "b")
    }
    assert len(versions) == 1


@pytest.mark.parametrize("old", [True, False])
def test_a_broken_model_is_refused_and_nothing_is_written(tmp_path, checkpoint, old):
    folder = tmp_path / "models" / "mine"
    exported = from_checkpoint(checkpoint, "mine")
    version = export(exported, folder).version if old else None
    with torch.no_grad():
        exported.pose.shrink.weight[0, 0] = float("nan")
    with pytest.raises(
        ExportError, match=r"poses of a random clip of 1 frames: .* differ by nan m, allowed are 1e"
    ):
        export(exported, folder)
    assert [item.name for item in folder.parent.iterdir()] == (["mine"] if old else [])
    if old:
        assert ClipModel.load(folder, "cpu").card.version == version


def test_half_precision_weights_make_a_smaller_file_and_nearly_the_same_poses(tmp_path):
    exported = from_videopose3d(GOLDEN / "sym27.bin", "m", False, None)
    versions = {
        export(exported, tmp_path / precision, precision).version
        for precision in ("float32", "float16")
    }
    assert len(versions) == 2
    sizes = [(tmp_path / name / "weights.bin").stat().st_size for name in ("float16", "float32")]
    assert sizes[0] < 0.52 * sizes[1]
    golden = np.load(GOLDEN / "sym27.npz")
    lifted = ClipModel.load(tmp_path / "float16", "cpu").lift(golden["keypoints_300"][None])
    np.testing.assert_allclose(lifted.poses[0], golden["pose_300"], atol=2e-3)


def test_weights_beyond_half_precision_are_refused(tmp_path, checkpoint):
    exported = from_checkpoint(checkpoint, "mine")
    with torch.no_grad():
        exported.pose.shrink.weight[0, 0] = 1e6
    with pytest.raises(ExportError, match="differ by"):
        export(exported, tmp_path / "mine", "float16")
    assert not (tmp_path / "mine").exists()


def test_an_unknown_skeleton_is_refused(tmp_path, checkpoint):
    exported = from_checkpoint(checkpoint, "mine")
    other = replace(exported, pose=TemporalModel(17, 2, 16, (3, 3), channels=8).eval())
    with pytest.raises(ExportError, match=r"have 16 joints; known skeletons have 17 \(h36m17\)"):
        export(other, tmp_path / "mine")


def test_the_command_exports_and_reports(tmp_path):
    command = [sys.executable, "-m", "training.export", str(GOLDEN / "causal27.bin")]
    options = ["--output", str(tmp_path / "m"), "--causal", "--name", "theirs"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    card = ClipModel.load(tmp_path / "m", "cpu").card
    assert (card.name, card.architecture.causal) == ("theirs", True)
    assert card.input.keypoint_format == "h36m17"
    assert card.licence.startswith("CC-BY-NC")
    assert f"model theirs, version {card.version}" in done.stdout


def test_errors_of_the_command_are_one_line(tmp_path, command):
    (tmp_path / "x.bin").write_bytes(b"no checkpoint")
    done = command("training.export", tmp_path / "x.bin", "--output", tmp_path / "m")
    assert done.returncode != 0
    assert "x.bin: not a checkpoint" in done.stderr


def test_exporting_again_replaces_a_model_but_nothing_else(tmp_path, checkpoint):
    exported = from_checkpoint(checkpoint, "mine")
    export(exported, tmp_path / "mine")
    export(exported, tmp_path / "mine")
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(ExportError, match=r"holds other files: notes\.txt"):
        export(exported, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"
