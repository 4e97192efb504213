"""Cutting clips into pieces of bounded length and stacking ragged ones, both without loss.

A model pads every clip by repeating its edge frames (the paper, §3 and figure 2). So a piece that
brings along the frames its outputs see gives the outputs of the whole clip, and a clip that is
extended with its own last frame gives the outputs it gave before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from poselift.array_types import Floats


@dataclass(frozen=True)
class Span:
    """How far a model sees, in frames before and after each frame."""

    before: int
    after: int

    @classmethod
    def of(cls, receptive_field: int, causal: bool) -> "Span":
        """The span of a receptive field; causal models see nothing after a frame."""
        context = receptive_field - 1
        return cls(context, 0) if causal else cls(context // 2, context // 2)


@dataclass(frozen=True)
class Chunk:
    """A part of a clip: the frames it ``reads`` and, of them, those it ``gives``."""

    reads: slice
    gives: slice

    @property
    def kept(self) -> slice:
        """The frames given, counted from the first frame read."""
        start: int = self.reads.start
        return slice(self.gives.start - start, self.gives.stop - start)


def cut(segment: slice, span: Span, longest: int) -> Iterator[Chunk]:
    """Cut a segment into pieces that read at most ``longest`` frames each, alike in length.

    A piece reads at least as much again as its context, however small ``longest`` is, lest the
    work be all context.
    """
    frames = segment.stop - segment.start
    context = span.before + span.after
    fresh = frames if frames <= longest else max(longest - context, context, 1)
    pieces = -(-frames // fresh)
    for index in range(pieces):
        start = segment.start + index * frames // pieces
        stop = segment.start + (index + 1) * frames // pieces
        reads = slice(max(segment.start, start - span.before), min(segment.stop, stop + span.after))
        yield Chunk(reads, slice(start, stop))


def stack(clips: Sequence[Floats]) -> Floats:
    """Stack clips (T, …) of different lengths to (B, longest T, …), repeating each last frame."""
    longest = max(len(clip) for clip in clips)
    stacked = np.empty((len(clips), longest, *clips[0].shape[1:]), dtype=np.float32)
    for row, clip in zip(stacked, clips, strict=True):
        row[: len(clip)] = clip
        row[len(clip) :] = clip[-1]
    return stacked
