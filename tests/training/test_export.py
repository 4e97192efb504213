"""Export: golden checkpoints and our own become folders that the service loads."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from service.lifter import Lifter
from service.pose.normalisation import normaliser
from training.authors import read_authors_checkpoint
from training.checkpoint import Checkpoint, CheckpointError, build_model, save
from training.config import TrainConfig
from training.export import ExportError, export, from_authors, from_checkpoint
from training.model import pad_edges

GOLDEN = Path(__file__).parents[1] / "golden"
MODELS = {
    "sym27": False,
    "sym243": False,
    "sym63_337": False,
    "causal27": True,
    "causal243": True,
    "single1": False,
    "humaneva15_27": False,
}


@pytest.mark.parametrize(("name", "causal"), MODELS.items())
def test_the_authors_checkpoints_agree_with_their_implementation(tmp_path, name, causal):
    golden = np.load(GOLDEN / f"{name}.npz")
    pose, _, _ = read_authors_checkpoint(GOLDEN / f"{name}.bin", causal)
    assert pose.filter_widths == tuple(golden["filter_widths"])
    assert pose.receptive_field == golden["receptive_field"]
    card = export(from_authors(GOLDEN / f"{name}.bin", name, causal, None), tmp_path / name)
    lifter = Lifter.load(tmp_path / name, "cpu", threads=1)
    normalise = normaliser(card.normalisation, card.input.joints, (1000, 1002))
    for frames in (1, 2, 40, 300):
        inputs, _ = normalise(golden[f"pixels_{frames}"])
        np.testing.assert_allclose(inputs, golden[f"keypoints_{frames}"], atol=1e-6)
        lifted = lifter.lift(golden[f"keypoints_{frames}"][None])
        np.testing.assert_allclose(lifted.poses_BTJ3[0], golden[f"pose_{frames}"], atol=1e-5)
        np.testing.assert_allclose(
            lifted.trajectory_BT3[0], golden[f"trajectory_{frames}"], atol=1e-5
        )
        with torch.inference_mode():
            padded = pad_edges(torch.from_numpy(inputs)[None], pose.receptive_field, causal)
            np.testing.assert_allclose(pose(padded)[0], golden[f"pose_{frames}"], atol=1e-5)


class _Bomb:
    """Unpickled the ordinary way, this writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_malicious_checkpoint_runs_nothing(tmp_path):
    """The file keeps its weights and gains an object that would execute code on loading."""
    trap = tmp_path / "trap"
    state = {"model_pos": {}, "random_state": _Bomb(trap)}
    torch.save(state, tmp_path / "bad.bin")
    with pytest.raises(CheckpointError):
        read_authors_checkpoint(tmp_path / "bad.bin", causal=False)
    assert not trap.exists()
    with zipfile.ZipFile(tmp_path / "bad.bin") as archive:  # the trap does work
        pickle.loads(archive.read("bad/data.pkl"))
    assert trap.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps([1, 2])])
def test_files_that_are_no_checkpoints_are_refused(tmp_path, content):
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.bin"):
        read_authors_checkpoint(path, causal=False)


def test_an_unfit_keypoint_format_is_refused():
    with pytest.raises(CheckpointError, match="takes 17 joints; keypoint format 'halpe26'"):
        from_authors(GOLDEN / "sym27.bin", "m", False, "halpe26")


@pytest.fixture
def checkpoint(tmp_path):
    config = TrainConfig(filter_widths=(3, 3), channels=8, causal=True)
    path = tmp_path / "checkpoint.pt"
    save(Checkpoint(config, 1, build_model(config).state_dict(), {}, []), path)
    return path


def test_our_checkpoint_becomes_a_model_whose_card_says_what_it_is(tmp_path, checkpoint):
    exported = from_checkpoint(checkpoint, "mine", {"clean MPJPE": 50.0}, "an hour")
    export(exported, tmp_path / "mine")
    card = Lifter.load(tmp_path / "mine", "cpu").card
    assert card.name == "mine"
    assert card.architecture.causal
    assert card.architecture.receptive_field == 9
    assert card.input.keypoint_format == "coco17"
    assert card.normalisation == "person"
    assert card.training.held_out_errors == {"clean MPJPE": 50.0}
    assert "mocap.cs.cmu.edu" in card.training.data


def test_the_version_is_that_of_the_weights(tmp_path, checkpoint):
    versions = {
        export(from_checkpoint(checkpoint, name, {}, ""), tmp_path / name).version
        for name in ("a", "b")
    }
    assert len(versions) == 1


def test_exporting_again_replaces_a_model_but_nothing_else(tmp_path, checkpoint):
    exported = from_checkpoint(checkpoint, "mine", {}, "")
    export(exported, tmp_path / "mine")
    export(exported, tmp_path / "mine")
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(ExportError, match=r"holds other files: notes\.txt"):
        export(exported, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "precious"
