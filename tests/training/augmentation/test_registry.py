"""A new augmentation is one file and one line in the registry: the rest follows."""

import json

import pytest

from tests.checkout import copy_packages, insert, run
from tests.training.motions import motion_set

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
IMPORT = "from training.augmentation.framing import ROLL, TRUNCATION\n"
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
    copy_packages(tmp_path, "poselift", "training")
    (tmp_path / "training" / "augmentation" / "higher.py").write_text(FILE)
    registry = tmp_path / "training" / "augmentation" / "registry.py"
    insert(registry, LAST, "    HIGHER,\n")
    insert(registry, IMPORT, "from training.augmentation.higher import HIGHER\n")
    motion_set(clips=4, frames=40).save(tmp_path / "motions.npz")
    return tmp_path


def test_a_registered_augmentation_is_a_setting_applied_in_training_alone(checkout):
    found = json.loads(run(checkout, "-c", SCRIPT))
    (off, measured), (on, measured_on) = found["off"], found["on"]
    assert on != off
    assert measured_on == measured
    assert found["conditions"][-1] == "a metre higher"
    said = " ".join(run(checkout, "-m", "training.train", "--help").split())
    assert "--higher Share of the clips" in said
