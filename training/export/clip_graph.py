"""The clip graph and the window graph: a trained model as plain ONNX operators.

Batch normalisation is folded into the weights; convolutions are matrix products over concatenated
taps, channels last.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.export.graph_builder import (
    KEYPOINTS,
    POSES,
    TRAJECTORY,
    Builder,
    Layers,
    assembled,
    batched,
    output_shapes,
)
from training.model.temporal_model import TemporalModel


class _Margins(NamedTuple):
    """How many positions beyond the clip's own an activation holds on each side."""

    left: int
    right: int

    @classmethod
    def both(cls, frames: int, causal: bool) -> "_Margins":
        return cls(frames, 0) if causal else cls(frames // 2, frames // 2)


def clip_graph(
    model: TemporalModel, joints_in: int, channels_in: int, trajectory: TemporalModel | None = None
) -> onnx.ModelProto:
    """Build the graph ``keypoints`` (batch, frames, joints, channels) → `output_shapes`.

    Frames in and out are as many; batch and frames are free. Edges are padded lazily: where the
    input is constant every activation is constant, so instead of repeating the edge frame at the
    input, each layer repeats its own edge activation, and only as far as later layers look. The
    result is the paper's padding (§3), exactly.
    """
    branches = [_clip_branch(model, POSES)]
    if trajectory is not None:
        branches.append(_clip_branch(trajectory, TRAJECTORY))
    shapes = output_shapes(model, trajectory).items()
    outputs = [batched(name, "frames", *shape) for name, shape in shapes]
    keypoints = batched(KEYPOINTS, "frames", joints_in, channels_in)
    return assembled("clip", branches, [keypoints], outputs)


def margins(spans: list[int], causal: bool) -> Iterator[tuple[_Margins, _Margins]]:
    """For each layer, the margins it must be given and those of what it makes.

    After a layer, an activation differs from its edge only within the receptive field so far;
    later layers look no farther than the receptive field still to come. The smaller is kept.
    """
    total, done = sum(spans), 0
    for span in spans:
        done += span
        kept = min(done, total - done)
        yield _Margins.both(kept + span, causal), _Margins.both(kept, causal)


def _clip_branch(model: TemporalModel, output: str) -> Builder:
    """Everything from the keypoints to one output."""
    build = Builder(output, model.causal)
    layers = Layers.of(model)
    plan = margins([layer.span for layer in layers.wide], model.causal)
    x = build.reshape(KEYPOINTS, 0, 0, -1)
    needed, held = next(plan)
    x = build.first(_repeat_edges(build, x, _Margins(0, 0), needed), layers.first)
    for wide, narrow in layers.blocks:
        needed, made = next(plan)
        x = build.block(_repeat_edges(build, x, held, needed), wide, narrow)
        held = made
    build.read(x, layers, output, 0, 0)
    return build


def _repeat_edges(build: Builder, x: str, held: _Margins, needed: _Margins) -> str:
    """Extend an activation that holds some margins to those needed."""
    left, right = needed.left - held.left, needed.right - held.right
    if left == right == 0:
        return x
    return build.node("Pad", x, build.integers(0, left, 0, 0, right, 0), mode="edge")


def window_graph(
    model: TemporalModel, joints_in: int, channels_in: int, trajectory: TemporalModel | None = None
) -> onnx.ModelProto:
    """Build the graph ``keypoints`` (batch, receptive field, joints, channels) → one frame each.

    It computes only what the middle frame of a symmetric model needs (the strided form of
    Appendix A.6), as the training twin does. Windows are padded outside. Out: `output_shapes`.
    """
    branches = [_window_branch(model, POSES)]
    if trajectory is not None:
        branches.append(_window_branch(trajectory, TRAJECTORY))
    outputs = [batched(name, *shape) for name, shape in output_shapes(model, trajectory).items()]
    keypoints = batched(KEYPOINTS, model.receptive_field, joints_in, channels_in)
    return assembled("window", branches, [keypoints], outputs)


def _window_branch(model: TemporalModel, output: str) -> Builder:
    if model.dense or model.causal:
        raise ValueError("only dilated, symmetric models have a window graph")
    build = Builder(output, causal=False)
    layers = Layers.of(model)
    x = build.rectified(build.reshape(KEYPOINTS, -1, layers.first.weight.shape[0]), layers.first)
    for wide, narrow in layers.blocks:
        rows = build.reshape(x, -1, wide.weight.shape[0])
        grouped = build.reshape(x, -1, wide.taps, narrow.weight.shape[0])
        start_stop_axis = wide.taps // 2, wide.taps // 2 + 1, 1
        middle = build.node("Slice", grouped, *map(build.integers, start_stop_axis))
        residual = build.reshape(middle, -1, narrow.weight.shape[0])
        x = build.node("Add", residual, build.rectified(rows, wide, narrow))
    build.read(x, layers, output, 0)
    return build


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with its weights stored in half precision; all arithmetic stays float32.

    Runtimes fold the casts when they load it, so only the file is smaller. Weights beyond the
    range of half precision become infinite.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    casts = []
    for constant in half.graph.initializer:
        if len(constant.dims) != 2:  # only matrices are large
            continue
        name = constant.name
        with np.errstate(over="ignore"):
            values = numpy_helper.to_array(constant).astype(np.float16)
        constant.CopyFrom(numpy_helper.from_array(values, f"{name}_half"))
        casts.append(helper.make_node("Cast", [constant.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    return half
