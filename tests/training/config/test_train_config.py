"""Settings of runs: in sections, and as older checkpoints and files have them."""

import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from tests.training.motions import motion_set
from training.command import command_line, run
from training.config.train_config import RENAMED, SECTIONS, TrainConfig, flattened
from training.loop.trainer import Trainer
from training.model.checkpoint import load
from training.train import train

OLD = json.loads((Path(__file__).parent / "flat_config.json").read_text())
"""The settings of a checkpoint written before there were sections."""
NEWER = {
    "bone_direction_weight",
    "joint_angle_weight",
    "joint_definitions",
    "straight_arms",
    "mixture",
    "target_spacing",
    "targets_per_window",
    "teacher",
    "teacher_weight",
}
"""Settings that it does not have."""


def test_settings_of_older_checkpoints_are_read():
    config = TrainConfig.model_validate_json(json.dumps(OLD))
    assert config.augmentation.registered == {
        "speed": (0.7, 5.0),
        "limb_swap": 0.6,
        "sitting": 0.4,
        "joint_angle_jitter": 0.7,
        "lying": 0.4,
        "bone_length_scaling": 0.07,
        "backwards": 0.5,
        "roll": 0.5,
        "truncation": 0.5,
        "joint_definitions": 0.0,
        "straight_arms": 0.0,
    }
    assert config.augmentation.cameras_per_clip == 3
    now = config.dumped(mode="json")
    assert {name: now[RENAMED.get(name, name)] for name in OLD} == OLD
    assert set(now) - set(OLD) == NEWER | {RENAMED[name] for name in OLD if name in RENAMED}


def test_a_checkpoint_with_older_settings_is_read_and_resumed(tmp_path):
    data = tmp_path / "motions.npz"
    motion_set(clips=4, frames=40).save(data)
    small = {"data": data, "output": tmp_path, "filter_widths": (3,), "channels": 8, "epochs": 1}
    Trainer(TrainConfig(**small, bending=0.2, threads=1)).run()
    path = tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    assert set(json.loads(state["config"])) == set(TrainConfig.model_fields)
    old_names = {new: old for old, new in RENAMED.items()}
    flat = flattened(json.loads(state["config"]))
    state["config"] = json.dumps({old_names.get(name, name): flat[name] for name in flat})
    torch.save(state, path)
    assert load(path).config.augmentation.joint_angle_jitter == 0.2
    resumed = Trainer(TrainConfig(**small, joint_angle_jitter=0.2, threads=1))
    resumed.resume(path)
    assert len(resumed.history) == 1


def test_sections_and_names_alone_may_be_mixed():
    config = TrainConfig(model={"channels": 8}, causal=True, cut_off=0.5)
    assert (config.model.channels, config.model.causal) == (8, True)
    assert config.augmentation.truncation == 0.5
    assert TrainConfig(**config.model_dump()) == TrainConfig(**config.dumped()) == config


@pytest.mark.parametrize("settings", [{"nope": 1}, {"model": {"nope": 1}}, {"nope": {}}])
def test_an_unknown_setting_is_named(settings):
    with pytest.raises(ValidationError, match="nope"):
        TrainConfig(**settings)


def test_every_setting_is_in_one_section():
    fields = [name for name in TrainConfig.model_fields for name in getattr(TrainConfig(), name)]
    assert len(fields) == len(SECTIONS)


@pytest.mark.parametrize(
    ("arguments", "expected"), [((), "found nope"), (("--epochs", "3"), "missing.npz")]
)
def test_environment_variables_set_options_and_the_command_line_overrides_them(
    monkeypatch, capsys, arguments, expected
):
    monkeypatch.setenv("POSELIFT_TRAINING_EPOCHS", "nope")
    app = command_line("training.train", train)
    with pytest.raises(SystemExit):
        run(app, ["--data", "missing.npz", *arguments], flattened=flattened)
    assert expected in capsys.readouterr().err
