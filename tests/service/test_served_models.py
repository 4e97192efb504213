"""Finding models, their aliases, and which jobs run together."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from poselift.errors import InvalidInput, ModelError
from poselift.runtime.clip import ClipModel
from service.metrics import Metrics
from service.request_errors import NotFound
from service.served_models import Batching, Job, ModelSet, ServedModel, model_folders


def served(models: Path, *names: str, batching: Batching | None = None) -> list[ServedModel]:
    metrics = Metrics(CollectorRegistry())
    return [
        ServedModel(ClipModel.load(models / name, "cpu"), batching or Batching(), metrics)
        for name in names
    ]


def job(frames: int, flip: bool = False) -> Job:
    return Job(np.zeros((frames, 17, 2), dtype=np.float32), slice(0, frames), flip)


def test_folders_with_a_graph_are_models(models: Path, tmp_path: Path) -> None:
    names = [folder.name for folder in model_folders(models)]
    assert names == ["causal", "h36m", "person", "rooted", "symmetric"]
    (tmp_path / "notes").mkdir()
    with pytest.raises(
        ModelError, match=r"no model in .*: expected folders that hold a clip\.onnx"
    ):
        model_folders(tmp_path)
    with pytest.raises(ModelError, match="no model in"):
        model_folders(tmp_path / "missing")


def test_links_lead_nowhere_else(models: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(models / "causal", root / "causal")
    (root / "again").symlink_to("causal")
    (root / "causal" / "notes").symlink_to("weights.bin")
    assert [folder.name for folder in model_folders(root)] == ["again", "causal"]
    (root / "causal" / "notes").unlink()
    (root / "causal" / "notes").symlink_to(models / "h36m" / "clip.onnx")
    with pytest.raises(ModelError, match=r"again/notes: a link out of"):
        model_folders(root)
    (root / "causal" / "notes").unlink()
    (root / "h36m").symlink_to(models / "h36m")
    with pytest.raises(ModelError, match=r"h36m: a link out of"):
        model_folders(root)


@pytest.mark.parametrize("target", ["notes", "absent"])
def test_links_that_lead_nowhere_are_refused(models: Path, tmp_path: Path, target: str) -> None:
    root = tmp_path / "root"
    shutil.copytree(models / "causal", root / "causal")
    (root / "causal" / "notes").symlink_to(target)
    with pytest.raises(ModelError, match=r"causal/notes: a link that leads nowhere"):
        model_folders(root)


def test_aliases_are_the_first_of_their_kind(models: Path) -> None:
    found = ModelSet(served(models, "causal", "person", "symmetric")).aliases
    assert found == {"default": "person", "live": "causal"}


def test_aliases_may_be_chosen(models: Path) -> None:
    chosen = ModelSet(served(models, "causal", "person", "symmetric"), default="symmetric")
    assert chosen.aliases["default"] == "symmetric"
    with pytest.raises(ModelError, match="no model is named 'best'; there are causal"):
        ModelSet(served(models, "causal"), default="best")
    with pytest.raises(ModelError, match="'symmetric' is not causal"):
        ModelSet(served(models, "causal", "symmetric"), live="symmetric")


def test_a_lone_model_is_the_default_of_its_kind_or_not(models: Path) -> None:
    assert ModelSet(served(models, "causal")).aliases == {"default": "causal", "live": "causal"}
    assert ModelSet(served(models, "symmetric")).aliases == {"default": "symmetric"}


def test_names_are_unique(models: Path) -> None:
    with pytest.raises(ModelError, match="two models are named 'causal'"):
        ModelSet(served(models, "causal", "causal"))


def test_an_unknown_name_is_invalid_in_a_request_and_not_found_in_a_path(models: Path) -> None:
    found = ModelSet(served(models, "symmetric"))
    with pytest.raises(NotFound, match="no model is named 'live'; there are default, symmetric"):
        found.named("live")
    with pytest.raises(
        InvalidInput, match="model: expected one of default, symmetric, found 'live'"
    ):
        found.asked_for("live")


def test_alike_jobs_run_together_and_unlike_ones_wait(models: Path) -> None:
    (model,) = served(models, "symmetric")
    jobs = [job(frames) for frames in (100, 1000, 101, 3, 98, 100)]
    chosen = model.choose_alike(jobs)
    assert chosen[:4] == [0, 5, 2, 4], "the closest come first"
    assert 1 not in chosen
    assert model.choose_alike(jobs[1:]) == [0]


def test_a_batch_is_bounded(models: Path) -> None:
    (model,) = served(models, "symmetric", batching=Batching(max_batch_frames=1000))
    for frames, flip in ((1, False), (1, True), (100, False), (100, True), (2000, False)):
        jobs = [job(frames, flip)] * 2000
        chosen = model.choose_alike(jobs)
        assert 0 in chosen
        assert sum(model.work_of(jobs[i]) for i in chosen) <= max(
            model.max_batch_work, model.work_of(jobs[0])
        )


def test_batches_have_little_padding(models: Path) -> None:
    (model,) = served(models, "symmetric")
    lengths = np.random.default_rng(0).integers(1, 300, size=200).tolist()
    jobs = [job(frames) for frames in lengths]
    while jobs:
        chosen = set(model.choose_alike(jobs))
        longest = max(len(jobs[index].inputs_TJ2) for index in chosen)
        useful = sum(model.work_of(jobs[index]) for index in chosen)
        assert useful >= 0.8 * len(chosen) * model.work(longest, flip=False)
        jobs = [each for index, each in enumerate(jobs) if index not in chosen]
