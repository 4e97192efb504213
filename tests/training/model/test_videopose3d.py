"""VideoPose3D checkpoints: read in both of PyTorch's formats, and nothing in them is executed."""

import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from training.model.checkpoint import CheckpointError
from training.model.videopose3d import read_videopose3d

GOLDEN = Path(__file__).parents[2] / "golden"
SYM27 = GOLDEN / "sym27.bin"


def golden_state():
    pose, trajectory, _ = read_videopose3d(SYM27, causal=False)
    return {"model_pos": pose.state_dict(), "model_traj": trajectory.state_dict()}


def test_architecture_is_read_off_the_weights():
    pose, trajectory, joints = read_videopose3d(GOLDEN / "sym63_337.bin", causal=True)
    assert (pose.filter_widths, pose.shrink.in_channels, joints) == ((3, 3, 7), 48, 17)
    assert (pose.joints_out, trajectory.joints_out) == (17, 1)
    assert pose.causal
    assert not pose.training


class OldGenerator:
    """Pickles as NumPy's generators did when VideoPose3D was published."""

    def __reduce__(self):
        state = ("MT19937", np.arange(624, dtype=np.uint32), 624, 0, 0.0)
        return (getattr(np.random, "__RandomState_ctor"), (), state)

    def __setstate__(self, _): ...


@pytest.mark.parametrize("zipped", [True, False])
def test_old_and_new_files_hold_the_same(tmp_path, zipped):
    """VideoPose3D's files are older than PyTorch's zip format, and so is their NumPy."""
    state = {"epoch": 80, "lr": 0.001, "random_state": OldGenerator(), **golden_state()}
    path = tmp_path / "old.bin"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    pose, _, _ = read_videopose3d(path, causal=False)
    for name, value in pose.state_dict().items():
        assert torch.equal(value, state["model_pos"][name])


def test_a_model_without_trajectory(tmp_path):
    torch.save({**golden_state(), "model_traj": None}, tmp_path / "pose.bin")
    assert read_videopose3d(tmp_path / "pose.bin", causal=False)[1] is None


class Trap:
    """Unpickled the ordinary way, this makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["random_state", "optimizer", "model_traj"])
def test_a_malicious_checkpoint_executes_no_code(tmp_path, place, zipped):
    """The file has every weight it should, and an object that would run code on loading."""
    trap, path = tmp_path / "trap", tmp_path / "bad.bin"
    state = {**golden_state(), place: Trap(trap)}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r"bad\.bin: .*not a safe one"):
        read_videopose3d(path, causal=False)
    assert not trap.exists()
    torch.load(path, weights_only=False)
    assert trap.exists(), "the trap does not work"


@pytest.mark.parametrize("module", ["numpy.random", "numpy", "torch", "builtins"])
def test_only_the_few_names_are_known(tmp_path, module):
    """Names next to the allowed ones are refused."""
    payload = f"c{module}\n__name__\n.".encode()
    with zipfile.ZipFile(SYM27) as golden, zipfile.ZipFile(tmp_path / "x.bin", "w") as bad:
        for item in golden.infolist():
            pickled = item.filename.endswith("data.pkl")
            bad.writestr(item, payload if pickled else golden.read(item))
    with pytest.raises(CheckpointError, match="not a safe one"):
        read_videopose3d(tmp_path / "x.bin", causal=False)


def test_torchscript_is_refused(tmp_path):
    """Such an archive is a program; PyTorch runs parts of it on loading."""
    path = shutil.copy(SYM27, tmp_path / "script.bin")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(archive.namelist()[0].split("/")[0] + "/constants.pkl", b"")
    with pytest.raises(CheckpointError, match="TorchScript"):
        read_videopose3d(path, causal=False)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps([1, 2])])
def test_files_that_are_no_checkpoints_are_refused(tmp_path, content):
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        read_videopose3d(path, causal=False)


def without(name):
    return lambda weights: weights.pop(name)


@pytest.mark.parametrize(
    "change",
    [
        without("expand_conv.weight"),
        without("shrink.bias"),
        without("layers_bn.1.running_mean"),
        lambda weights: weights.update({"expand_conv.weight": torch.zeros(3)}),
        lambda weights: weights.update({"expand_conv.weight": torch.zeros(48, 34, 4)}),
        lambda weights: weights.update({"layers_conv.0.weight": torch.zeros(48)}),
        lambda weights: weights.update({"shrink.weight": 7}),
        lambda weights: weights.update({"surprise": torch.zeros(3)}),
    ],
)
def test_other_architectures_are_refused(tmp_path, change):
    state = golden_state()
    change(state["model_pos"])
    torch.save(state, tmp_path / "x.bin")
    with pytest.raises(CheckpointError, match="model_pos: the weights are of another architecture"):
        read_videopose3d(tmp_path / "x.bin", causal=False)


@pytest.mark.parametrize("state", [{}, [1], {"model": {}}, {"model_pos": None}])
def test_other_layouts_are_refused(tmp_path, state):
    torch.save(state, tmp_path / "x.bin")
    with pytest.raises(CheckpointError, match="model_pos"):
        read_videopose3d(tmp_path / "x.bin", causal=False)


def test_a_trajectory_model_of_other_joints_is_refused(tmp_path):
    state = golden_state()
    other = read_videopose3d(GOLDEN / "humaneva15_27.bin", causal=False)[1]
    torch.save({**state, "model_traj": other.state_dict()}, tmp_path / "x.bin")
    with pytest.raises(CheckpointError, match=r"expected 17 joints in and 1 out.*not 15 and 1"):
        read_videopose3d(tmp_path / "x.bin", causal=False)
