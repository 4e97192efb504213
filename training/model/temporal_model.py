"""The temporal convolution model of the paper (§3) and its strided training twin (Appendix A.6).

Tensor suffixes: B batch, T frames, J joints, C channels, D coordinates.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from operator import mul

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_DROPOUT_VALUES = 256
_ERROR_HIDDEN = 128
_ERROR_RANGE_M = (1e-3, 3.0)
_USUAL_ERROR_M = 0.08


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Zero a share of the activations at random and scale the others up, while training.

    On a CPU, PyTorch draws a random number for each activation, which took half of the time of a
    step of a small network. Here eight activations share a draw: a byte each, so the share dropped
    is exact to a 256th.
    """
    if x.device.type != "cpu" or not training or not share or torch.compiler.is_compiling():
        return F.dropout(x, share, training)
    dropped = min(round(share * _DROPOUT_VALUES), _DROPOUT_VALUES - 1)
    count = x.numel()
    draws = torch.empty((count + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = (draws.view(torch.uint8)[:count] >= dropped).view(x.shape)
    return x * kept.to(x.dtype).mul_(_DROPOUT_VALUES / (_DROPOUT_VALUES - dropped))


class ErrorHead(nn.Module):
    """From features (B, T, C) to the logarithm of each joint's expected error (B, T, K), metres.

    A small network on the features of the last layer, to which no gradient goes back. Trained by
    the exponential NLL of the errors, it predicts their mean.
    """

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(channels, affine=False)
        self.hidden = nn.Linear(channels, _ERROR_HIDDEN)
        self.out = nn.Linear(_ERROR_HIDDEN, joints)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.fill_(math.log(_USUAL_ERROR_M))

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest logarithm that it predicts."""
        least, most = map(math.log, _ERROR_RANGE_M)
        return least, most

    def forward(self, features_BTC: Tensor) -> Tensor:
        """The logarithms, of which no gradient goes back to the features."""
        rows = self.scale(features_BTC.detach().flatten(0, 1))
        logarithms: Tensor = self.out(F.relu(self.hidden(rows))).clamp(*self.range)
        return logarithms.reshape(*features_BTC.shape[:2], -1)


class TemporalModel(nn.Module):
    """Dilated temporal convolutions with residual blocks, over whole clips.

    An input convolution of the first width is followed by one block per further width; a block is
    a convolution whose dilation is the product of all earlier widths and one of width 1.
    Parameter names are those of the authors' checkpoints, so theirs load as they are.
    """

    def __init__(
        self,
        joints_in: int,
        channels_in: int,
        joints_out: int,
        filter_widths: Sequence[int],
        causal: bool = False,
        channels: int = 1024,
        dropout: float = 0.25,
        dense: bool = False,
        expected_errors: bool = False,
    ) -> None:
        super().__init__()
        if not filter_widths or any(width < 1 or width % 2 == 0 for width in filter_widths):
            raise ValueError(f"filter widths: expected odd numbers, got {list(filter_widths)}")
        self.joints_out = joints_out
        self.filter_widths = tuple(filter_widths)
        self.causal = causal
        self.dropout = dropout
        self.dense = dense
        # dilations[i] is that of width i: the product of all widths before it.
        self.dilations = tuple(accumulate(self.filter_widths[:-1], mul, initial=1))
        self.expand_conv = nn.Conv1d(
            joints_in * channels_in, channels, self.filter_widths[0], bias=False
        )
        self.expand_bn = nn.BatchNorm1d(channels)
        convolutions = []
        for width, dilation in zip(self.filter_widths[1:], self.dilations[1:], strict=True):
            # The dense ablation (Table 5) covers the same span with every tap present.
            size = dilation * (width - 1) + 1 if dense else width
            step = 1 if dense else dilation
            convolutions += [
                nn.Conv1d(channels, channels, size, dilation=step, bias=False),
                nn.Conv1d(channels, channels, 1, bias=False),
            ]
        self.layers_conv = nn.ModuleList(convolutions)
        self.layers_bn = nn.ModuleList(nn.BatchNorm1d(channels) for _ in convolutions)
        self.shrink = nn.Conv1d(channels, joints_out * 3, 1)
        self.error_head = ErrorHead(channels, joints_out) if expected_errors else None

    @property
    def receptive_field(self) -> int:
        """Frames that one output sees: the product of the widths."""
        return math.prod(self.filter_widths)

    def forward(self, keypoints_BTJD: Tensor) -> Tensor:
        """Map (B, T, J, D) to poses (B, T − receptive field + 1, joints_out, 3), unpadded."""
        return self.poses(self.features(keypoints_BTJD))

    def poses(self, features_BTC: Tensor) -> Tensor:
        """What the last layer makes of features: poses (B, T, joints_out, 3)."""
        poses = F.linear(features_BTC, self.shrink.weight[:, :, 0], self.shrink.bias)
        return poses.reshape(*poses.shape[:2], self.joints_out, 3)

    def features(self, keypoints_BTJD: Tensor) -> Tensor:
        """Everything before the last layer: (B, T − receptive field + 1, C)."""
        x = keypoints_BTJD.flatten(2).transpose(1, 2)
        x = self._activate(self.expand_conv(x), self.expand_bn)
        for block, (width, dilation) in enumerate(
            zip(self.filter_widths[1:], self.dilations[1:], strict=True)
        ):
            span = dilation * (width - 1)
            start = span if self.causal else span // 2
            residual = x[:, :, start : start + x.shape[2] - span]
            x = self._activate(self.layers_conv[2 * block](x), self.layers_bn[2 * block])
            x = self._activate(self.layers_conv[2 * block + 1](x), self.layers_bn[2 * block + 1])
            x = residual + x
        return x.transpose(1, 2)

    def _activate(self, x: Tensor, batch_norm: nn.Module) -> Tensor:
        return dropout(F.relu(batch_norm(x)), self.dropout, self.training)


class StridedTemporalModel(nn.Module):
    """The same network for windows of one target frame, or several (Appendix A.6).

    Stride replaces dilation in the first layers, so that only what the targets need is computed.
    A window of one receptive field has one target, and all layers are strided. A longer one has
    more, ``spacing`` frames apart; the layers that see farther than that are dilated on the grid
    of one position for so many frames, which neighbouring targets share. The weights are those of
    ``dilated``; a convolution is computed as a matrix product over concatenated taps.
    """

    def __init__(self, dilated: TemporalModel, spacing: int | None = None) -> None:
        super().__init__()
        if dilated.dense:
            raise ValueError("a dense model has no strided twin: train it on the dilated form")
        spacing = spacing or dilated.receptive_field
        possible = (*dilated.dilations[1:], dilated.receptive_field)
        if spacing not in possible:
            raise ValueError(f"spacing: expected one of {possible}, got {spacing}")
        self.dilated = dilated
        self.spacing = spacing

    def forward(self, windows_BTJD: Tensor) -> Tensor:
        """Map windows of S targets (B, T, J, D) to poses (B, S, joints_out, 3).

        T is a receptive field and S − 1 times the spacing.
        """
        return self.dilated.poses(self.features(windows_BTJD))

    def features(self, windows_BTJD: Tensor) -> Tensor:
        """Everything before the last layer: (B, S, C)."""
        model = self.dilated
        x = windows_BTJD.flatten(2)
        x = self._activate(_grouped(x, model.filter_widths[0]), model.expand_conv, model.expand_bn)
        for block, (width, dilation) in enumerate(
            zip(model.filter_widths[1:], model.dilations[1:], strict=True)
        ):
            middle = width - 1 if model.causal else width // 2
            if dilation < self.spacing:
                residual, taps = x[:, middle::width], _grouped(x, width)
            else:
                parts = _shifted(x, width, dilation // self.spacing)
                residual, taps = parts[middle], torch.cat(parts, dim=2)
            x = self._activate(taps, model.layers_conv[2 * block], model.layers_bn[2 * block])
            x = self._activate(x, model.layers_conv[2 * block + 1], model.layers_bn[2 * block + 1])
            x = residual + x
        return x

    def _activate(self, taps_BTC: Tensor, convolution: nn.Module, batch_norm: nn.Module) -> Tensor:
        weight = convolution.get_parameter("weight")  # (channels out, channels in, width)
        x = F.linear(taps_BTC.flatten(0, 1), weight.transpose(1, 2).flatten(1))
        x = dropout(F.relu(batch_norm(x)), self.dilated.dropout, self.training)
        return x.reshape(*taps_BTC.shape[:2], -1)


def _grouped(x_BTC: Tensor, width: int) -> Tensor:
    """The taps of a convolution whose stride is its width: (B, T / width, width · C)."""
    batch, frames, channels = x_BTC.shape
    return x_BTC.reshape(batch, frames // width, width * channels)


def _shifted(x_BTC: Tensor, width: int, dilation: int) -> list[Tensor]:
    """What each tap of a dilated convolution sees."""
    kept = x_BTC.shape[1] - dilation * (width - 1)
    return [x_BTC[:, tap * dilation : tap * dilation + kept] for tap in range(width)]


def pad_edges(keypoints_BTJD: Tensor, receptive_field: int, causal: bool) -> Tensor:
    """Repeat the edge frames as the paper does: on both sides, or on the left alone if causal."""
    context = receptive_field - 1
    left, right = (context, 0) if causal else (context // 2, context // 2)
    first = keypoints_BTJD[:, :1].expand(-1, left, -1, -1)
    last = keypoints_BTJD[:, -1:].expand(-1, right, -1, -1)
    return torch.cat([first, keypoints_BTJD, last], dim=1)
