"""A new augmentation is one file and one line in the registry: the rest follows."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.motions import motion_set

ROOT = Path(__file__).parents[3]
FILE = '''"""Lift: people are a metre higher."""

from training.augmentation.augmentation import Augmentation, Stage, with_probability

HIGHER = Augmentation(
    name="higher",
    help="Share of the clips in which people are a metre higher.",
    stage=Stage.MOTION,
    change=with_probability(lambda points, _, __: points + 1.0),
    condition="a metre higher",
)
'''
LAST = "    TRUNCATION,\n"
SCRIPT = """
import json
from pathlib import Path
import numpy as np
from training.config.train_config import TrainConfig
from training.data.sources import open_source
from training.evaluation.wild.held_out import EVERY_CONDITION

def sums(**settings):
    source = open_source(TrainConfig(data=Path("motions.npz"), **settings))
    labelled = source.labelled(np.random.default_rng(0)).inputs_FJ2
    held_out = next(source.held_out("clean")).sequence.inputs_TJ2
    return float(labelled.sum()), float(held_out.sum())

print(json.dumps({"off": sums(), "on": sums(higher=0.9), "conditions": list(EVERY_CONDITION)}))
"""


@pytest.fixture
def checkout(tmp_path):
    """A copy of training with the augmentation added by its recipe."""
    for package in ("poselift", "training"):
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "models"),
        )
    (tmp_path / "training" / "augmentation" / "higher.py").write_text(FILE)
    registry = tmp_path / "training" / "augmentation" / "registry.py"
    text = registry.read_text().replace(LAST, f"{LAST}    HIGHER,\n")
    registry.write_text(
        text.replace("\n\nAUG", "\nfrom training.augmentation.higher import HIGHER\n\nAUG")
    )
    motion_set(clips=4, frames=40).save(tmp_path / "motions.npz")
    return tmp_path


def run(checkout, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_registered_augmentation_is_a_setting_applied_in_training_alone(checkout):
    found = json.loads(run(checkout, "-c", SCRIPT))
    (off, measured), (on, measured_on) = found["off"], found["on"]
    assert on != off
    assert measured_on == measured
    assert found["conditions"][-1] == "a metre higher"
    said = " ".join(run(checkout, "-m", "training.train", "--help").split())
    assert "--higher Share of the clips" in said
