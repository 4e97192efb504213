"""Loading model folders: errors are named, and no invalid folder is served."""

import json
import shutil
import sys

import onnx
import pytest

from poselift.card import METADATA_KEY
from poselift.errors import ModelError
from poselift.runtime.clip import ClipModel
from poselift.runtime.model_files import CLIP_GRAPH, WEIGHTS, model_version, weights_version
from tests.models import model_folder


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("models") / "good")


@pytest.fixture
def folder(good, tmp_path):
    return shutil.copytree(good, tmp_path / "copy")


def rewrite_card(folder, change):
    """Load the graph, change its card as a dictionary, and write it back."""
    graph = onnx.load(folder / CLIP_GRAPH, load_external_data=False)
    card = json.loads({p.key: p.value for p in graph.metadata_props}[METADATA_KEY])
    change(card)
    onnx.helper.set_model_props(graph, {METADATA_KEY: json.dumps(card)})
    (folder / CLIP_GRAPH).write_bytes(graph.SerializeToString())


def test_a_good_folder_loads_and_says_where_it_runs(folder):
    lifter = ClipModel.load(folder, "cpu")
    assert lifter.provider == "cpu"
    assert lifter.card.name == "good"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda card: card["input"].update(joints=["nose"]), r"keypoints: the card says .*1, 2"),
        (lambda card: card["input"].update(channels=["x", "y", "score"]), r"the card says .*17, 3"),
        (lambda card: card["output"].update(joints=["hip"]), r"poses: the card says .*1, 3"),
        (lambda card: card["graph"].update(outputs=["pose"]), r"names \['pose'\].*has \['poses'\]"),
        (lambda card: card["graph"].update(inputs=["x"]), r"names \['x'\].*has \['keypoints'\]"),
        (lambda card: card["graph"].update(kind="step"), "graph kind 'step' in clip.onnx"),
        (
            lambda card: card["architecture"].update(receptive_field=243),
            "receptive field 243, but the widths make 27",
        ),
    ],
)
def test_a_card_that_disagrees_with_its_graph_is_refused(folder, change, said):
    rewrite_card(folder, change)
    with pytest.raises(ModelError, match=f"disagree: .*{said}"):
        ClipModel.load(folder, "cpu")


def rewrite_graph(folder, change):
    graph = onnx.load(folder / CLIP_GRAPH, load_external_data=False)
    change(graph.graph)
    (folder / CLIP_GRAPH).write_bytes(graph.SerializeToString())


def fix_batch(graph):
    for tensor in (*graph.input, *graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_value = 1


def test_a_graph_of_fixed_batch_is_refused(folder):
    rewrite_graph(folder, fix_batch)
    said = (
        r"keypoints: the card says \(batch, frames, 17, 2\), the graph has \(1, 'frames', 17, 2\)"
    )
    with pytest.raises(ModelError, match=said):
        ClipModel.load(folder, "cpu")


def answer_in_doubles(graph):
    graph.node[-1].output[0] = "singles"
    cast = onnx.helper.make_node("Cast", ["singles"], ["poses"], to=onnx.TensorProto.DOUBLE)
    graph.node.append(cast)
    graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE


def test_a_graph_of_other_numbers_is_refused(folder):
    rewrite_graph(folder, answer_in_doubles)
    with pytest.raises(
        ModelError, match=r"poses: expected float32, the graph has tensor\(double\)"
    ):
        ClipModel.load(folder, "cpu")


def test_weights_of_another_training_are_refused(folder, tmp_path):
    other = model_folder(tmp_path / "other", seed=1)
    shutil.copy(other / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(
        ModelError, match=r"the card is of version \w{12}, the files make \w{12} or \w{12}"
    ):
        ClipModel.load(folder, "cpu")


def test_truncated_weights_are_refused(folder):
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"clip\.onnx: "):
        ClipModel.load(folder, "cpu")


def test_a_card_that_cannot_be_read_is_refused(folder):
    rewrite_card(folder, lambda card: card.pop("units") and card.update(axes="upside down"))
    with pytest.raises(ModelError, match=r"its card cannot be read: (?s:.*)axes"):
        ClipModel.load(folder, "cpu")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda card: card.update(name="../up"), "name"),
        (lambda card: card.update(name="a" * 101), "name"),
        (lambda card: card.update(name="line\nbreak"), "name"),
        (lambda card: card["architecture"].update(receptive_field=10**9), "receptive_field"),
        (lambda card: card.update(licence="a" * 300_000), "over 262144 characters"),
    ],
)
def test_names_and_cards_are_bounded(folder, change, said):
    rewrite_card(folder, change)
    with pytest.raises(ModelError, match=rf"its card (?s:.*){said}"):
        ClipModel.load(folder, "cpu")


