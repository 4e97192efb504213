"""The clip graph: a trained model as plain ONNX operators, with its edge padding inside.

Batch normalisation is folded into the weights; convolutions are matrix products over concatenated
taps, channels last. Edges are padded lazily: where the input is constant every activation is
constant, so instead of repeating the edge frame at the input, each layer repeats its own edge
activation, and only as far as later layers look. The result is the paper's padding (§3), exactly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.model.error_head import ErrorHead
from training.model.temporal_model import TemporalModel

OPSET = 17
IR_VERSION = 9
KEYPOINTS, POSES, TRAJECTORY = "keypoints", "poses", "trajectory"
EXPECTED_ERRORS = "expected_errors"
_TO_THE_END = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Layer:
    """A convolution with its batch normalisation folded in."""

    weight: NDArray[np.float32]
    """(taps · channels in, channels out)"""
    bias: NDArray[np.float32]
    taps: int
    dilation: int

    @property
    def span(self) -> int:
        """How many frames fewer come out than go in."""
        return self.dilation * (self.taps - 1)


def folded(convolution: nn.Conv1d, batch_norm: nn.BatchNorm1d) -> Layer:
    """Merge a convolution without bias and the batch normalisation behind it."""
    mean, variance = batch_norm.running_mean, batch_norm.running_var
    assert mean is not None
    assert variance is not None
    scale = batch_norm.weight / torch.sqrt(variance + batch_norm.eps)
    bias = batch_norm.bias - mean * scale
    weight = convolution.weight * scale[:, None, None]
    return _layer(weight.detach().numpy(), bias.detach().numpy(), convolution)


def _layer(weight: NDArray[np.floating], bias: NDArray[np.floating], c: nn.Conv1d) -> Layer:
    # (out, in, tap) → (tap, in, out): the order of the concatenated taps.
    matrix = weight.transpose(2, 1, 0).reshape(-1, weight.shape[0])
    return Layer(
        np.ascontiguousarray(matrix, dtype=np.float32),
        bias.astype(np.float32),
        c.kernel_size[0],
        c.dilation[0],
    )


@dataclass(frozen=True)
class _Margins:
    """How many positions beyond the clip's own an activation holds on each side."""

    left: int
    right: int

    @classmethod
    def both(cls, frames: int, causal: bool) -> "_Margins":
        return cls(frames, 0) if causal else cls(frames // 2, frames // 2)


@dataclass(frozen=True)
class ErrorLayers:
    """The layers of an error head, the statistics of its input folded into the first."""

    hidden: Layer
    last: Layer
    range: tuple[float, float]

    @classmethod
    def of(cls, head: ErrorHead) -> "ErrorLayers":
        """The layers of a trained head."""
        mean, variance = head.scale.running_mean, head.scale.running_var
        assert mean is not None
        assert variance is not None
        weight = head.hidden.weight / torch.sqrt(variance + head.scale.eps)
        bias = head.hidden.bias - weight @ mean
        return cls(_matrix(weight, bias), _matrix(head.out.weight, head.out.bias), head.range)


def _matrix(weight: Tensor, bias: Tensor) -> Layer:
    matrix = np.ascontiguousarray(weight.detach().numpy().T, dtype=np.float32)
    return Layer(matrix, bias.detach().numpy().astype(np.float32), taps=1, dilation=1)


@dataclass(frozen=True)
class Layers:
    """A network's layers in the order in which they run."""

    first: Layer
    blocks: tuple[tuple[Layer, Layer], ...]
    """The wide and the narrow convolution of each residual block (the paper, figure 2)."""
    last: Layer
    errors: "ErrorLayers | None"

    @classmethod
    def of(cls, model: TemporalModel) -> "Layers":
        """The layers of a trained model, batch normalisation folded in."""
        folds = [
            folded(convolution, batch_norm)  # type: ignore[arg-type]
            for convolution, batch_norm in zip(model.layers_conv, model.layers_bn, strict=True)
        ]
        shrink = model.shrink
        bias = shrink.bias.detach().numpy()  # type: ignore[union-attr]
        return cls(
            folded(model.expand_conv, model.expand_bn),
            tuple(zip(folds[::2], folds[1::2], strict=True)),
            _layer(shrink.weight.detach().numpy(), bias, shrink),
            None if model.error_head is None else ErrorLayers.of(model.error_head),
        )

    @property
    def wide(self) -> list[Layer]:
        """The layers that see more than one frame: the first, and one of each block."""
        return [self.first, *(wide for wide, _ in self.blocks)]


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


@dataclass
class Builder:
    """Collects nodes and constants under names that cannot collide."""

    prefix: str
    causal: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401
        """Add an operator; the name of its output."""
        name = f"{self.prefix}_{len(self.nodes)}_{operator.lower()}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, value: NDArray[np.generic]) -> str:
        """Add a constant; its name."""
        name = f"{self.prefix}_constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def integers(self, *values: int) -> str:
        """Add a list of integers, as shapes and slices want them; its name."""
        return self.constant(np.array(values, dtype=np.int64))

    def slice_frames(self, x: str, start: int, frames_lost: int) -> str:
        """Frames from ``start`` on, ``frames_lost`` fewer than there are."""
        if frames_lost == 0:
            return x
        drop = frames_lost - start
        stop = -drop if drop else _TO_THE_END
        return self.node("Slice", x, self.integers(start), self.integers(stop), self.integers(1))

    def repeat_edges(self, x: str, held: _Margins, needed: _Margins) -> str:
        """Extend an activation that holds some margins to those needed."""
        left, right = needed.left - held.left, needed.right - held.right
        if left == right == 0:
            return x
        return self.node("Pad", x, self.integers(0, left, 0, 0, right, 0), mode="edge")

    def taps(self, x: str, layer: Layer) -> str:
        """Concatenate the frames each output sees along the channels."""
        starts = range(0, layer.span + 1, layer.dilation)
        parts = [self.slice_frames(x, start, layer.span) for start in starts]
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=2)

    def product(self, x: str, layer: Layer, operator: str = "MatMul") -> str:
        """Multiply by a layer's weights and add its bias; ``Gemm`` for two dimensions only."""
        weight, bias = self.constant(layer.weight), self.constant(layer.bias)
        if operator == "Gemm":
            return self.node("Gemm", x, weight, bias)
        return self.node("Add", self.node("MatMul", x, weight), bias)

    def rectified(self, rows: str, *layers: Layer) -> str:
        """Layers with their activations, one after the other, on a two-dimensional matrix."""
        for layer in layers:
            rows = self.node("Relu", self.product(rows, layer, "Gemm"))
        return rows

    def block(self, x: str, wide: Layer, narrow: Layer) -> str:
        """A residual block (the paper, figure 2).

        Both products run on two-dimensional matrices, in which runtimes fuse bias and
        activation; only the residual needs the frames back.
        """
        start = wide.span if self.causal else wide.span // 2
        residual = self.slice_frames(x, start, wide.span)
        rows = self.node("Reshape", self.taps(x, wide), self.integers(-1, wide.weight.shape[0]))
        frames = self.node(
            "Reshape", self.rectified(rows, wide, narrow), self.node("Shape", residual)
        )
        return self.node("Add", residual, frames)

    def read(
        self, x: str, layers: Layers, name: str, lead: tuple[int, ...], operator: str = "MatMul"
    ) -> None:
        """Make the outputs that are read from features, with these leading axes."""
        joints = layers.last.weight.shape[1] // 3
        points = (3,) if name == TRAJECTORY else (joints, 3)
        self.output(self.product(x, layers.last, operator), name, *lead, *points)
        if layers.errors is not None:
            hidden = self.node("Relu", self.product(x, layers.errors.hidden, operator))
            raw = self.product(hidden, layers.errors.last, operator)
            least, most = (self.constant(np.array(end, np.float32)) for end in layers.errors.range)
            errors = self.node("Exp", self.node("Clip", raw, least, most))
            self.output(errors, EXPECTED_ERRORS, *lead, joints)

    def output(self, x: str, name: str, *shape: int) -> None:
        """Give a tensor the shape and the name of one of the graph's outputs."""
        self.nodes.append(
            helper.make_node("Reshape", [x, self.integers(*shape)], [name], name=name)
        )


