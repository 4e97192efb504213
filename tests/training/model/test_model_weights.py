"""Weights of an exported model are read back, and training goes on from what it computes."""

from pathlib import Path

import onnx
import pytest

import poselift
from poselift.runtime.model_files import CLIP_GRAPH
from tests.training.motions import small_run
from training.config.sections import ModelConfig
from training.export.export_parity import check_parity
from training.export.exported import from_checkpoint
from training.export.model_folder import export
from training.loop.trainer import Trainer
from training.model.checkpoint import CheckpointError
from training.model.model_weights import read_model_folder

SHIPPED = Path(poselift.__file__).parent / "models" / "causal243-light"


def config(data, output, **settings):
    outputs = {"epochs": 2, "trajectory": True, "expected_errors": True}
    return small_run(data, output, **(outputs | settings))


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_training_goes_on_from_an_exported_model(data, tmp_path, precision):
    first = Trainer(config(data, tmp_path / "first", epochs=4))
    first.run()
    export(
        from_checkpoint(tmp_path / "first" / "checkpoint.pt", "first"), tmp_path / "m", precision
    )
    second = Trainer(config(data, tmp_path / "second", targets_per_window=2, dropout=0.0))
    second.begin_with(tmp_path / "m")
    before, after = first.evaluate(), second.evaluate()
    assert before.keys() == after.keys()
    for name, error in before.items():
        assert after[name] == pytest.approx(error, rel=1e-4 if precision == "float32" else 1e-2)

    # Batches are normalised by their own statistics, and yet little changes.
    batch, _ = next(second._batches(0)[0])
    exact = second.form.eval()(batch.inputs_BTJ2).poses
    learning = second.form.train()(batch.inputs_BTJ2).poses
    assert (learning - exact).norm(dim=-1).mean() < 0.1 * exact.norm(dim=-1).mean()


def test_a_shipped_model_is_read_as_it_is_served(data, tmp_path):
    shipped = {"filter_widths": (3, 3, 3, 3, 3), "channels": 192, "causal": True}
    shipped |= {"trajectory_channels": 64, "dropout": 0.1}
    trainer = Trainer(config(data, tmp_path / "run", **shipped))
    trainer.begin_with(SHIPPED)
    (tmp_path / "run").mkdir()
    trainer.save()
    exported = from_checkpoint(tmp_path / "run" / "checkpoint.pt", "again")
    check_parity(SHIPPED, exported)


def test_an_error_head_that_the_run_does_not_want_is_left_out(data, tmp_path):
    small = {"filter_widths": (3, 3, 3, 3, 3), "channels": 192, "causal": True}
    trainer = Trainer(config(data, tmp_path, **small, trajectory=False, expected_errors=False))
    trainer.begin_with(SHIPPED)
    assert trainer.networks.pose.error_head is None


def test_other_models_are_refused(tmp_path):
    wanted = ModelConfig(keypoint_format="coco17")
    with pytest.raises(CheckpointError, match="not a model folder"):
        read_model_folder(tmp_path, wanted)
    with pytest.raises(CheckpointError, match="keypoint_format is coco17, this run's another"):
        read_model_folder(SHIPPED, ModelConfig(keypoint_format="h36m17"))
    with pytest.raises(CheckpointError, match="normalisation is person"):
        read_model_folder(SHIPPED, ModelConfig(keypoint_format="coco17", normalisation="screen"))
    graph = onnx.load(SHIPPED / CLIP_GRAPH)
    graph.graph.node.append(onnx.helper.make_node("MatMulInteger", ["a", "b"], ["c"]))
    (tmp_path / CLIP_GRAPH).write_bytes(graph.SerializeToString())
    with pytest.raises(CheckpointError, match=r"32 or 16 bits.*found MatMulInteger"):
        read_model_folder(tmp_path, wanted)
