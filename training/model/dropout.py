"""Dropout that does not wait for random numbers.

On a CPU, PyTorch draws a random number for each activation, which took half of the time of a step
of a small network. Here eight activations share a draw: a byte each, so the share dropped is exact
to a 256th.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

_VALUES = 256


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Zero a share of the activations at random and scale the others up, while training."""
    if x.device.type != "cpu" or not training or not share or torch.compiler.is_compiling():
        return F.dropout(x, share, training)
    dropped = min(round(share * _VALUES), _VALUES - 1)
    count = x.numel()
    draws = torch.empty((count + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = (draws.view(torch.uint8)[:count] >= dropped).view(x.shape)
    return x * kept.to(x.dtype).mul_(_VALUES / (_VALUES - dropped))
