"""Cutting and stacking clips, against the network run on whole clips one by one."""

import numpy as np
import pytest
import torch

from poselift.chunks import Span, cut, stack
from training.model.temporal_model import TemporalModel, pad_edges

WIDTHS = (3, 5, 3)
FIELD = 45


def network(causal: bool) -> TemporalModel:
    torch.manual_seed(5)
    return TemporalModel(4, 2, 4, WIDTHS, causal=causal, channels=8).eval()


def lift(model: TemporalModel, keypoints_BTJ2: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        padded = pad_edges(torch.from_numpy(keypoints_BTJ2), FIELD, model.causal)
        return model(padded).numpy()


def random_clip(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).normal(size=(frames, 4, 2)).astype(np.float32)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("frames", [1, 2, 44, 45, 46, 100, 137, 400])
@pytest.mark.parametrize("longest", [1, 45, 60, 100, 1000])
def test_pieces_give_what_the_whole_gives(causal: bool, frames: int, longest: int) -> None:
    model, clip = network(causal), random_clip(frames)
    pieced = np.full((frames, 4, 3), np.nan, dtype=np.float32)
    for piece in cut(slice(0, frames), Span.of(FIELD, causal), longest):
        pieced[piece.gives] = lift(model, clip[None, piece.reads])[0, piece.kept]
    np.testing.assert_allclose(pieced, lift(model, clip[None])[0], atol=1e-6)


def test_pieces_stay_inside_their_segment() -> None:
    pieces = list(cut(slice(300, 700), Span.of(FIELD, causal=False), 100))
    assert pieces[0].reads.start == 300
    assert pieces[-1].reads.stop == 700
    given = [frame for piece in pieces for frame in range(piece.gives.start, piece.gives.stop)]
    assert given == list(range(300, 700))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("longest", [100, 1000])
def test_pieces_are_bounded_and_alike(causal: bool, longest: int) -> None:
    pieces = list(cut(slice(0, 10_000), Span.of(FIELD, causal), longest))
    reads = [piece.reads.stop - piece.reads.start for piece in pieces]
    gives = [piece.gives.stop - piece.gives.start for piece in pieces]
    assert max(reads) <= longest
    assert max(gives) - min(gives) <= 1


@pytest.mark.parametrize("causal", [False, True])
def test_stacked_clips_give_what_each_gives_alone(causal: bool) -> None:
    model = network(causal)
    clips = [random_clip(frames) for frames in (1, 9, 80, 80, 33)]
    stacked = lift(model, stack(clips))
    for clip, poses in zip(clips, stacked, strict=True):
        np.testing.assert_allclose(poses[: len(clip)], lift(model, clip[None])[0], atol=1e-6)
