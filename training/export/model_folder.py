"""Model folders, written from checkpoints."""

import copy
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import onnx
from onnx import external_data_helper

from poselift.architectures.tcn import Tcn
from poselift.card import (
    METADATA_KEY,
    Card,
    Graph,
    InputLayout,
    OutputSkeleton,
)
from poselift.formats import FORMATS
from poselift.runtime.model_files import (
    CLIP_GRAPH,
    RINGS_GRAPH,
    STEP_GRAPH,
    WEIGHTS,
    WINDOW_GRAPH,
    model_version,
)
from poselift.skeletons import SKELETONS, Skeleton
from training.export.clip_graph import clip_graph, halved, window_graph
from training.export.export_parity import ExportError, check_parity
from training.export.exported import Exported
from training.export.graph_builder import KEYPOINTS, output_shapes
from training.export.step_graph import rings_graph, step_graph

Precision = Literal["float32", "float16"]

_HALF_TOLERANCE_M = 2e-2
"""Half precision costs 0.2 mm on average and now and then some millimetres, mostly on noise such as
this; that the graph itself is right is known by then."""
_LARGEST_INLINE_BYTES = 128
"""Shapes and slices stay in the graph, where checkers can see them; weights do not."""


def export(exported: Exported, folder: Path, precision: Precision = "float32") -> Card:
    """Write a model folder, whole or not at all, once the graph is known to be right.

    An earlier model there is replaced. Weights in the file have this precision; the arithmetic is
    always float32. Raises `ExportError` if ONNX Runtime and PyTorch disagree about some clip, or if
    the folder holds anything else.
    """
    _refuse_strangers(folder)
    graphs = _graphs(exported)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as temporary:
        made = Path(temporary) / "float32"
        card = _write(graphs, exported, made)
        check_parity(made, exported)
        if precision == "float16":
            made = Path(temporary) / "float16"
            halves = {name: halved(graph) for name, graph in graphs.items()}
            card = _write(halves, exported, made)
            check_parity(made, exported, _HALF_TOLERANCE_M)
        _put_in_place(made, folder, Path(temporary) / "replaced")
    return card


def _graphs(exported: Exported) -> dict[str, onnx.ModelProto]:
    """The graphs of a model by the files they go to.

    Only causal models can be stepped; symmetric ones lift live frames from windows.
    """
    joints = len(FORMATS[exported.keypoint_format].joints)
    networks = exported.pose, joints, 2, exported.trajectory
    graphs = {CLIP_GRAPH: clip_graph(*networks)}
    if exported.pose.causal:
        graphs[STEP_GRAPH] = step_graph(*networks)
        rings = rings_graph(*networks)
        if rings.graph.output:  # a network without wide blocks keeps nothing but keypoints
            graphs[RINGS_GRAPH] = rings
    elif not exported.pose.dense:
        graphs[WINDOW_GRAPH] = window_graph(*networks)
    return graphs


def _write(graphs: dict[str, onnx.ModelProto], exported: Exported, folder: Path) -> Card:
    """Write the weights and the graphs, then the card, which names both by their hash."""
    folder.mkdir()
    graphs = copy.deepcopy(graphs)  # writing takes the weights out of them
    places = _write_weights(graphs[CLIP_GRAPH], folder)
    for name, graph in graphs.items():
        _refer_to_weights(graph, places)
        (folder / name).write_bytes(graph.SerializeToString())
    card = _card(exported, model_version(folder))
    for name, graph in graphs.items():
        described = card if name == CLIP_GRAPH else _described(card, graph)
        onnx.helper.set_model_props(graph, {METADATA_KEY: described.model_dump_json()})
        (folder / name).write_bytes(graph.SerializeToString())
        onnx.checker.check_model(folder / name, full_check=True)
    return card


def _write_weights(clip: onnx.ModelProto, folder: Path) -> dict[bytes, onnx.TensorProto]:
    """Write the large constants of the clip graph; where each lies, by its content."""
    contents = [constant.raw_data for constant in clip.graph.initializer]
    external_data_helper.convert_model_to_external_data(
        clip, location=WEIGHTS, size_threshold=_LARGEST_INLINE_BYTES
    )
    external_data_helper.write_external_data_tensors(clip, str(folder))
    written = zip(contents, clip.graph.initializer, strict=True)
    return {content: constant for content, constant in written if constant.external_data}


def _refer_to_weights(graph: onnx.ModelProto, places: dict[bytes, onnx.TensorProto]) -> None:
    """Replace the large constants of another graph of the model by where they were written."""
    for constant in graph.graph.initializer:
        if len(constant.raw_data) > _LARGEST_INLINE_BYTES:
            written = places[constant.raw_data]
            constant.ClearField("raw_data")
            constant.external_data.extend(written.external_data)
            constant.data_location = written.data_location


def _described(card: Card, graph: onnx.ModelProto) -> Card:
    """The card for another graph of the same model."""
    inputs = tuple(tensor.name for tensor in graph.graph.input)
    outputs = tuple(tensor.name for tensor in graph.graph.output)
    described = Graph(kind=graph.graph.name, inputs=inputs, outputs=outputs)
    return card.model_copy(update={"graph": described})


def _refuse_strangers(folder: Path) -> None:
    """Only the files of a model folder are ever replaced."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ExportError(f"{folder}: is a file; expected a folder to write")
    own = {CLIP_GRAPH, STEP_GRAPH, RINGS_GRAPH, WINDOW_GRAPH, WEIGHTS}
    strangers = {item.name for item in folder.iterdir()} - own
    if strangers:
        raise ExportError(f"{folder}: holds other files: {', '.join(sorted(strangers))}")


def _put_in_place(made: Path, folder: Path, replaced: Path) -> None:
    made.chmod(0o755)  # temporary files are their owner's alone; a model is for anyone to serve
    for item in made.iterdir():
        item.chmod(0o644)
    if folder.exists():
        folder.rename(replaced)  # goes away with the temporary folder around it
    made.rename(folder)


def _card(exported: Exported, version: str) -> Card:
    model = exported.pose
    skeleton = _skeleton(model.joints_out)
    outputs = tuple(output_shapes(model, exported.trajectory))
    return Card(
        name=exported.name,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        input=InputLayout(
            keypoint_format=exported.keypoint_format,
            joints=FORMATS[exported.keypoint_format].joints,
        ),
        output=OutputSkeleton(
            name=skeleton.name,
            joints=skeleton.joints,
            parents=skeleton.parents,
            left=skeleton.left,
            right=skeleton.right,
        ),
        architecture=Tcn(
            filter_widths=model.filter_widths,
            causal=model.causal,
            channels=model.shrink.in_channels,
            receptive_field=model.receptive_field,
        ),
        normalisation=exported.normalisation,
        trajectory_camera=exported.trajectory_camera,
        graph=Graph(kind="clip", inputs=(KEYPOINTS,), outputs=outputs),
        licence=exported.licence,
        training=exported.training,
    )


def _skeleton(joints: int) -> Skeleton:
    for skeleton in SKELETONS.values():
        if len(skeleton.joints) == joints:
            return skeleton
    known = ", ".join(f"{len(s.joints)} ({s.name})" for s in SKELETONS.values())
    raise ExportError(f"the model's poses have {joints} joints; known skeletons have {known}")
