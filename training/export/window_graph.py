"""The window graph: a symmetric model's pose of one frame, from the window around it.

It computes only what the one frame needs (the strided form of Appendix A.6), as the training twin
does. The window is padded outside: who looks only a little ahead repeats the last frame it has.
"""

import onnx
from onnx import TensorProto, helper

from training.export.clip_graph import (
    KEYPOINTS,
    POSES,
    TRAJECTORY,
    Builder,
    Layers,
    assembled,
    output_shapes,
)
from training.model.temporal_model import TemporalModel


def window_graph(
    model: TemporalModel, joints_in: int, channels_in: int, trajectory: TemporalModel | None = None
) -> onnx.ModelProto:
    """Build the graph ``keypoints`` (batch, receptive field, joints, channels) → one frame each.

    Out: `output_shapes`.
    """
    branches = [_branch(model, POSES)]
    if trajectory is not None:
        branches.append(_branch(trajectory, TRAJECTORY))
    outputs = [_rows(name, *shape) for name, shape in output_shapes(model, trajectory).items()]
    keypoints = _rows(KEYPOINTS, model.receptive_field, joints_in, channels_in)
    return assembled("window", branches, [keypoints], outputs)


def _branch(model: TemporalModel, output: str) -> Builder:
    if model.dense or model.causal:
        raise ValueError("only dilated, symmetric models have a window graph")
    build = Builder(output, causal=False)
    layers = Layers.of(model)
    taps = build.integers(-1, layers.first.weight.shape[0])
    x = build.rectified(build.node("Reshape", KEYPOINTS, taps), layers.first)
    for wide, narrow in layers.blocks:
        rows = build.node("Reshape", x, build.integers(-1, wide.weight.shape[0]))
        grouped = build.node("Reshape", x, build.integers(-1, wide.taps, narrow.weight.shape[0]))
        middle = build.node("Slice", grouped, *map(build.integers, _middle(wide.taps)))
        residual = build.node("Reshape", middle, build.integers(-1, narrow.weight.shape[0]))
        x = build.node("Add", residual, build.rectified(rows, wide, narrow))
    build.read(x, layers, output, (0,), "Gemm")
    return build


def _middle(taps: int) -> tuple[int, int, int]:
    """Start, stop and axis of the frame in the middle."""
    return taps // 2, taps // 2 + 1, 1


def _rows(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
