"""Batch normalisation's momentum, which falls from epoch to epoch (the paper, §5.3)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class BatchNormMomentum:
    """Sets the pace at which running statistics follow those of the batches.

    Compiled steps are made for one momentum and would be made anew for another. They keep the
    momentum of 1, which leaves each batch's statistics, and these are mixed in afterwards.
    """

    def __init__(self, batch_norms: Sequence[nn.BatchNorm1d], is_compiled: bool) -> None:
        self._batch_norms = batch_norms
        self._is_compiled = is_compiled
        self._value = 1.0

    def set(self, value: float) -> None:
        """Take this momentum from now on."""
        self._value = value
        for batch_norm in self._batch_norms:
            batch_norm.momentum = 1.0 if self._is_compiled else value

    @contextmanager
    def around_step(self) -> Iterator[None]:
        """Run the networks and learn from it within this; the step may need its statistics."""
        if not self._is_compiled:
            yield
            return
        statistics = self._statistics()
        before = [each.clone() for each in statistics]
        yield
        # Towards what was before, by all but the momentum.
        torch._foreach_lerp_(statistics, before, 1 - self._value)

    def _statistics(self) -> list[Tensor]:
        return [
            statistic
            for batch_norm in self._batch_norms
            if batch_norm.training
            for statistic in (batch_norm.running_mean, batch_norm.running_var)
            if statistic is not None
        ]
