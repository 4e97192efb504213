"""What training minimises."""

import torch
from torch import Tensor


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean per-joint position error of (…, 3) tensors, in their unit (the paper, §5.2)."""
    distances: Tensor = torch.linalg.vector_norm(predicted - target, dim=-1)
    return distances.mean()