def test_a_card_nested_without_end_is_refused(folder):
    graph = onnx.load(folder / CLIP_GRAPH, load_external_data=False)
    onnx.helper.set_model_props(graph, {METADATA_KEY: "[" * 200_000})
    (folder / CLIP_GRAPH).write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match="its card cannot be read"):
        ClipModel.load(folder, "cpu")


def test_a_graph_without_card_is_refused(folder):
    graph = onnx.load(folder / CLIP_GRAPH, load_external_data=False)
    del graph.metadata_props[:]
    (folder / CLIP_GRAPH).write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match="has no card"):
        ClipModel.load(folder, "cpu")


def test_missing_files_are_named(folder, tmp_path):
    with pytest.raises(ModelError, match=r"nowhere.*clip\.onnx: no such file"):
        ClipModel.load(tmp_path / "nowhere", "cpu")
    (folder / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"cannot load it: .*weights\.bin"):
        ClipModel.load(folder, "cpu")


@pytest.mark.parametrize("place", ["../weights.bin", "{absolute}/weights.bin"])
def test_weights_elsewhere_are_refused(folder, place):
    (folder / "weights.bin").rename(folder.parent / "weights.bin")
    graph = onnx.load(folder / CLIP_GRAPH, load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = place.format(absolute=folder.parent)
    (folder / CLIP_GRAPH).write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match="cannot load it"):
        ClipModel.load(folder, "cpu")


@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_a_corrupt_graph_is_refused(folder, content):
    (folder / CLIP_GRAPH).write_bytes(content)
    with pytest.raises(ModelError, match=r"clip\.onnx: ONNX Runtime cannot load it"):
        ClipModel.load(folder, "cpu")


def test_asking_for_a_gpu_without_one_falls_back_or_refuses(folder, caplog):
    assert ClipModel.load(folder, "cuda").provider == "cpu"
    assert "asked for cuda, but ONNX Runtime runs it on CPUExecutionProvider" in caplog.text
    with pytest.raises(ModelError, match="not falling back, as providers are strict"):
        ClipModel.load(folder, "cuda", strict=True)


def test_an_unknown_provider_is_refused(folder):
    with pytest.raises(ModelError, match="provider 'tpu': expected auto, cpu or cuda"):
        ClipModel.load(folder, "tpu")


def test_both_runtime_packages_at_once_are_refused(folder, tmp_path, monkeypatch):
    for package in ("onnxruntime", "onnxruntime_gpu"):
        metadata = tmp_path / "site" / f"{package}-1.31.1.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.31.1\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(ModelError, match=r"onnxruntime and onnxruntime-gpu are both installed"):
        ClipModel.load(folder, "cpu")


def test_without_a_runtime_the_error_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it then raises ImportError
    with pytest.raises(ModelError, match=r"install poselift\[cpu\], or poselift\[gpu\]"):
        ClipModel.load(folder, "cpu")


def test_the_version_covers_weights_and_graphs_but_not_the_card(folder):
    version = ClipModel.load(folder, "cpu").card.version
    assert version == model_version(folder)
    rewrite_card(folder, lambda card: card.update(licence="another"))
    assert model_version(folder) == version
    graph = onnx.load(folder / CLIP_GRAPH, load_external_data=False)
    bare = graph.SerializeToString()
    graph.doc_string = "another graph"
    assert graph.SerializeToString() != bare
    (folder / CLIP_GRAPH).write_bytes(graph.SerializeToString())
    assert model_version(folder) != version
    with pytest.raises(ModelError, match="the card is of version"):
        ClipModel.load(folder, "cpu")


def test_models_whose_version_is_of_the_weights_alone_load_as_before(folder):
    rewrite_card(folder, lambda card: card.update(version=weights_version(folder)))
    assert ClipModel.load(folder, "cpu").card.version == weights_version(folder)
