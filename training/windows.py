"""Shuffled training windows: one receptive field each, with one target frame (Appendix A.6)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from training.views import Footage


class Windows:
    """Cuts windows from footage by index; beyond a clip's ends its edge frames are repeated.

    Batches are two gathers from tensors that stay where they were put, which may be a GPU.
    """

    def __init__(
        self,
        footage: Footage,
        receptive_field: int,
        causal: bool,
        device: torch.device | str = "cpu",
    ) -> None:
        self._inputs_FJ2 = torch.from_numpy(footage.inputs_FJ2).to(device)
        self._targets_FK3 = torch.from_numpy(footage.targets_FK3).to(device)
        self._first_F = torch.from_numpy(footage.first_F).to(device)
        self._last_F = torch.from_numpy(footage.last_F).to(device)
        before = receptive_field - 1 if causal else (receptive_field - 1) // 2
        self._offsets = torch.arange(receptive_field, device=device) - before

    def __len__(self) -> int:
        return len(self._inputs_FJ2)

    def cut(self, frames_B: Tensor) -> tuple[Tensor, Tensor]:
        """Windows (B, receptive field, J, 2) around these frames, and their poses (B, 1, K, 3)."""
        rows = frames_B[:, None] + self._offsets
        rows = rows.clamp(self._first_F[frames_B, None], self._last_F[frames_B, None])
        return self._inputs_FJ2[rows], self._targets_FK3[frames_B, None]

    def shuffled(
        self, batch_size: int, count: int, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of ``count`` windows drawn without replacement, in random order."""
        order = torch.randperm(len(self), generator=generator)[:count]
        for frames_B in order.to(self._offsets.device).split(batch_size):
            yield self.cut(frames_B)
