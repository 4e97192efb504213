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

    def cut(self, frames_B: Tensor, reach_B2: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Windows (B, receptive field, J, 2) around these frames, and their poses (B, 1, K, 3).

        ``reach_B2``, where given, is how many frames before and after each are seen at most.
        """
        first_B, last_B = self._first_F[frames_B], self._last_F[frames_B]
        if reach_B2 is not None:
            first_B = torch.maximum(first_B, frames_B - reach_B2[:, 0])
            last_B = torch.minimum(last_B, frames_B + reach_B2[:, 1])
        rows = frames_B[:, None] + self._offsets
        rows = rows.clamp(first_B[:, None], last_B[:, None])
        return self._inputs_FJ2[rows], self._targets_FK3[frames_B, None]

    def shuffled(
        self,
        batch_size: int,
        count: int,
        generator: torch.Generator,
        short_context: float = 0.0,
        pairs: bool = False,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of ``count`` windows drawn without replacement, in random order.

        A share of ``short_context`` of them see as little as nothing of what is before and after.
        In ``pairs``, each second window is that of the frame after the one before it.
        """
        device = self._offsets.device
        members = 2 if pairs else 1
        order = torch.randperm(len(self), generator=generator)[: count // members]
        for chosen in order.split(batch_size // members):
            reach_B2 = None
            if short_context:
                reaches = self._reaches(len(chosen), short_context, generator).to(device)
                reach_B2 = reaches.repeat_interleave(members, dim=0)
            frames_B = chosen.to(device)
            yield self.cut(self._with_next(frames_B) if pairs else frames_B, reach_B2)

    def _with_next(self, frames_B: Tensor) -> Tensor:
        """Each frame and then the one after it in its clip, the last one twice."""
        after = torch.minimum(frames_B + 1, self._last_F[frames_B])
        return torch.stack([frames_B, after], dim=1).flatten()

    def _reaches(self, count: int, short_context: float, generator: torch.Generator) -> Tensor:
        """Frames seen before and after (B, 2): any number in short windows, all in the others."""
        longest = len(self._offsets)
        random = torch.rand(count, 3, generator=generator)
        # Short ones are the interesting ones: as many reach 1 to 3 frames as 81 to 243.
        reach_B2 = (float(longest + 1) ** random[:, :2]).long() - 1
        return torch.where(random[:, 2:] < short_context, reach_B2, longest)
