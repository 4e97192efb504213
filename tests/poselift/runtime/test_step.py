"""Stepping with rings: the poses of the whole clip, with any other tracks in the batch."""

import numpy as np
import onnx
import pytest

from poselift.errors import ModelError
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.runtime.rings import Rings, RingShape
from poselift.runtime.step import StepModel
from tests.models import model_folder

WIDTHS = [(3, 3, 3), (3, 5, 5), (5, 1, 3), (1, 3), (3,), (1,), (3, 1)]


def load(folder):
    lifter = ClipModel.load(folder, "cpu", threads=1)
    return lifter, StepModel.load(folder, lifter.card, RunOptions("cpu", threads=1))


def clip(frames, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(frames, 17, 2)).astype(np.float32)


@pytest.fixture(scope="module", params=WIDTHS, ids=str)
def models(request, tmp_path_factory):
    """A model and its stepper, with each of the widths in turn."""
    folder = tmp_path_factory.mktemp("widths") / "m"
    return load(model_folder(folder, causal=True, filter_widths=request.param))


def test_tracks_that_come_and_go_step_as_if_each_were_alone(models):
    assert_each_steps_as_if_alone(*models)


@pytest.mark.parametrize("widths", [(3, 5, 5), (3, 1)])
def test_trajectories_are_stepped_too(tmp_path, widths):
    folder = model_folder(tmp_path / "m", causal=True, filter_widths=widths, trajectory=True)
    lifter, stepper = load(folder)
    assert_each_steps_as_if_alone(lifter, stepper, trajectory=True)


def assert_each_steps_as_if_alone(lifter, stepper, trajectory=False):
    lengths = [1, 5, 40, 90, 33, 90]
    clips = [clip(length, seed) for seed, length in enumerate(lengths)]
    starts = [0, 0, 3, 10, 50, 95]
    slots = [0, 1, 0, 2, 1, 0]  # taken over from tracks that have ended
    rings = Rings(stepper.rings, 3)
    found = [[] for _ in clips]
    for now in range(200):
        live = [i for i, start in enumerate(starts) if start <= now < start + lengths[i]]
        if not live:
            continue
        rows = np.array([slots[i] for i in live])
        fresh = np.array([starts[i] == now for i in live])
        keypoints = np.stack([clips[i][now - starts[i]] for i in live])
        stepped = stepper.step(keypoints, fresh, rings.past(rows))
        rings.keep(rows, fresh, stepped.rows)
        for row, i in enumerate(live):
            found[i].append(stepped.output.poses[row])
            assert (stepped.output.trajectory is not None) == trajectory
    for poses, inputs in zip(found, clips, strict=True):
        lifted = lifter.lift(inputs[None])
        np.testing.assert_allclose(poses, lifted.poses[0], atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 26, 27, 60])
def test_rebuilt_rings_are_those_that_stepping_left(models, frames):
    lifter, stepper = models
    inputs = clip(frames + 30)
    past = lifter.card.architecture.receptive_field - 1
    before = np.concatenate([np.repeat(inputs[:1], past, axis=0), inputs[:frames]])
    rings, slots = Rings(stepper.rings, 2), np.array([1])
    rings.restore(slots, stepper.rebuild(before[None, len(before) - past :]))
    poses = []
    for frame in inputs[frames:]:
        fresh = np.array([False])
        stepped = stepper.step(frame[None], fresh, rings.past(slots))
        rings.keep(slots, fresh, stepped.rows)
        poses.append(stepped.output.poses[0])
    expected = lifter.lift(inputs[None]).poses[0, frames:]
    np.testing.assert_allclose(poses, expected, atol=1e-4)


def test_a_failed_step_leaves_the_rings_as_they_were(tmp_path):
    _, stepper = load(model_folder(tmp_path / "m", causal=True))
    rings, slots, fresh = Rings(stepper.rings, 1), np.array([0]), np.array([True])
    stepped = stepper.step(clip(1), fresh, rings.past(slots))
    rings.keep(slots, fresh, stepped.rows)
    before = [rows.copy() for rows in rings.past(slots)]
    with pytest.raises(Exception, match="keypoints"):
        stepper.step(np.zeros((1, 3, 2), np.float32), fresh, rings.past(slots))
    for rows, kept in zip(rings.past(slots), before, strict=True):
        np.testing.assert_array_equal(rows, kept)


def test_the_memory_of_a_track_is_that_of_the_design():
    """1024 channels and a receptive field of 243: 0.98 MB."""
    shapes = [RingShape(2, 1, 34), *(RingShape(2, 3**n, 1024) for n in range(1, 5))]
    assert Rings(shapes, 1).bytes_per_track == 240 * 1024 * 4 + 2 * 34 * 4


def test_a_symmetric_model_has_no_step_graph(tmp_path):
    assert load(model_folder(tmp_path / "m"))[1] is None


def test_another_models_step_graph_is_refused(tmp_path):
    one = model_folder(tmp_path / "one", causal=True)
    other = model_folder(tmp_path / "other", causal=True, seed=1)
    card = ClipModel.load(one, "cpu").card
    (other / "step.onnx").replace(one / "step.onnx")
    with pytest.raises(ModelError, match="not that of the clip graph"):
        StepModel.load(one, card, RunOptions("cpu"))
    with pytest.raises(ModelError, match="the card is of version"):
        load(one)


def test_a_step_graph_that_is_none_is_refused(tmp_path):
    folder = model_folder(tmp_path / "m", causal=True)
    card = ClipModel.load(folder, "cpu").card
    graph = onnx.load(folder / "clip.onnx", load_external_data=False)
    onnx.save(graph, folder / "step.onnx")
    with pytest.raises(ModelError, match="card is of a clip graph"):
        StepModel.load(folder, card, RunOptions("cpu"))
