"""Shuffled training windows: a receptive field around one target frame or several (App. A.6)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from training.data.sequences import Sequences


@dataclass(frozen=True)
class ProcessShare:
    """Which part of every batch is this process's, of several that train together."""

    rank: int = 0
    processes: int = 1


class Field(NamedTuple):
    """How many frames a network sees of what is around one, or before it."""

    frames: int
    causal: bool

    @property
    def before(self) -> int:
        """How many of them are before that one."""
        return self.frames - 1 if self.causal else (self.frames - 1) // 2


@dataclass(frozen=True)
class Batch:
    """Windows, and what there is to know of the S targets of each.

    Units and axes are those of ``training.data.sequences.PoseSequence``.
    """

    inputs_BTJ2: Tensor
    targets_BSK3: Tensor
    trajectory_BS3: Tensor
    camera_BS9: Tensor
    depth_BS: Tensor
    keypoints_BSJ2: Tensor
    learned: tuple[Tensor, Tensor] | None = None
    """The windows and the targets in them that are to be learned, where not all are: the others
    are those of other windows, or lie beyond the end of the clip."""

    taught_BTJ2: Tensor | None = None
    """The windows of a teacher, if there is one: of the same targets, but with its own field."""

    def __len__(self) -> int:
        """The number of windows."""
        return len(self.inputs_BTJ2)

    @property
    def count(self) -> int:
        """How many targets are to be learned."""
        return self.depth_BS.numel() if self.learned is None else len(self.learned[0])

    def of_learned(self) -> "Batch":
        """The same windows with their learned targets alone, end to end (V, …)."""
        if self.learned is None:
            return self
        known = {
            name: value[self.learned]
            for name, value in vars(self).items()
            if name not in {"inputs_BTJ2", "learned", "taught_BTJ2"}
        }
        return replace(self, **known, learned=None)


