"""Windows gathered by index equal windows cut one by one."""

import numpy as np
import pytest
import torch

from bench.training import sliced_batch
from tests.training.motions import motion_set
from training.data.synthetic import ProjectionOptions, project_all
from training.data.windows import Windows

SEQUENCES = project_all(
    motion_set(),
    ProjectionOptions("coco17", "person", causal=False),
    np.random.default_rng(0),
)


def test_symmetric_windows_equal_slicing_and_padding_one_by_one():
    windows = Windows(SEQUENCES, 27, causal=False)
    batch = windows.cut(torch.arange(len(windows)))
    slow_inputs, slow_targets = sliced_batch(SEQUENCES, list(range(len(windows))), 13)
    torch.testing.assert_close(batch.inputs_BTJ2, slow_inputs, atol=0, rtol=0)
    torch.testing.assert_close(batch.targets_BSK3, slow_targets, atol=0, rtol=0)


def test_causal_windows_end_with_their_frame():
    windows = Windows(SEQUENCES, 27, causal=True)
    batch = windows.cut(torch.tensor([70, 60, 119]))
    inputs, targets = batch.inputs_BTJ2, batch.targets_BSK3
    np.testing.assert_array_equal(inputs[:, -1], SEQUENCES.inputs_FJ2[[70, 60, 119]])
    np.testing.assert_array_equal(inputs[0, :16], np.repeat(SEQUENCES.inputs_FJ2[60:61], 16, 0))
    np.testing.assert_array_equal(inputs[2], SEQUENCES.inputs_FJ2[93:120])
    np.testing.assert_array_equal(targets[:, 0], SEQUENCES.targets_FK3[[70, 60, 119]])


@pytest.mark.parametrize("count", [100, 240])
def test_shuffled_batches_visit_each_frame_at_most_once(count):
    windows = Windows(SEQUENCES, 1, causal=False)
    batches = list(windows.shuffled(32, count, torch.Generator().manual_seed(0)))
    inputs = torch.cat([batch.inputs_BTJ2 for batch in batches])
    assert len(inputs) == count
    assert len(torch.unique(inputs.flatten(1), dim=0)) == count
    assert not torch.equal(inputs[:, 0], torch.from_numpy(SEQUENCES.inputs_FJ2[:count]))


def test_short_windows_repeat_the_frames_where_they_begin_and_end():
    windows = Windows(SEQUENCES, 9, causal=False)
    inputs = windows.cut(torch.tensor([70, 70]), torch.tensor([[1, 2], [0, 9]])).inputs_BTJ2
    expected = SEQUENCES.inputs_FJ2[[69, 69, 69, 69, 70, 71, 72, 72, 72]]
    np.testing.assert_array_equal(inputs[0], expected)
    np.testing.assert_array_equal(inputs[1], SEQUENCES.inputs_FJ2[[70] * 5 + [71, 72, 73, 74]])


def test_a_share_of_the_windows_is_short():
    windows = Windows(SEQUENCES, 27, causal=False)

    def is_short(inputs):
        return (inputs[:, 0] == inputs[:, 1]).flatten(1).all(dim=1)

    def shorts(share):
        generator = torch.Generator().manual_seed(0)
        batches = windows.shuffled(64, 240, generator, share)
        return sum(int(is_short(batch.inputs_BTJ2).sum()) for batch in batches)

    assert shorts(0.0) < 60
    assert shorts(0.9) > 160


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_pairs_are_of_neighbouring_frames_with_equal_context(share):
    windows = Windows(SEQUENCES, 27, causal=True)
    batches = windows.shuffled(64, 240, torch.Generator().manual_seed(0), share, pairs=True)
    pairs = 0
    for batch in batches:
        inputs, targets = batch.inputs_BTJ2, batch.targets_BSK3
        for row in range(0, len(inputs), 2):
            is_it = (SEQUENCES.targets_FK3 == targets[row, 0].numpy()).all(axis=(1, 2))
            frame = int(np.flatnonzero(is_it)[0])
            after = min(frame + 1, int(SEQUENCES.last_F[frame]))
            np.testing.assert_array_equal(targets[row + 1, 0], SEQUENCES.targets_FK3[after])
            one, other = (
                int((window != window[0]).any(dim=2).any(dim=1).sum())
                for window in inputs[row : row + 2]
            )
            assert abs(one - other) <= 1
            pairs += 1
    assert pairs == 120
