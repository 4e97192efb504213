"""A network's layers with batch normalisation folded in, and what all ONNX graphs of them share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from training.array_types import Floats
from training.model.temporal_model import ErrorHead, TemporalModel


@dataclass(frozen=True)
class Layer:
    """A convolution as a matrix product over concatenated taps."""

    weight: Floats
    """(taps · channels in, channels out)"""
    bias: Floats
    taps: int
    dilation: int

    @property
    def span(self) -> int:
        """How many frames fewer come out than go in."""
        return self.dilation * (self.taps - 1)

    @property
    def channels_in(self) -> int:
        """Channels of one frame."""
        return int(self.weight.shape[0]) // self.taps


@dataclass(frozen=True)
class ErrorLayers:
    """The layers of an error head, the statistics of its input folded into the first."""

    hidden: Layer
    last: Layer
    range: tuple[float, float]

    @classmethod
    def of(cls, head: ErrorHead) -> "ErrorLayers":
        """The layers of a trained head."""
        mean, deviation = _statistics(head.scale)
        weight = head.hidden.weight / deviation
        hidden = _layer(weight[..., None], head.hidden.bias - weight @ mean)
        return cls(hidden, _layer(head.out.weight[..., None], head.out.bias), head.range)


@dataclass(frozen=True)
class Layers:
    """A network's layers in the order in which they run."""

    first: Layer
    blocks: tuple[tuple[Layer, Layer], ...]
    """The wide and the narrow convolution of each residual block (the paper, figure 2)."""
    last: Layer
    errors: ErrorLayers | None

    @classmethod
    def of(cls, model: TemporalModel) -> "Layers":
        """The layers of a trained model."""
        folds = [
            _folded(convolution, batch_norm)  # type: ignore[arg-type]
            for convolution, batch_norm in zip(model.layers_conv, model.layers_bn, strict=True)
        ]
        assert model.shrink.bias is not None
        return cls(
            _folded(model.expand_conv, model.expand_bn),
            tuple(zip(folds[::2], folds[1::2], strict=True)),
            _layer(model.shrink.weight, model.shrink.bias),
            None if model.error_head is None else ErrorLayers.of(model.error_head),
        )

    @property
    def wide(self) -> list[Layer]:
        """The layers that see more than one frame: the first, and one of each block."""
        return [self.first, *(wide for wide, _ in self.blocks)]


def _folded(convolution: nn.Conv1d, batch_norm: nn.BatchNorm1d) -> Layer:
    mean, deviation = _statistics(batch_norm)
    scale = batch_norm.weight / deviation
    weight = convolution.weight * scale[:, None, None]
    return _layer(weight, batch_norm.bias - mean * scale, convolution.dilation[0])


def _statistics(batch_norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    mean, variance = batch_norm.running_mean, batch_norm.running_var
    assert mean is not None
    assert variance is not None
    return mean, torch.sqrt(variance + batch_norm.eps)


def _layer(weight: Tensor, bias: Tensor, dilation: int = 1) -> Layer:
    """A convolution of these weights (out, in, tap)."""
    # The matrix is (tap, in, out): the order of the concatenated taps.
    matrix = weight.detach().numpy().transpose(2, 1, 0).reshape(-1, weight.shape[0])
    return Layer(
        np.ascontiguousarray(matrix, dtype=np.float32),
        bias.detach().numpy().astype(np.float32),
        weight.shape[2],
        dilation,
    )


OPSET = 17
IR_VERSION = 9
KEYPOINTS, POSES, TRAJECTORY = "keypoints", "poses", "trajectory"
EXPECTED_ERRORS = "expected_errors"
_TO_THE_END = np.iinfo(np.int64).max


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


def batched(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """An input or output whose first axis is the batch."""
    return helper.make_tensor_value_info(name, kind, ["batch", *shape])


@dataclass
class Builder:
    """Collects nodes and constants under names that cannot collide, and inputs and outputs."""

    prefix: str
    causal: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    outputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    """Besides those of `output_shapes`."""

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

    def reshape(self, x: str, *shape: int) -> str:
        """Add a reshape; 0 keeps a length, −1 is the rest."""
        return self.node("Reshape", x, self.integers(*shape))

    def slice_frames(self, x: str, start: int, frames_lost: int) -> str:
        """Frames from ``start`` on, ``frames_lost`` fewer than there are."""
        if frames_lost == 0:
            return x
        drop = frames_lost - start
        stop = -drop if drop else _TO_THE_END
        return self.node("Slice", x, self.integers(start), self.integers(stop), self.integers(1))

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

    def first(self, x: str, layer: Layer) -> str:
        """The first layer over frames, with its activation."""
        return self.node("Relu", self.product(self.taps(x, layer), layer))

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
        rows = self.rectified(
            self.reshape(self.taps(x, wide), -1, wide.weight.shape[0]), wide, narrow
        )
        frames = self.node("Reshape", rows, self.node("Shape", residual))
        return self.node("Add", residual, frames)

    def read(self, x: str, layers: Layers, name: str, *lead: int) -> None:
        """Make the outputs that are read from features, with these leading axes."""
        operator = "Gemm" if len(lead) == 1 else "MatMul"
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


def assembled(
    name: str,
    parts: Sequence[Builder],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto] = (),
) -> onnx.ModelProto:
    """A whole graph from what builders have collected, these inputs and outputs first."""
    graph = helper.make_graph(
        [node for part in parts for node in part.nodes],
        name,
        [*inputs, *(each for part in parts for each in part.inputs)],
        [*outputs, *(each for part in parts for each in part.outputs)],
        [constant for part in parts for constant in part.constants],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="poselift"
    )