class Windows:
    """Cuts windows from sequences by index; beyond a clip's ends its edge frames are repeated.

    A window has ``targets`` target frames, ``spacing`` frames apart. Each frame of a clip is to be
    learned in one window, and all targets lie in the clip if it is long enough.

    Batches are a few gathers from tensors that stay where they were put, which may be a GPU.
    """

    def __init__(
        self,
        sequences: Sequences,
        receptive_field: int,
        causal: bool,
        device: torch.device | str = "cpu",
        targets: int = 1,
        spacing: int = 1,
        teacher: Field | None = None,
    ) -> None:
        self._rows = {
            name: torch.from_numpy(rows).to(device) for name, rows in vars(sequences).items()
        }
        self._first_F, self._last_F = self._rows["first_F"], self._rows["last_F"]
        self._ahead = torch.arange(targets, device=device) * spacing
        self._offsets = self._offsets_of(Field(receptive_field, causal))
        self._teachers = None if teacher is None else self._offsets_of(teacher)
        self._spacing = spacing
        since_first_F = torch.arange(len(self._first_F), device=device) - self._first_F
        # Frames that are multiples of the spacing apart are learned together, in order.
        self._starts = torch.nonzero(since_first_F // spacing % targets == 0)[:, 0]
        self._weights = self._weights_of_windows()

    def __len__(self) -> int:
        """The number of windows that have different frames for targets."""
        return len(self._starts)

    @property
    def frames(self) -> int:
        """The number of frames that are targets, in all windows together."""
        return len(self._first_F)

    def cut(self, frames_B: Tensor, reach_B3: Tensor | None = None, pairs: bool = False) -> Batch:
        """The windows in which these frames are the first to be learned.

        ``reach_B3``, where given, is how many frames before and after one of the targets are seen
        at most, and which of those to be learned this is; those beyond are then not learned. In
        ``pairs``, each window is followed by that of the frames after its own.
        """
        targets_BS, is_learned_BS = self._targets(frames_B)
        first_B, last_B = self._first_F[frames_B], self._last_F[frames_B]
        if pairs:
            targets_BS, is_learned_BS = self._with_next(targets_BS, is_learned_BS, last_B)
            first_B, last_B = first_B.repeat_interleave(2), last_B.repeat_interleave(2)
            reach_B3 = None if reach_B3 is None else reach_B3.repeat_interleave(2, dim=0)
        starts_B1, taught_BTJ2 = targets_BS[:, :1], None
        known_BS = targets_BS.clamp(max=last_B[:, None])
        if self._teachers is not None:
            taught_BTJ2 = self._inputs(starts_B1 + self._teachers, first_B, last_B)
        if reach_B3 is not None:
            about_B = _one_of(targets_BS, is_learned_BS, reach_B3[:, 2])
            first_B = torch.maximum(first_B, about_B - reach_B3[:, 0])
            last_B = torch.minimum(last_B, about_B + reach_B3[:, 1])
            is_seen_BS = (targets_BS >= first_B[:, None]) & (targets_BS <= last_B[:, None])
            is_learned_BS = is_learned_BS & is_seen_BS
        inputs_BTJ2 = self._inputs(starts_B1 + self._offsets, first_B, last_B)
        return Batch(
            inputs_BTJ2,
            self._rows["targets_FK3"][known_BS],
            self._rows["trajectory_F3"][known_BS],
            self._rows["camera_F9"][known_BS],
            self._rows["depth_F"][known_BS],
            self._rows["inputs_FJ2"][known_BS],
            None if len(self._ahead) == 1 else _places(is_learned_BS, pairs),
            taught_BTJ2,
        )

    def _offsets_of(self, field: Field) -> Tensor:
        """The frames of a window, counted from its first target."""
        frames = field.frames + int(self._ahead[-1])
        return torch.arange(frames, device=self._ahead.device) - field.before

    def _inputs(self, rows_BT: Tensor, first_B: Tensor, last_B: Tensor) -> Tensor:
        """What networks are given of these frames, which stay within the first and the last."""
        return self._rows["inputs_FJ2"][rows_BT.clamp(first_B[:, None], last_B[:, None])]

    def _targets(self, frames_B: Tensor) -> tuple[Tensor, Tensor]:
        """The targets (B, S) of windows that begin with these, and which are to be learned.

        A window that would leave the clip is moved back, so that what its network sees is real;
        the targets before its own are then those of the window before.
        """
        first_B, last_B = self._first_F[frames_B], self._last_F[frames_B]
        beyond_B = len(self._ahead) - 1 - (last_B - frames_B) // self._spacing
        earlier_B = (frames_B - first_B) // self._spacing
        moved_B = torch.minimum(beyond_B.clamp(min=0), earlier_B) * self._spacing
        targets_BS = (frames_B - moved_B)[:, None] + self._ahead
        is_learned_BS = (targets_BS >= frames_B[:, None]) & (targets_BS <= last_B[:, None])
        return targets_BS, is_learned_BS

    def _with_next(
        self, targets_BS: Tensor, is_learned_BS: Tensor, last_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Windows followed by those of the next frames; at the end of a clip, by themselves."""
        is_end_B1 = (targets_BS + 1 > last_B[:, None])[:, :1]
        next_BS = torch.where(is_end_B1, targets_BS, targets_BS + 1)
        is_learned_BS = is_learned_BS & (next_BS <= last_B[:, None])
        both_BS = torch.stack([targets_BS, next_BS], dim=1).flatten(0, 1)
        return both_BS, is_learned_BS.repeat_interleave(2, dim=0)

    def _weights_of_windows(self) -> Tensor | None:
        """The mean weight of each window's frames; None if all are equal."""
        weight_F = self._rows["weight_F"].double()
        if (weight_F == weight_F[:1]).all():
            return None
        targets, is_learned = self._targets(self._starts)
        weights = weight_F[targets.clamp(max=len(weight_F) - 1)] * is_learned
        return weights.sum(dim=1) / is_learned.sum(dim=1)

    def shuffled(
        self,
        batch_size: int,
        count: int,
        generator: torch.Generator,
        short_context: float = 0.0,
        pairs: bool = False,
        share: ProcessShare = ProcessShare(),
    ) -> Iterator[Batch]:
        """Batches of ``count`` windows in random order.

        Each comes once before any comes again, or, where frames have different weights, as often
        as these say. A share of ``short_context`` of them see as little as nothing of what is
        before and after one of their targets. In ``pairs``, each second window is that of the
        frames after those of the one before it.
        """
        device = self._offsets.device
        members = 2 if pairs else 1
        for chosen in self._order(count // members, generator).split(batch_size // members):
            even = chosen[: len(chosen) // share.processes * share.processes]
            if len(even) * members < 2 * share.processes:
                continue  # batch normalisation needs two
            reach_B3 = None
            if short_context:
                reaches = self._reaches(len(even), short_context, generator)
                reach_B3 = reaches[share.rank :: share.processes].to(device)
            frames_B = self._starts[even[share.rank :: share.processes].to(device)]
            yield self.cut(frames_B, reach_B3, pairs)

    def _order(self, count: int, generator: torch.Generator) -> Tensor:
        """Numbers of windows."""
        if self._weights is not None:
            return _drawn(self._weights.cpu(), count, generator)
        rounds = max(-(-count // len(self)), 1)
        orders = [torch.randperm(len(self), generator=generator) for _ in range(rounds)]
        return torch.cat(orders)[:count]

    def _reaches(self, count: int, short_context: float, generator: torch.Generator) -> Tensor:
        """Frames seen before and after one target: any number in short windows, else all.

        Which target that is comes last, (B, 3).
        """
        longest, targets = len(self._offsets), len(self._ahead)
        random = torch.rand(count, 3, generator=generator)
        # Short ones are the interesting ones: as many reach 1 to 3 frames as 81 to 243.
        field = longest - int(self._ahead[-1])
        short_B2 = (float(field + 1) ** random[:, :2]).long() - 1
        reach_B2 = torch.where(random[:, 2:] < short_context, short_B2, longest)
        about_B1 = torch.zeros(count, 1, dtype=torch.long)
        if targets > 1:
            about_B1.random_(targets, generator=generator)
        return torch.cat([reach_B2, about_B1], dim=1)


def _one_of(targets_BS: Tensor, is_learned_BS: Tensor, number_B: Tensor) -> Tensor:
    """One of the targets (B,) of each window that are to be learned, which follow one another."""
    first_B, count_B = is_learned_BS.int().argmax(dim=1), is_learned_BS.sum(dim=1).clamp(min=1)
    place_B = first_B + number_B % count_B
    return targets_BS.gather(1, place_B[:, None])[:, 0]


def _places(is_learned_BS: Tensor, pairs: bool) -> tuple[Tensor, Tensor]:
    """Windows and targets that are to be learned; in pairs, a target and then the one after it."""
    if not pairs:
        windows, targets = is_learned_BS.nonzero(as_tuple=True)
        return windows, targets
    windows, targets = is_learned_BS[::2].nonzero(as_tuple=True)
    both = torch.stack([2 * windows, 2 * windows + 1], dim=1).flatten()
    return both, targets.repeat_interleave(2)


def _drawn(weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """So many numbers in random order, each as often as its weight says.

    One is drawn from each of ``count`` equal parts of the sum of the weights, so that chance makes
    a difference of one or so to how often a number comes.
    """
    ends = weights.cumsum(0)
    parts = torch.arange(count) + torch.rand(count, generator=generator, dtype=torch.float64)
    drawn = torch.searchsorted(ends, parts / count * ends[-1], right=True)
    return drawn.clamp(max=len(weights) - 1)[torch.randperm(count, generator=generator)]
