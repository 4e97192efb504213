"""What each part of the recipe does: the runs differ as they say, and are measured in every way."""

from pathlib import Path

import numpy as np

from tests.training.motions import motion_set
from training.ablation import RECIPE, RUNS, errors_of
from training.config import MOTION_SETTINGS, TrainConfig
from training.loop import Trainer
from training.wild.trial import CAMERAS, triangulated
from training.wild.videos import Video

SCRIPT = Path(__file__).parents[2] / "training" / "default_models.sh"


def test_the_recipe_is_that_of_the_default_models():
    script = SCRIPT.read_text()
    for name, value in RECIPE.items():
        values = value if isinstance(value, tuple) else (value,)
        option = f"--{name.replace('_', '-')} {','.join(f'{number:g}' for number in values)}"
        assert option in script


def test_every_run_lacks_what_it_says():
    for own in list(RUNS.values())[1:]:
        assert all(
            RECIPE.get(name, TrainConfig.model_fields[name].default) != own[name] for name in own
        )
    lacking = {name for own in RUNS.values() for name in own}
    assert lacking >= set(MOTION_SETTINGS) - {"views"}


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
    """A film of the trial, of which nobody looks at the person."""
    frames = len(triangulated())
    somewhere = np.random.default_rng(0).uniform(100, 900, (frames, 33, 3)).astype(np.float32)
    return Video(f"pose2sim {camera}", (1920.0, 1080.0), 60.0, somewhere, somewhere)
