"""Windows gathered by index equal windows cut one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.training import sliced_batch
from tests.training.motions import motion_set
from training.data.synthetic import ProjectionOptions, project_all
from training.data.windows import Field, Windows

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
    inputs = windows.cut(torch.tensor([70, 70]), torch.tensor([[1, 2, 0], [0, 9, 0]])).inputs_BTJ2
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


def frame_of(target):
    """The only frame with these positions."""
    (frame,) = np.flatnonzero((SEQUENCES.targets_FK3 == target.numpy()).all(axis=(1, 2)))
    return int(frame)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("targets", "spacing"), [(3, 9), (8, 3), (4, 27), (5, 1)])
def test_each_frame_is_learned_once_from_its_own_window(targets, spacing, causal):
    windows = Windows(SEQUENCES, 27, causal, targets=targets, spacing=spacing)
    alone = Windows(SEQUENCES, 27, causal)
    generator = torch.Generator().manual_seed(0)
    learned = []
    for batch in windows.shuffled(16, len(windows), generator):
        rows, places = batch.learned
        found = batch.of_learned()
        assert batch.count == len(found.targets_BSK3) == len(found.camera_BS9)
        for row, place, target in zip(rows, places, found.targets_BSK3, strict=True):
            frame = frame_of(target)
            learned.append(frame)
            mine = batch.inputs_BTJ2[row, place * spacing : place * spacing + 27]
            expected = alone.cut(torch.tensor([frame])).inputs_BTJ2[0]
            torch.testing.assert_close(mine, expected, atol=0, rtol=0)
    assert sorted(learned) == list(range(windows.frames))


def test_windows_lie_in_their_clips_where_these_are_long_enough():
    windows = Windows(SEQUENCES, 9, causal=True, targets=6, spacing=9)  # clips of 60 frames
    batch = windows.cut(torch.tensor([0, 54 + 5, 5]))
    assert [frame_of(target) for target in batch.targets_BSK3[0]] == [0, 9, 18, 27, 36, 45]
    rows, places = batch.learned
    assert rows.tolist() == [0] * 6 + [1] + [2] * 6
    assert places.tolist() == [*range(6), 5, *range(6)]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_pairs_of_windows_have_neighbouring_targets_one_after_the_other(share):
    windows = Windows(SEQUENCES, 27, causal=False, targets=3, spacing=9)
    generator = torch.Generator().manual_seed(0)
    count = 0
    for batch in windows.shuffled(8, 2 * len(windows), generator, share, pairs=True):
        frames = [frame_of(target) for target in batch.of_learned().targets_BSK3]
        for one, other in zip(frames[::2], frames[1::2], strict=True):
            assert other == min(one + 1, SEQUENCES.last_F[one])
            count += 1
    if not share:  # else those farther than a window sees are not learned
        assert count >= windows.frames - 2 * len(np.unique(SEQUENCES.first_F))


def seen(windows, reach, frame):
    """The targets that are learned, and how many different frames each sees."""
    batch = windows.cut(torch.tensor([frame]), torch.tensor([reach]))
    frames = [frame_of(target) for target in batch.of_learned().targets_BSK3]
    fields = [batch.inputs_BTJ2[0, 9 * place : 9 * place + 27] for place in batch.learned[1]]
    return frames, [len(torch.unique(field.flatten(1), dim=0)) for field in fields]


def test_a_short_window_of_several_targets_is_short_about_one_of_them():
    windows = Windows(SEQUENCES, 27, causal=False, targets=5, spacing=9)  # of frames 60 to 119
    assert seen(windows, [0, 0, 2], 64) == ([82], [1])
    assert seen(windows, [9, 2, 2], 64) == ([73, 82], [12, 12])
    assert seen(windows, [99, 99, 0], 64)[0] == [64, 73, 82, 91, 100]
    # Of five targets, the last of this window's alone are its own.
    windows = Windows(SEQUENCES, 27, causal=True, targets=5, spacing=9)
    assert seen(windows, [3, 0, 4], 60 + 45)[1] == [4]


def test_targets_that_share_a_window_see_little_too():
    def share(targets):
        windows = Windows(SEQUENCES, 27, causal=True, targets=targets, spacing=9)
        few, count = 0, 0
        for batch in windows.shuffled(16, 40 * len(windows), torch.Generator().manual_seed(0), 0.5):
            rows, places = batch.learned or (torch.arange(len(batch)), torch.zeros(len(batch)))
            for row, place in zip(rows.tolist(), places.long().tolist(), strict=True):
                field = batch.inputs_BTJ2[row, 9 * place : 9 * place + 27]
                few += int(len(torch.unique(field.flatten(1), dim=0)) <= 3)
                count += 1
        return few / count

    assert share(4) > 0.5 * share(1)


@pytest.mark.parametrize("targets", [1, 3])
def test_frames_are_drawn_as_their_weights_say(targets):
    clips = np.cumsum(np.arange(len(SEQUENCES.first_F)) == SEQUENCES.first_F) - 1
    weighted = replace(SEQUENCES, weight_F=np.array([1, 0, 3, 4], np.float32)[clips % 4])
    windows = Windows(weighted, 1, False, targets=targets, spacing=4)
    drawn = np.zeros(4)
    for batch in windows.shuffled(64, 4 * len(windows), torch.Generator().manual_seed(0)):
        for target in batch.of_learned().targets_BSK3.reshape(-1, 17, 3):
            drawn[clips[frame_of(target)] % 4] += 1
    np.testing.assert_allclose(drawn / drawn.sum(), [1 / 8, 0, 3 / 8, 1 / 2], atol=0.02)


@pytest.mark.parametrize("targets", [1, 3])
def test_a_teacher_sees_the_same_targets_with_its_own_field(targets):
    size = {"targets": targets, "spacing": 9}
    windows = Windows(SEQUENCES, 9, causal=True, **size, teacher=Field(27, causal=False))
    frames = torch.tensor([0, 59, 60, 80])
    expected = Windows(SEQUENCES, 27, causal=False, **size).cut(frames).inputs_BTJ2
    torch.testing.assert_close(windows.cut(frames).taught_BTJ2, expected, atol=0, rtol=0)
