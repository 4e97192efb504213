"""A causal network learns from one that sees the future."""

import pytest

from poselift.errors import InvalidInput
from tests.training.motions import small_run
from training.loop.trainer import Trainer
from training.model.checkpoint import load_networks


def config(data, output, **settings):
    return small_run(data, output, **({"epochs": 3} | settings))


@pytest.fixture(scope="module")
def teacher(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    Trainer(config(data, folder, filter_widths=(3, 3, 3), channels=24)).run()
    return folder / "checkpoint.pt"


@pytest.mark.parametrize("settings", [{}, {"targets_per_window": 2, "velocity_weight": 1.0}])
def test_a_causal_network_learns_what_a_symmetric_one_sees(data, teacher, tmp_path, settings):
    learned = {"causal": True, "teacher": teacher, "dropout": 0.0} | settings
    trainer = Trainer(config(data, tmp_path, **learned))
    trainer.run()
    distances = [entry["training teacher (mm)"] for entry in trainer.history]
    assert distances[-1] < distances[0]
    networks, _ = load_networks(tmp_path / "checkpoint.pt")  # which has the student alone
    assert networks.pose.receptive_field == 9


def test_a_teacher_of_other_input_is_refused(data, teacher, tmp_path):
    with pytest.raises(InvalidInput, match="keypoint format"):
        Trainer(config(data, tmp_path, teacher=teacher, keypoint_format="h36m17"))
    widths = {"filter_widths": (25, 3), "targets_per_window": 2, "target_spacing": 25}
    with pytest.raises(InvalidInput, match="25 frames apart"):
        Trainer(config(data, tmp_path, teacher=teacher, **widths))
    with pytest.raises(ValueError, match="freeze_pose keeps the poses"):
        config(data, tmp_path, teacher=teacher, freeze_pose=True, trajectory=True)
