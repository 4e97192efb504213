"""The step graph, and the graph that rebuilds its state: causal models, one frame at a time.

A new frame needs, of each layer that sees several frames, only its inputs of w − 1 frames before,
d apart (width w, dilation d). They are kept in rings outside: ``past`` rows go in, the newest row
comes out. A track's first frame is ``fresh``: its own activation stands for all that came before
it, which is the paper's padding (§3), exactly.
"""

from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper

from training.export.clip_graph import (
    KEYPOINTS,
    POSES,
    TRAJECTORY,
    Builder,
    Layer,
    Layers,
    assembled,
    output_shapes,
)
from training.model.temporal_model import TemporalModel

FRESH = "fresh"
_ROWS = "{}_row_{}"
_PAST = "{}_past_{}"
_RING = "{}_ring_{}"


@dataclass
class _Tensors:
    """The inputs and outputs that a graph has besides the keypoints."""

    inputs: list[onnx.ValueInfoProto]
    outputs: list[onnx.ValueInfoProto]


def step_graph(
    model: TemporalModel, joints_in: int, channels_in: int, trajectory: TemporalModel | None = None
) -> onnx.ModelProto:
    """Build the graph that lifts one frame of each of a batch of tracks.

    In: ``keypoints`` (batch, joints, channels), ``fresh`` (batch) bool, and for each layer wider
    than one frame ``…_past_N`` (batch, w − 1, its input channels), oldest first; ``keypoints_past``
    for the first layer. Out: `output_shapes`, and ``…_row_N`` (batch, channels), the rows to
    keep; what the first layer keeps is ``keypoints``.
    """
    shared = Builder(KEYPOINTS, causal=True)
    fresh = shared.node("Reshape", FRESH, shared.integers(-1, 1, 1))
    frame = shared.node("Reshape", KEYPOINTS, shared.integers(0, -1))
    width = model.filter_widths[0]
    tensors = _Tensors(
        [_rows(KEYPOINTS, joints_in, channels_in), _rows(FRESH, kind=TensorProto.BOOL)], []
    )
    if width > 1:
        tensors.inputs.append(_rows(f"{KEYPOINTS}_past", width - 1, joints_in * channels_in))
    parts = [shared]
    for output, network in _networks(model, trajectory):
        parts.append(_step_branch(network, output, frame, fresh, tensors))
    outputs = [_rows(name, *shape) for name, shape in output_shapes(model, trajectory).items()]
    return assembled("step", parts, tensors.inputs, [*outputs, *tensors.outputs])


def _networks(
    model: TemporalModel, trajectory: TemporalModel | None
) -> list[tuple[str, TemporalModel]]:
    if not all(network.causal for network in (model, trajectory) if network is not None):
        raise ValueError("only causal models can be stepped")
    return [(POSES, model)] + ([] if trajectory is None else [(TRAJECTORY, trajectory)])


def _step_branch(
    model: TemporalModel, output: str, frame: str, fresh: str, tensors: _Tensors
) -> Builder:
    build = Builder(output, causal=True)
    layers = Layers.of(model)
    x = build.rectified(
        _with_past(build, frame, fresh, layers.first, f"{KEYPOINTS}_past"), layers.first
    )
    for number, (wide, narrow) in enumerate(layers.blocks, start=1):
        past, row = _PAST.format(output, number), _ROWS.format(output, number)
        channels = wide.weight.shape[0] // wide.taps
        if wide.taps > 1:
            build.output(x, row, 0, -1)
            tensors.inputs.append(_rows(past, wide.taps - 1, channels))
            tensors.outputs.append(_rows(row, channels))
        x = build.node(
            "Add", x, build.rectified(_with_past(build, x, fresh, wide, past), wide, narrow)
        )
    build.read(x, layers, output, (0,), "Gemm")
    return build


def _with_past(build: Builder, x: str, fresh: str, layer: Layer, past: str) -> str:
    """The rows that a layer sees at this frame side by side, oldest first."""
    if layer.taps == 1:
        return x
    now = build.node("Unsqueeze", x, build.integers(1))
    seen = build.node("Where", fresh, now, past)
    rows = build.node("Concat", seen, now, axis=1)
    return build.node("Reshape", rows, build.integers(0, -1))


def rings_graph(
    model: TemporalModel, joints_in: int, channels_in: int, trajectory: TemporalModel | None = None
) -> onnx.ModelProto:
    """Build the graph that fills the rings of tracks in one pass over their past.

    In: ``keypoints`` (batch, receptive field − 1, joints, channels), a younger track's first frame
    repeated before it. Out: ``…_ring_N`` (batch, (w − 1)·d, channels), the layers' last inputs,
    oldest first. The first layer's are the last frames of ``keypoints`` themselves.
    """
    tensors = _Tensors([], [])
    parts = [
        _rings_branch(network, output, tensors) for output, network in _networks(model, trajectory)
    ]
    keypoints = _rows(KEYPOINTS, model.receptive_field - 1, joints_in, channels_in)
    return assembled("rings", parts, [keypoints], tensors.outputs)


def _rings_branch(model: TemporalModel, output: str, tensors: _Tensors) -> Builder:
    build = Builder(output, causal=True)
    layers = Layers.of(model)
    x = build.node("Reshape", KEYPOINTS, build.integers(0, 0, -1))
    x = build.node("Relu", build.product(build.taps(x, layers.first), layers.first))
    held = model.receptive_field - 1 - layers.first.span
    last = max((n for n, wide in enumerate(layers.wide) if wide.taps > 1), default=0)
    for number, (wide, narrow) in enumerate(layers.blocks, start=1):
        if number > last:
            break
        if wide.taps > 1:
            ring, channels = _RING.format(output, number), wide.weight.shape[0] // wide.taps
            build.output(build.slice_frames(x, held - wide.span, held - wide.span), ring, 0, 0, -1)
            tensors.outputs.append(_rows(ring, wide.span, channels))
        if number < last:
            x = build.block(x, wide, narrow)
            held -= wide.span
    return build


def _rows(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, ["batch", *shape])
