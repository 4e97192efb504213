"""Weights between those of a run and of the model that it began with."""

import numpy as np
import pytest
import torch

from poselift.runtime.clip import ClipModel
from tests.training.motions import small_run
from training.export.exported import from_checkpoint
from training.export.model_folder import export
from training.interpolate import _InterpolateOptions, interpolate, interpolated
from training.loop.trainer import Trainer
from training.model.checkpoint import CheckpointError


@pytest.fixture
def run(data, tmp_path):
    """A model folder, and the checkpoint of a run that began with it."""
    outputs = {"epochs": 1, "trajectory": True, "expected_errors": True}
    Trainer(small_run(data, tmp_path / "first", **outputs)).run()
    export(from_checkpoint(tmp_path / "first" / "checkpoint.pt", "first"), tmp_path / "model")
    second = Trainer(small_run(data, tmp_path / "second", **outputs, learning_rate=0.01))
    second.begin_with(tmp_path / "model")
    second.run()
    return tmp_path / "second" / "checkpoint.pt", tmp_path / "model"


def lifted(folder):
    model = ClipModel.load(folder, "cpu")
    inputs = np.random.default_rng(0).normal(0, 0.3, (1, 9, 17, 2)).astype(np.float32)
    return model.lift(inputs).poses


def test_the_ends_are_the_run_and_what_it_began_with(run, tmp_path):
    checkpoint, folder = run
    poses = {}
    for share in (0.0, 0.5, 1.0):
        output = tmp_path / f"{share}.pt"
        interpolate(checkpoint, folder, options=_InterpolateOptions(share=share, output=output))
        export(from_checkpoint(output, "between"), tmp_path / str(share))
        poses[share] = lifted(tmp_path / str(share))
    export(from_checkpoint(checkpoint, "second"), tmp_path / "exported")
    np.testing.assert_allclose(poses[0.0], lifted(folder), atol=1e-5)
    np.testing.assert_allclose(poses[1.0], lifted(tmp_path / "exported"), atol=1e-5)
    assert np.abs(poses[0.0] - poses[1.0]).max() > 1e-3
    assert np.abs(poses[0.5] - poses[0.0]).max() > 1e-4
    assert np.abs(poses[0.5] - poses[1.0]).max() > 1e-4


def test_weights_are_weighed_and_other_networks_refused(tmp_path):
    first, second = {"a": torch.tensor([4.0])}, {"a": torch.tensor([8.0])}
    assert interpolated(first, second, 0.75, tmp_path)["a"] == 5
    with pytest.raises(CheckpointError, match="another architecture"):
        interpolated(first, {"b": torch.tensor([8.0])}, 0.75, tmp_path)
