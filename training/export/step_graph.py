"""The step graph, and the graph that rebuilds its state: causal models, one frame at a time.

A new frame needs, of each layer that sees several frames, only its inputs of w − 1 frames before,
d apart (width w, dilation d). They are kept in rings outside: ``past`` rows go in, the newest row
comes out. A track's first frame is ``fresh``: its own activation stands for all that came before
it, which is the paper's padding (§3), exactly.
"""

import onnx
from onnx import TensorProto

from training.export.graph_builder import (
    KEYPOINTS,
    POSES,
    TRAJECTORY,
    Builder,
    Layer,
    Layers,
    assembled,
    batched,
    output_shapes,
)
from training.model.temporal_model import TemporalModel

FRESH = "fresh"


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
    fresh = shared.reshape(FRESH, -1, 1, 1)
    frame = shared.reshape(KEYPOINTS, 0, -1)
    inputs = [batched(KEYPOINTS, joints_in, channels_in), batched(FRESH, kind=TensorProto.BOOL)]
    if (width := model.filter_widths[0]) > 1:
        inputs.append(batched(f"{KEYPOINTS}_past", width - 1, joints_in * channels_in))
    branches = [
        _step_branch(network, output, frame, fresh)
        for output, network in _networks(model, trajectory)
    ]
    outputs = [batched(name, *shape) for name, shape in output_shapes(model, trajectory).items()]
    return assembled("step", [shared, *branches], inputs, outputs)


def _networks(
    model: TemporalModel, trajectory: TemporalModel | None
) -> list[tuple[str, TemporalModel]]:
    if not all(network.causal for network in (model, trajectory) if network is not None):
        raise ValueError("only causal models can be stepped")
    return [(POSES, model)] + ([] if trajectory is None else [(TRAJECTORY, trajectory)])


def _step_branch(model: TemporalModel, output: str, frame: str, fresh: str) -> Builder:
    build = Builder(output, causal=True)
    layers = Layers.of(model)
    first = _with_past(build, frame, fresh, layers.first, f"{KEYPOINTS}_past")
    x = build.rectified(first, layers.first)
    for number, (wide, narrow) in enumerate(layers.blocks, start=1):
        past, row = f"{output}_past_{number}", f"{output}_row_{number}"
        if wide.taps > 1:
            build.output(x, row, 0, -1)
            build.inputs.append(batched(past, wide.taps - 1, wide.channels_in))
            build.outputs.append(batched(row, wide.channels_in))
        rows = build.rectified(_with_past(build, x, fresh, wide, past), wide, narrow)
        x = build.node("Add", x, rows)
    build.read(x, layers, output, 0)
    return build


def _with_past(build: Builder, x: str, fresh: str, layer: Layer, past: str) -> str:
    """The rows that a layer sees at this frame side by side, oldest first."""
    if layer.taps == 1:
        return x
    now = build.node("Unsqueeze", x, build.integers(1))
    seen = build.node("Where", fresh, now, past)
    return build.reshape(build.node("Concat", seen, now, axis=1), 0, -1)


def rings_graph(
    model: TemporalModel, joints_in: int, channels_in: int, trajectory: TemporalModel | None = None
) -> onnx.ModelProto:
    """Build the graph that fills the rings of tracks in one pass over their past.

    In: ``keypoints`` (batch, receptive field − 1, joints, channels), a younger track's first frame
    repeated before it. Out: ``…_ring_N`` (batch, (w − 1)·d, channels), the layers' last inputs,
    oldest first. The first layer's are the last frames of ``keypoints`` themselves.
    """
    networks = _networks(model, trajectory)
    branches = [_rings_branch(network, output) for output, network in networks]
    keypoints = batched(KEYPOINTS, model.receptive_field - 1, joints_in, channels_in)
    return assembled("rings", branches, [keypoints])


def _rings_branch(model: TemporalModel, output: str) -> Builder:
    build = Builder(output, causal=True)
    layers = Layers.of(model)
    x = build.first(build.reshape(KEYPOINTS, 0, 0, -1), layers.first)
    held = model.receptive_field - 1 - layers.first.span
    last = max((n for n, wide in enumerate(layers.wide) if wide.taps > 1), default=0)
    for number, (wide, narrow) in enumerate(layers.blocks[:last], start=1):
        if wide.taps > 1:
            ring, start = f"{output}_ring_{number}", held - wide.span
            build.output(build.slice_frames(x, start, start), ring, 0, 0, -1)
            build.outputs.append(batched(ring, wide.span, wide.channels_in))
        if number < last:
            x = build.block(x, wide, narrow)
            held -= wide.span
    return build
