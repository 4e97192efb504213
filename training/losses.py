"""What training minimises."""

import torch
from torch import Tensor


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean per-joint position error of (…, 3) tensors, in their unit (the paper, §5.2)."""
    distances: Tensor = torch.linalg.vector_norm(predicted - target, dim=-1)
    return distances.mean()


def velocity_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean error of the joints' steps from rows 0, 2, 4, … to the rows after them (…, 3).

    Of neighbouring frames that is MPJVE (the paper, §5.2), in a unit of length a frame.
    """
    error = predicted - target
    return mpjpe(error[1::2], error[0::2])
