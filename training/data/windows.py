"""Shuffled training windows: one receptive field each, with one target frame (Appendix A.6)."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from training.data.sequences import Sequences


@dataclass(frozen=True)
class ProcessShare:
    """Which part of every batch is this process's, of several that train together."""

    rank: int = 0
    processes: int = 1


@dataclass(frozen=True)
class Batch:
    """Windows, and what there is to know of the S frames in the middle (causal: at the end).

    Units and axes are those of ``training.data.sequences.PoseSequence``.
    """

    inputs_BTJ2: Tensor
    targets_BSK3: Tensor
    trajectory_BS3: Tensor
    camera_BS9: Tensor
    depth_BS: Tensor
    keypoints_BSJ2: Tensor

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.inputs_BTJ2)


class Windows:
    """Cuts windows from sequences by index; beyond a clip's ends its edge frames are repeated.

    Batches are a few gathers from tensors that stay where they were put, which may be a GPU.
    """

    def __init__(
        self,
        sequences: Sequences,
        receptive_field: int,
        causal: bool,
        device: torch.device | str = "cpu",
        stride: int = 1,
    ) -> None:
        self._rows = {
            name: torch.from_numpy(rows).to(device) for name, rows in vars(sequences).items()
        }
        self._first_F, self._last_F = self._rows["first_F"], self._rows["last_F"]
        before = receptive_field - 1 if causal else (receptive_field - 1) // 2
        self._offsets = torch.arange(receptive_field + stride - 1, device=device) - before
        self._ahead = torch.arange(stride, device=device)
        since_first_F = torch.arange(len(self._first_F), device=device) - self._first_F
        self._starts = torch.nonzero(since_first_F % stride == 0)[:, 0]

    def __len__(self) -> int:
        """The number of windows that have different frames for targets."""
        return len(self._starts)

    @property
    def stride(self) -> int:
        """How many neighbouring frames are the targets of one window."""
        return len(self._ahead)

    def cut(self, frames_B: Tensor, reach_B2: Tensor | None = None) -> Batch:
        """The windows whose first target frames are these.

        ``reach_B2``, where given, is how many frames before and after each are seen at most.
        """
        first_B, last_B = self._first_F[frames_B], self._last_F[frames_B]
        targets = torch.minimum(frames_B[:, None] + self._ahead, last_B[:, None])
        if reach_B2 is not None:
            first_B = torch.maximum(first_B, frames_B - reach_B2[:, 0])
            last_B = torch.minimum(last_B, frames_B + reach_B2[:, 1])
        rows = frames_B[:, None] + self._offsets
        rows = rows.clamp(first_B[:, None], last_B[:, None])
        return Batch(
            self._rows["inputs_FJ2"][rows],
            self._rows["targets_FK3"][targets],
            self._rows["trajectory_F3"][targets],
            self._rows["camera_F9"][targets],
            self._rows["depth_F"][targets],
            self._rows["inputs_FJ2"][targets],
        )

    def shuffled(
        self,
        batch_size: int,
        count: int,
        generator: torch.Generator,
        short_context: float = 0.0,
        pairs: bool = False,
        share: ProcessShare = ProcessShare(),
    ) -> Iterator[Batch]:
        """Batches of ``count`` windows in random order, each once before any comes again.

        A share of ``short_context`` of them see as little as nothing of what is before and after.
        In ``pairs``, each second window is that of the frame after the one before it.
        """
        device = self._offsets.device
        members = 2 if pairs else 1
        for chosen in self._order(count // members, generator).split(batch_size // members):
            even = chosen[: len(chosen) // share.processes * share.processes]
            if len(even) * members < 2 * share.processes:
                continue  # batch normalisation needs two
            reach_B2 = None
            if short_context:
                reaches = self._reaches(len(even), short_context, generator)
                reach_B2 = reaches[share.rank :: share.processes].to(device)
                reach_B2 = reach_B2.repeat_interleave(members, dim=0)
            frames_B = self._starts[even[share.rank :: share.processes].to(device)]
            yield self.cut(self._with_next(frames_B) if pairs else frames_B, reach_B2)

    def _order(self, count: int, generator: torch.Generator) -> Tensor:
        """Numbers of windows, one permutation of all after the other."""
        rounds = max(-(-count // len(self)), 1)
        orders = [torch.randperm(len(self), generator=generator) for _ in range(rounds)]
        return torch.cat(orders)[:count]

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
