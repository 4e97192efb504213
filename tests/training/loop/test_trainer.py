"""Training as users run it: it learns, resumes bit for bit, evaluates and exports."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.runtime.clip import ClipModel
from poselift.skeletons import H36M17
from tests.training.motions import motion_set
from training import losses
from training.config.train_config import TrainConfig
from training.data.datasets.prepared import MotionSet
from training.data.sequences import mirror
from training.data.sources import open_source
from training.data.windows import ProcessShare
from training.evaluation.clip_errors import (
    ClipErrors,
    average,
    by_action,
    delayed_predictor,
    flip_augmented,
    measure,
    predict_clips,
    predictor,
)
from training.loop.trainer import Trainer
from training.metrics import METRICS
from training.model.checkpoint import CheckpointError, load, load_networks, save
from training.model.networks import BatchNormMomentum
from training.model.temporal_model import TemporalModel


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "motions.npz"
    motion_set(clips=6, frames=80).save(path)
    return path


def config(data, output, **changes):
    settings = {
        "data": data,
        "output": output,
        "filter_widths": (3, 3),
        "channels": 32,
        "epochs": 3,
        "batch_size": 64,
        "cameras_per_clip": 2,
        "threads": 1,
    }
    return TrainConfig(**(settings | changes))


def test_the_error_falls(data, tmp_path):
    trainer = Trainer(config(data, tmp_path, epochs=6, cameras_per_clip=12))
    trainer.run()
    errors = [entry["training MPJPE (mm)"] for entry in trainer.history]
    assert errors[-1] < 0.5 * errors[0]
    assert all("held-out MPJPE, noisy (mm)" in entry for entry in trainer.history)
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert list(tmp_path.glob("events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("settings", "processes"),
    [({}, 1), ({"velocity_weight": 1.0}, 1), ({"subset": 1.0}, 40)],
    ids=["one frame", "no pair of frames", "many processes"],
)
def test_an_epoch_without_a_batch_is_an_error(data, tmp_path, settings, processes):
    one_frame = {"subjects": ("0",), "subset": 0.01, "cameras_per_clip": 1}
    trainer = Trainer(config(data, tmp_path, **(one_frame | settings)))
    trainer.share = ProcessShare(0, processes)
    said = rf"batch_size: expected at least two windows for each of {processes} processes"
    with pytest.raises(InvalidInput, match=said):
        trainer.run()


def test_held_out_errors_are_relative_to_the_root(data, tmp_path):
    """As those that evaluation reports, whose name they share."""
    trainer = Trainer(config(data, tmp_path))
    before = trainer.evaluate()
    with torch.no_grad():
        trainer.networks.pose.shrink.bias += 1.0
    assert trainer.evaluate() == pytest.approx(before, abs=0.01)


def test_learning_rate_and_momentum_follow_the_paper(data, tmp_path):
    trainer = Trainer(config(data, tmp_path, epochs=5))
    used = []
    for epoch in range(5):
        trainer._set_rates(epoch)
        rate = trainer.optimizer.param_groups[0]["lr"]
        used.append((rate, trainer.networks.batch_norms[0].momentum))
    assert [rate for rate, _ in used] == pytest.approx([0.001 * 0.95**i for i in range(5)])
    momenta = [momentum for _, momentum in used]
    assert momenta[0] == pytest.approx(0.1)
    assert momenta[-1] == pytest.approx(0.001)
    assert np.diff(np.log(momenta)) == pytest.approx([np.log(0.01) / 4] * 4)
    assert trainer.optimizer.defaults["amsgrad"]


def test_statistics_mixed_after_the_step_are_those_mixed_within(data, tmp_path):
    """What compiled runs do to batch normalisation, without waiting for a compiler."""
    plain = Trainer(config(data, tmp_path, epochs=3))
    mixed = Trainer(config(data, tmp_path, epochs=3))
    mixed.momentum = BatchNormMomentum(mixed.networks.batch_norms, is_compiled=True)
    for epoch in range(2):
        plain.train_epoch(epoch)
        mixed.train_epoch(epoch)
    for name, value in plain.networks.state_dict().items():
        torch.testing.assert_close(mixed.networks.state_dict()[name], value)
    assert {batch_norm.momentum for batch_norm in mixed.networks.batch_norms} == {1.0}


@pytest.mark.parametrize(
    "settings", [{}, {"precision": "bfloat16"}, {"weight_average": 0.9}, {"velocity_weight": 1.0}]
)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(data, tmp_path, settings):
    whole = Trainer(config(data, tmp_path / "whole", **settings))
    whole.run()
    stopped = Trainer(config(data, tmp_path / "stopped", **settings))
    stopped.config.run.output.mkdir()
    stopped.history.append(stopped.train_epoch(0) | stopped.evaluate())
    stopped.save()
    resumed = Trainer(config(data, tmp_path / "stopped", **settings))
    resumed.resume(tmp_path / "stopped" / "checkpoint.pt")
    resumed.run()
    assert len(resumed.history) == 3
    for name, value in whole.networks.state_dict().items():
        assert torch.equal(resumed.networks.state_dict()[name], value), name
    one, other = (load(tmp_path / run / "checkpoint.pt") for run in ("whole", "stopped"))
    for name, value in one.best.items():
        assert torch.equal(other.best[name], value), name


def test_averaged_weights_are_those_of_the_plain_sum(data, tmp_path):
    trainer = Trainer(config(data, tmp_path, weight_average=0.75))
    expected = None
    step = trainer._step

    def remembering(labelled, unlabelled):
        nonlocal expected
        error = step(labelled, unlabelled)
        now = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
        expected = expected or now
        expected = {name: 0.75 * expected[name] + 0.25 * now[name] for name in now}
        return error

    trainer._step = remembering
    trainer.train_epoch(0)
    trainer.save()
    networks, checkpoint = load_networks(tmp_path / "checkpoint.pt")
    assert not torch.equal(networks.pose.shrink.weight, checkpoint.model["pose.shrink.weight"])
    for name, value in networks.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, expected[name], atol=1e-6, rtol=1e-5)


def test_another_runs_checkpoint_is_not_resumed(data, tmp_path):
    trainer = Trainer(config(data, tmp_path, epochs=1))
    trainer.run()
    other = Trainer(config(data, tmp_path, channels=16))
    with pytest.raises(CheckpointError, match="was made with another channels"):
        other.resume(tmp_path / "checkpoint.pt")


def test_a_run_may_begin_with_the_weights_of_another(data, tmp_path):
    Trainer(config(data, tmp_path / "first", epochs=1)).run()
    first, _ = load_networks(tmp_path / "first" / "checkpoint.pt")
    initial = tmp_path / "first" / "checkpoint.pt"
    second = Trainer(config(data, tmp_path / "second", dropout=0.5))
    second.begin_with(initial)
    for name, value in first.state_dict().items():
        assert torch.equal(second.networks.state_dict()[name], value), name
    with pytest.raises(CheckpointError, match="is of another architecture"):
        Trainer(config(data, tmp_path / "third", channels=16)).begin_with(initial)
    with pytest.raises(CheckpointError, match="one of the two is causal"):
        Trainer(config(data, tmp_path / "fourth", causal=True)).begin_with(initial)


@pytest.mark.parametrize("causal", [False, True])
def test_a_single_frame_model_initialises_a_temporal_one(data, tmp_path, causal):
    Trainer(config(data, tmp_path, filter_widths=(1, 1), epochs=1, weight_average=0.5)).run()
    single, _ = load_networks(tmp_path / "checkpoint.pt")
    wide = Trainer(config(data, tmp_path / "wide", causal=causal))
    wide.begin_with(tmp_path / "checkpoint.pt")
    inputs = np.random.default_rng(0).standard_normal((30, 17, 2)).astype(np.float32)
    expected = predictor(single.pose)(inputs)
    np.testing.assert_allclose(predictor(wide.networks.pose.eval())(inputs), expected, atol=1e-6)
    with pytest.raises(CheckpointError, match="is of another architecture"):
        Trainer(config(data, tmp_path / "other", channels=16)).begin_with(
            tmp_path / "checkpoint.pt"
        )


def test_a_run_is_not_resumed_with_other_motion(data, tmp_path):
    Trainer(config(data, tmp_path, epochs=1)).run()
    motion_set(clips=7, frames=60).save(tmp_path / "other.npz")
    other = Trainer(config(tmp_path / "other.npz", tmp_path, epochs=2))
    with pytest.raises(CheckpointError, match="was trained on other motion"):
        other.resume(tmp_path / "checkpoint.pt")


def test_training_subjects_are_not_evaluated(data, tmp_path, command):
    Trainer(config(data, tmp_path, epochs=1)).run()
    motions = MotionSet.load(data)
    swapped = replace(motions, held_out=~motions.held_out)
    swapped.save(tmp_path / "swapped.npz")
    checkpoint = tmp_path / "checkpoint.pt"
    done = command("training.evaluate", checkpoint, "--data", tmp_path / "swapped.npz")
    assert done.returncode != 0
    assert "was trained on" in done.stderr


def test_a_failed_save_leaves_the_last_checkpoint(data, tmp_path):
    trainer = Trainer(config(data, tmp_path))
    trainer.save()
    path = tmp_path / "checkpoint.pt"
    good = load(path)
    broken = load(path)
    broken.optimizer = {"cannot be pickled": lambda: None}
    with pytest.raises(AttributeError):
        save(broken, path)
    assert load(path).motions == good.motions
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_full_disk_is_an_error_and_leaves_the_last_checkpoint(data, tmp_path, command):
    settings = ["--data", data, "--output", tmp_path, "--channels", 16, "--threads", 1]
    settings += ["--filter-widths", "3,3", "--batch-size", 64]
    assert command("training.train", *settings, "--epochs", 1).returncode == 0
    path = tmp_path / "checkpoint.pt"
    good = path.read_bytes()
    full = (
        "import resource, signal, runpy, sys;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "sys.argv[0] = 'train'; runpy.run_module('training.train', run_name='__main__')"
    )
    again = [sys.executable, "-c", full, *map(str, settings), "--epochs", "2"]
    done = subprocess.run(again, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "checkpoint.pt: the checkpoint could not be written; the last one is kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == good


def test_a_diverging_run_keeps_its_last_checkpoint(data, tmp_path):
    trainer = Trainer(config(data, tmp_path, epochs=1))
    trainer.run()
    again = Trainer(config(data, tmp_path, epochs=2))
    again.resume(tmp_path / "checkpoint.pt")
    with torch.no_grad():
        again.networks.pose.shrink.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"epoch 2: training MPJPE .* is no number any more"):
        again.run()
    assert len(load(tmp_path / "checkpoint.pt").history) == 1


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_files_of_another_kind_are_errors(tmp_path, content):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt: not a checkpoint"):
        load(path)
    torch.save({"model": {}, "format": 2}, path)
    with pytest.raises(CheckpointError, match="not a whole checkpoint: 'config'"):
        load(path)
    torch.save({"model": {}}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of this project"):
        load(path)


def test_from_train_to_a_served_model_by_the_commands(data, tmp_path, command):
    def run(module, *arguments):
        done = command(module, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    arguments = ["--data", data, "--output", tmp_path / "run", "--filter-widths", "3,3"]
    small = ["--channels", 16, "--epochs", 1, "--batch-size", 64, "--threads", 1]
    trained = subprocess.run(
        [sys.executable, "-m", "training.train", *map(str, [*arguments, *small])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "done" in trained.stdout, trained.stderr
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    table = run(
        "training.evaluate",
        checkpoint,
        *("--data", data, "--output", tmp_path / "errors.json", "--baseline", checkpoint, "--flip"),
        *("--report", tmp_path / "report", "--predictions", tmp_path / "poses"),
    )
    for word in ("MPJPE", "P-MPJPE", "N-MPJPE", "MPJVE", "stand", "turn", "overall", "noisy"):
        assert word in table
    run(
        "training.export",
        checkpoint,
        *(
            "--output",
            tmp_path / "mine",
            "--errors",
            tmp_path / "errors.json",
            "--cost",
            "a minute",
        ),
    )
    card = ClipModel.load(tmp_path / "mine", "cpu").card
    assert card.training.held_out_errors == json.loads((tmp_path / "errors.json").read_text())
    assert card.training.held_out_errors["noisy MPJPE, flip, run model"] > 0
    assert card.training.cost == "a minute"
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert (tmp_path / "report" / "report.png").stat().st_size > 10_000
    measured = report["measured"]
    assert list(measured) == [
        "clean, flip",
        "noisy, flip",
        "clean, flip, run model",
        "noisy, flip, run model",
    ]
    overall = measured["noisy, flip"]["actions"]["overall"]
    assert overall["MPJPE"] == card.training.held_out_errors["noisy MPJPE, flip"]
    assert list(measured["clean, flip"]["joints"]) == list(H36M17.joints)
    joints = measured["noisy, flip"]["joints"].values()
    assert np.mean(list(joints)) == pytest.approx(overall["MPJPE"], rel=1e-3)
    assert report["units"]["PCK"] == "%"
    animation = tmp_path / "clip.gif"
    poses = tmp_path / "poses" / "noisy.npz"
    run("training.render", poses, "--clip", 1, "--seconds", 0.1, "--output", animation)
    assert animation.read_bytes()[:3] == b"GIF"


def test_settings_come_from_a_file_and_options_override_it(data, tmp_path, command):
    file = tmp_path / "run.toml"
    settings = {"filter_widths": [3, 3], "channels": 8, "epochs": 1, "batch_size": 32, "seed": 7}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    file.write_text("\n".join([*lines, f"data = {json.dumps(str(data))}", "[ignored]"]))
    arguments = ["--config", file, "--output", tmp_path / "run", "--channels", "4"]
    refused = command("training.train", *arguments)
    assert refused.returncode != 0
    assert "ignored" in refused.stderr
    file.write_text(file.read_text().replace("[ignored]", ""))
    assert command("training.train", *arguments).returncode == 0
    config = load(tmp_path / "run" / "checkpoint.pt").config
    assert (config.run.seed, config.model.filter_widths, config.model.channels) == (7, (3, 3), 4)
    file.write_text("seed = ")
    assert "run.toml: not TOML" in command("training.train", *arguments).stderr


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("training.train", ["--data", "nowhere.npz"], "nowhere.npz"),
        ("training.train", ["--filter-widths", "2,3", "--data", "DATA"], "expected odd numbers"),
        ("training.train", ["--no-such-option", "1"], "no-such-option"),
        ("training.train", ["--noise", "1.5,0", "--data", "DATA"], "in order"),
        ("training.train", ["--keypoint-format", "halpe26", "--data", "DATA"], "left_big_toe"),
        ("training.export", ["nowhere.pt", "--causal", "--output", "x"], "--causal"),
        ("training.train", ["--keypoint-format", "nope", "--data", "DATA"], "nope"),
        ("training.train", ["--stride", "64", "--windows-per-epoch", "100"], "windows_per_epoch"),
        ("training.evaluate", ["nowhere.bin"], "nowhere.bin"),
        ("training.evaluate", ["nowhere.pt", "--causal"], "--causal"),
        ("training.evaluate", ["nowhere.pt"], "nowhere.pt"),
        ("training.export", ["nowhere.pt", "--output", "x"], "nowhere.pt"),
        ("training.export", ["nowhere.bin", "--output", "x"], "nowhere.bin"),
    ],
)
def test_user_errors_are_one_line(module, arguments, said, data, tmp_path, command):
    arguments = [data if argument == "DATA" else argument for argument in arguments]
    if module == "training.train":
        arguments += ["--output", tmp_path]
    done = command(module, *arguments)
    assert done.returncode != 0
    assert said in done.stderr


def test_evaluation_is_the_same_for_every_model(data):
    given = []

    def remember(inputs):
        given.append(inputs)
        return np.zeros((len(inputs), 17, 3), np.float32)

    def measured():
        clips = open_source(TrainConfig(data=data)).held_out("noisy")
        return list(measure(predict_clips(clips, remember), H36M17.joints))

    first = measured()
    assert measured() == first
    np.testing.assert_array_equal(given[0], given[len(first)])
    assert first[0].errors["MPJPE"] > 100


def test_single_frame_clips_do_not_change_averages():
    def errors(value):
        return dict.fromkeys(METRICS, 50.0) | {"MPJVE": value}

    clips = [
        ClipErrors("S1", "stand", 1, errors(float("nan")), {}),
        ClipErrors("S1", "stand", 9, errors(6.0), {}),
    ]
    assert average(clips)["MPJVE"] == 6.0
    assert np.isnan(average(clips[:1])["MPJVE"])


def test_actions_count_as_much_in_their_mean_and_frames_in_the_overall_one():
    clips = [
        ClipErrors("S1", "stand", 30, dict.fromkeys(METRICS, 40.0), {}),
        ClipErrors("S2", "stand", 10, dict.fromkeys(METRICS, 80.0), {}),
        ClipErrors("S1", "turn", 10, dict.fromkeys(METRICS, 90.0), {}),
    ]
    rows = {name: row["MPJPE"] for name, row in by_action(clips).items()}
    assert rows == {"stand": 50.0, "turn": 90.0, "mean of these": 70.0, "overall": 58.0}
    rows = {name: row["MPJPE"] for name, row in by_action(clips, by_subject=True).items()}
    assert list(rows) == ["S1 stand", "S1 turn", "S2 stand", "mean of these", "overall"]
    assert rows["mean of these"] == 70.0


def test_flip_augmentation_averages_with_the_mirrored_twin(data, tmp_path):
    trainer = Trainer(config(data, tmp_path, epochs=1))
    trainer.run()
    networks, _ = load_networks(tmp_path / "checkpoint.pt")
    predict = predictor(networks.pose)
    clip = np.random.default_rng(0).normal(size=(20, 17, 2)).astype(np.float32)
    both = flip_augmented(predict, FORMATS["coco17"].mirror, H36M17.mirror)
    twin = mirror(clip, FORMATS["coco17"].mirror)
    np.testing.assert_allclose(both(twin), mirror(both(clip), H36M17.mirror), atol=1e-5)


def test_velocity_errors_are_between_a_frame_and_the_one_after_it():
    predicted, target = torch.zeros(4, 1, 2, 3), torch.zeros(4, 1, 2, 3)
    predicted[:, 0, 0, 0] = torch.tensor([1.0, 1.0, 5.0, 5.5])  # constant errors have no loss
    target[:, 0, 1, 1] = torch.tensor([0.0, 2.0, 0.0, 0.0])
    assert losses.velocity_error(predicted, target) == pytest.approx((0.5 + 2.0) / 4)


def test_a_velocity_weight_reduces_jitter(data, tmp_path):
    def jitter(weight):
        trainer = Trainer(
            config(data, tmp_path / str(weight), epochs=20, velocity_weight=weight, dropout=0)
        )
        for epoch in range(20):
            trainer.train_epoch(epoch)
        pose = trainer.networks.eval().pose
        predictions = predict_clips(trainer.source.held_out("noisy"), predictor(pose))
        return average(list(measure(predictions, H36M17.joints)))["MPJVE"]

    assert jitter(20.0) < 0.8 * jitter(0.0)


@pytest.mark.parametrize("lookahead", [1, 4, 13])
def test_a_delayed_predictor_uses_no_later_frames(lookahead):
    torch.manual_seed(0)
    model = TemporalModel(17, 2, 17, (3, 3, 3), channels=8).eval()
    inputs = np.random.default_rng(0).normal(size=(40, 17, 2)).astype(np.float32)
    whole = predictor(model)
    expected = [whole(inputs[: frame + lookahead + 1])[frame] for frame in range(40)]
    found = delayed_predictor(model, lookahead)(inputs)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_an_error(data, tmp_path, command):
    options = ["--data", data, "--output", tmp_path, "--device", "cuda"]
    done = command("training.train", *options)
    assert done.returncode != 0
    assert "device cuda: this PyTorch sees no GPU" in done.stderr