def _branch(model: TemporalModel, output: str) -> Builder:
    """Everything from the keypoints to one output."""
    build = Builder(output, model.causal)
    layers = Layers.of(model)
    plan = margins([layer.span for layer in layers.wide], model.causal)

    x = build.node("Reshape", KEYPOINTS, build.integers(0, 0, -1))
    needed, held = next(plan)
    x = build.repeat_edges(x, _Margins(0, 0), needed)
    x = build.node("Relu", build.product(build.taps(x, layers.first), layers.first))
    for wide, narrow in layers.blocks:
        needed, made = next(plan)
        x = build.block(build.repeat_edges(x, held, needed), wide, narrow)
        held = made
    build.read(x, layers, output, (0, 0))
    return build


def output_shapes(
    model: TemporalModel, trajectory: TemporalModel | None
) -> dict[str, tuple[int, ...]]:
    """The outputs of a model's graphs, and their shapes behind batch and frames."""
    outputs: dict[str, tuple[int, ...]] = {POSES: (model.joints_out, 3)}
    if trajectory is not None:
        outputs[TRAJECTORY] = (3,)
    if model.error_head is not None:
        outputs[EXPECTED_ERRORS] = (model.joints_out,)
    return outputs


def clip_graph(
    model: TemporalModel, joints_in: int, channels_in: int, trajectory: TemporalModel | None = None
) -> onnx.ModelProto:
    """Build the graph ``keypoints`` (batch, frames, joints, channels) → `output_shapes`.

    Frames in and out are as many; batch and frames are free.
    """
    branches = [_branch(model, POSES)]
    if trajectory is not None:
        branches.append(_branch(trajectory, TRAJECTORY))
    outputs = [_clips(name, *shape) for name, shape in output_shapes(model, trajectory).items()]
    return assembled("clip", branches, [_clips(KEYPOINTS, joints_in, channels_in)], outputs)


def assembled(
    name: str,
    parts: Sequence[Builder],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    """A whole graph from what builders have collected."""
    graph = helper.make_graph(
        [node for part in parts for node in part.nodes],
        name,
        inputs,
        outputs,
        [constant for part in parts for constant in part.constants],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="poselift"
    )


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


def _clips(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "frames", *shape])
