"""The expected-error head: a small network that predicts the error of each joint.

It reads the features of the last layer and passes no gradient back to them. Trained by the
exponential NLL of the errors, it predicts their mean.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_HIDDEN = 128
_RANGE_M = (1e-3, 3.0)
_USUAL_M = 0.08


class ErrorHead(nn.Module):
    """From features (B, T, C) to the logarithm of each joint's expected error (B, T, K), metres."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__()
        self.scale = nn.BatchNorm1d(channels, affine=False)
        self.hidden = nn.Linear(channels, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, joints)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.fill_(math.log(_USUAL_M))

    @property
    def range(self) -> tuple[float, float]:
        """The least and the largest logarithm that it predicts."""
        least, most = map(math.log, _RANGE_M)
        return least, most

    def forward(self, features_BTC: Tensor) -> Tensor:
        """The logarithms, of which no gradient goes back to the features."""
        rows = self.scale(features_BTC.detach().flatten(0, 1))
        logarithms: Tensor = self.out(F.relu(self.hidden(rows))).clamp(*self.range)
        return logarithms.reshape(*features_BTC.shape[:2], -1)
