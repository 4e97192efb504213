"""The project's dropout against PyTorch's."""

import pytest
import torch

from training.model.temporal_model import dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_share_is_zeroed_and_the_rest_scaled_up(share, dtype):
    torch.manual_seed(0)
    x = torch.ones(1000, 333, dtype=dtype, requires_grad=True)
    y = dropout(x, share, training=True)
    zeros = (y.detach() == 0).float()
    assert float(zeros.mean()) == pytest.approx(share, abs=0.005)
    assert float(zeros.mean(dim=0).std()) < 0.05
    assert float(y.detach().float().mean()) == pytest.approx(1, abs=0.01)
    y.float().sum().backward()
    assert torch.equal(x.grad, y.detach())  # dropped activations have no gradient


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    zeros = (dropout(torch.ones(1_000_001), 0.25, training=True) == 0).float() - 0.25
    for lag in range(1, 17):
        assert abs(float((zeros[lag:] * zeros[:-lag]).mean())) < 0.001


def test_nothing_is_dropped_where_nothing_is_to_be():
    x = torch.randn(10, 10)
    assert torch.equal(dropout(x, 0.5, training=False), x)
    assert torch.equal(dropout(x, 0.0, training=True), x)
    torch.manual_seed(0)
    once = dropout(x, 0.5, training=True)
    torch.manual_seed(0)
    assert torch.equal(dropout(x, 0.5, training=True), once)
