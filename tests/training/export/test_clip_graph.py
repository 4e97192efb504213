"""The clip graph: lazily padded inside, yet equal to the plain network on padded input."""

import numpy as np
import onnx
import pytest
import torch

from poselift.card import Training
from poselift.runtime.clip import ClipModel
from tests.models import model_folder, network
from training.export.clip_graph import clip_graph, halved, margins
from training.export.export_parity import Exported, ExportError, check_parity
from training.export.model_folder import export
from training.model.temporal_model import TemporalModel, pad_edges

LENGTHS = [*range(1, 41), 243, 500]


def loaded(tmp_path, model, trajectory=None):
    folder = tmp_path / "model"
    exported = Exported("model", model, trajectory, "coco17", "screen", "none", TRAINING_UNKNOWN)
    export(exported, folder)
    return ClipModel.load(folder, "cpu", threads=1)


TRAINING_UNKNOWN = Training(data="none: random weights", frame_rates=())


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", [(1,), (3,), (3, 3, 3), (3, 5, 5), (5, 1, 3), (3, 3, 3, 3, 3)])
def test_lazy_padding_equals_repeating_edge_frames_at_the_input(tmp_path, widths, causal):
    torch.manual_seed(4)
    model = network(17, 17, widths, causal, 8)
    lifter = loaded(tmp_path, model)
    for frames in LENGTHS:
        clips = torch.randn(2, frames, 17, 2)
        with torch.inference_mode():
            expected = model(pad_edges(clips, model.receptive_field, causal)).numpy()
        np.testing.assert_allclose(lifter.lift(clips.numpy()).poses, expected, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_extending_a_clip_with_its_last_frame_changes_nothing(tmp_path, causal):
    """Ragged batches are exact because of this."""
    lifter = ClipModel.load(model_folder(tmp_path / "m", causal=causal), "cpu", threads=1)
    clip = np.random.default_rng(0).normal(size=(1, 30, 17, 2)).astype(np.float32)
    extended = np.concatenate([clip, np.repeat(clip[:, -1:], 50, axis=1)], axis=1)
    np.testing.assert_allclose(
        lifter.lift(extended).poses[:, :30], lifter.lift(clip).poses, atol=1e-5
    )


def test_padding_is_as_late_as_possible():
    """Receptive field 243: 118 block positions for one frame instead of 616, 222 for 27."""
    spans = [2, 6, 18, 54, 162]

    def positions(frames):
        held = [made.left + made.right for _, made in margins(spans, causal=False)]
        return sum(frames + margin for margin in held[1:])

    assert (positions(1), positions(27)) == (118, 222)


@pytest.mark.parametrize("causal", [False, True])
def test_trajectory_and_expected_errors_are_outputs_too(tmp_path, causal):
    torch.manual_seed(5)
    pose = network(17, 17, (3, 3), causal, 8, expected_errors=True)
    trajectory = network(17, 1, (3, 3), causal, 8)
    lifter = loaded(tmp_path, pose, trajectory)
    clip = torch.randn(1, 20, 17, 2)
    lifted = lifter.lift(clip.numpy())
    with torch.inference_mode():
        padded = pad_edges(clip, 9, causal)
        expected = trajectory(padded)[:, :, 0].numpy()
        errors = pose.error_head(pose.features(padded)).exp().numpy()
    np.testing.assert_allclose(lifted.expected_errors, errors, rtol=1e-4)
    assert lifted.poses.shape == (1, 20, 17, 3)
    np.testing.assert_allclose(lifted.trajectory, expected, atol=1e-5)


def test_operators_are_plain_and_both_first_axes_free():
    graph = clip_graph(TemporalModel(17, 2, 17, (3, 3, 3), channels=8).eval(), 17, 2)
    plain = {"Add", "Concat", "Gemm", "MatMul", "Pad", "Relu", "Reshape", "Shape", "Slice"}
    assert {node.op_type for node in graph.graph.node} <= plain
    for tensor in (*graph.graph.input, *graph.graph.output):
        axes = [axis.dim_param for axis in tensor.type.tensor_type.shape.dim[:2]]
        assert axes == ["batch", "frames"]
    onnx.checker.check_model(graph, full_check=True)


def test_the_dense_ablation_exports_too(tmp_path):
    torch.manual_seed(6)
    model = TemporalModel(17, 2, 17, (3, 3, 3), channels=8, dense=True).eval()
    lifter = loaded(tmp_path, model)
    clip = torch.randn(1, 30, 17, 2)
    with torch.inference_mode():
        expected = model(pad_edges(clip, 27, causal=False)).numpy()
    np.testing.assert_allclose(lifter.lift(clip.numpy()).poses, expected, atol=1e-5)


def test_half_precision_only_concerns_the_file():
    model = clip_graph(TemporalModel(17, 2, 17, (3, 3), channels=8).eval(), 17, 2)
    half = halved(model)
    kinds = {len(c.dims): c.data_type for c in half.graph.initializer if c.name.endswith("_half")}
    assert kinds == {2: onnx.TensorProto.FLOAT16}
    assert half.ByteSize() < 0.8 * model.ByteSize()
    inferred = onnx.shape_inference.infer_shapes(half, check_type=True, strict_mode=True)
    kinds = {value.type.tensor_type.elem_type for value in inferred.graph.value_info}
    assert kinds <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}


def test_a_wrong_graph_is_refused(tmp_path):
    folder = model_folder(tmp_path / "m", seed=1)
    torch.manual_seed(2)
    other = Exported(
        "other",
        network(17, 17, (3, 3, 3), False, 16),
        None,
        "coco17",
        "screen",
        "none",
        TRAINING_UNKNOWN,
    )
    with pytest.raises(ExportError, match=r"poses of a random clip of 1 frames: .* differ by"):
        check_parity(folder, other)
