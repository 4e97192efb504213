"""A trained network's layers as matrices, with batch normalisation folded into the weights."""

from dataclasses import dataclass

import numpy as np
import torch
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
