"""Runs of the ablation: each differs by its part, and is measured in every condition."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from poselift.errors import InvalidInput
from tests.training.motions import motion_set
from training.config.sections import MOTION_SETTINGS
from training.config.train_config import TrainConfig
from training.evaluation.wild.trial import CAMERAS, triangulated
from training.evaluation.wild.videos import Video
from training.loop.trainer import Trainer
from training.reproduction.ablation import (
    RECIPE,
    RUNS,
    STANDARD_ERROR,
    Ablation,
    errors_of,
    means,
)

SCRIPT = Path(__file__).parents[3] / "training" / "recorded_motion_models.sh"


def test_the_recipe_is_that_of_the_default_models():
    options = shell_variable("more") | shell_variable("wild")
    used = {name: options[f"--{name.replace('_', '-')}"] for name in RECIPE}
    assert {name: numbers(value) for name, value in used.items()} == {
        name: value if isinstance(value, tuple) else (value,) for name, value in RECIPE.items()
    }


def shell_variable(name):
    """The options that the script keeps in a variable, by name."""
    (line,) = re.findall(rf'^{name}="(.*)"$', SCRIPT.read_text(), re.MULTILINE)
    words = [word for word in shlex.split(line) if not word.startswith("$")]
    return dict(zip(words[::2], words[1::2], strict=True))


def numbers(text):
    return tuple(float(number) for number in text.split(","))


def test_every_run_lacks_what_it_says():
    usual = TrainConfig().dumped() | RECIPE
    for own in list(RUNS.values())[1:]:
        assert all(usual[name] != own[name] for name in own)
    lacking = {name for own in RUNS.values() for name in own}
    assert lacking >= set(MOTION_SETTINGS) - {"cameras_per_clip"}


def test_kinds_of_runs_have_folders_of_their_own_and_the_rest_in_common(tmp_path):
    command = Ablation(motion=tmp_path / "motion.npz", output=tmp_path, seeds=3)
    motion_set(clips=5, frames=110).save(command.motion)
    configs = command.configs()
    assert len(configs) == len({config.run.output for config in configs.values()})
    assert len(configs) == 3 * (len(RUNS) + 1)
    assert configs["without-joint-angle-jitter-2"].augmentation.joint_angle_jitter == 0
    assert configs["without-joint-angle-jitter-2"].run.seed == 2
    assert configs["all-of-it-0"].augmentation.joint_angle_jitter == RECIPE["joint_angle_jitter"]
    still = configs["four-still-cameras-none-of-it-1"]
    assert "keypoints" in np.load(still.dataset.data)
    assert still.model.channels == configs["all-of-it-0"].model.channels
    motion_set(clips=4, frames=110).save(command.motion)
    with pytest.raises(InvalidInput, match=rf"still\.npz: expected recordings of {command.motion}"):
        command.configs()


def test_means_are_given_with_their_uncertainty():
    rows = means({"a": [{"x": 1.0}, {"x": 3.0}], "b": [{"x": 5.0}, {"x": 5.0}]})
    assert rows == {
        "a": {"x": 2.0},
        "b": {"x": 5.0},
        STANDARD_ERROR: {"x": pytest.approx(0.5**0.5)},
    }
    assert means({"a": [{"x": 1.0}]}) == {"a": {"x": 1.0}}


def test_a_run_is_measured_on_held_out_people_and_by_real_detectors(tmp_path):
    motion = tmp_path / "motion.npz"
    motion_set(clips=5, frames=110).save(motion)
    settings = {"filter_widths": (3,), "channels": 4, "epochs": 1, "windows_per_epoch": 64}
    config = TrainConfig(data=motion, output=tmp_path / "run", batch_size=32, **settings)
    Trainer(config).run()
    errors = errors_of(tmp_path / "run" / "checkpoint.pt", motion, [seen_by(c) for c in CAMERAS])
    assert {"clean", "noisy", "balancing by OpenPose", "balancing by MediaPipe"} < set(
        errors["errors"]
    )
    assert all(np.isfinite(list(errors["errors"].values())))


def seen_by(camera):
    """A video of the trial, whose person is not used."""
    frames = len(triangulated())
    somewhere = np.random.default_rng(0).uniform(100, 900, (frames, 33, 3)).astype(np.float32)
    return Video(f"pose2sim {camera}", (1920.0, 1080.0), 60.0, somewhere, somewhere)
