"""Model folders, written from checkpoints."""

import copy
import shlex
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import onnx
from onnx import external_data_helper
from pydantic import TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, CliPositionalArg

from poselift.card import (
    METADATA_KEY,
    Architecture,
    Card,
    Graph,
    InputLayout,
    OutputSkeleton,
    Training,
)
from poselift.formats import FORMATS
from poselift.normalisation import ScreenCamera
from poselift.runtime.clip import (
    CLIP_GRAPH,
    RINGS_GRAPH,
    STEP_GRAPH,
    WEIGHTS,
    WINDOW_GRAPH,
    weights_version,
)
from poselift.skeletons import SKELETONS, Skeleton
from training.command import command_line
from training.config.train_config import TrainConfig
from training.data.datasets.clips import Summary
from training.export.clip_graph import KEYPOINTS, clip_graph, halved, output_shapes
from training.export.export_parity import Exported, ExportError, check_parity
from training.export.step_graph import rings_graph, step_graph
from training.export.window_graph import window_graph
from training.model.checkpoint import load_networks
from training.model.videopose3d import VIDEOPOSE3D_SUFFIX, read_videopose3d, videopose3d_format

Precision = Literal["float32", "float16"]
UNSTATED_LICENCE = "not stated; the terms of what it was trained on bind its use too"
VIDEOPOSE3D_LICENCE = "CC-BY-NC-4.0, as the authors published them: not for commercial use"
SCALE = "One camera cannot tell size from distance: poses have the scale of an ordinary adult."
HUMAN36M_CAMERA = ScreenCamera((2.29, 2.29), (0.03, 0.01))
"""About where Human3.6M's four cameras lie, whose trajectories the authors' models learned."""
_HALF_TOLERANCE_M = 2e-2
"""Half precision costs 0.2 mm on average and now and then some millimetres, mostly on noise such as
this; that the graph itself is right is known by then."""
_LARGEST_INLINE_BYTES = 128
"""Shapes and slices stay in the graph, where checkers can see them; weights do not."""


def export(exported: Exported, folder: Path, precision: Precision = "float32") -> Card:
    """Write a model folder, whole or not at all, once the graph is known to be right.

    Args:
        exported: the model and what its card says of it.
        folder: is made; an earlier model there is replaced.
        precision: of the weights in the file; the arithmetic is always float32.

    Raises:
        ExportError: ONNX Runtime and PyTorch disagree about some clip, or the folder holds
            anything else.
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
    """Write the weights, then the graphs with a card that names them by their hash."""
    folder.mkdir()
    graphs = copy.deepcopy(graphs)  # writing takes the weights out of them
    places = _write_weights(graphs[CLIP_GRAPH], folder)
    card = _card(exported, weights_version(folder))
    for name, graph in graphs.items():
        _refer_to_weights(graph, places)
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
    strangers = {item.name for item in folder.iterdir()} - {
        CLIP_GRAPH,
        STEP_GRAPH,
        RINGS_GRAPH,
        WINDOW_GRAPH,
        WEIGHTS,
    }
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
        architecture=Architecture(
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


@dataclass(frozen=True)
class Remarks:
    """What only whoever exports a checkpoint can say, for the card."""

    errors: dict[str, float] = field(default_factory=dict)
    """Of held-out people."""
    licence: str = UNSTATED_LICENCE
    recipe: str = ""
    """How to make such weights again, if that takes more than the last run."""
    cost: str = ""
    limits: str = ""


def from_checkpoint(
    path: Path,
    name: str,
    remarks: Remarks = Remarks(),
) -> Exported:
    """What to export of one of this project's checkpoints."""
    networks, checkpoint = load_networks(path)
    config, motions = checkpoint.config, checkpoint.motions
    assert config.keypoint_format is not None, "a run settles it when it opens its data"
    return Exported(
        name=name,
        pose=networks.pose,
        trajectory=networks.trajectory,
        trajectory_camera=checkpoint.trajectory_camera,
        keypoint_format=config.keypoint_format,
        normalisation=config.normalisation,
        licence=remarks.licence,
        training=Training(
            data=(
                f"{motions.minutes:.0f} minutes of {len(motions.subjects)} subjects: "
                f"{motions.origin}"
            ),
            frame_rates=_frame_rates(config, motions),
            seed=config.seed,
            recipe=remarks.recipe or _command(config),
            cost=remarks.cost,
            held_out_errors=remarks.errors,
            limits=f"{remarks.limits} {SCALE}".strip(),
        ),
    )


def _frame_rates(config: TrainConfig, motions: Summary) -> tuple[float, ...]:
    if motions.recorded:
        return (motions.fps,)
    slowest, fastest = config.speed
    return (round(motions.fps / fastest, 1), round(motions.fps / slowest, 1))


def _command(config: TrainConfig) -> str:
    """The command of a run, as far as its result depends on it."""
    words = ["python -m training.train"]
    chosen = config.model_dump(
        mode="json", exclude={"output", "device", "threads"}, exclude_defaults=True
    )
    for name, value in chosen.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{option}")
        else:
            listed = ",".join(map(str, value)) if isinstance(value, list) else value
            words.append(f"--{option} {shlex.quote(str(listed))}")
    return " ".join(words)


def from_videopose3d(path: Path, name: str, causal: bool, keypoint_format: str | None) -> Exported:
    """What to export of one of the paper authors' checkpoints."""
    pose, trajectory, joints = read_videopose3d(path, causal)
    return Exported(
        name=name,
        pose=pose,
        trajectory=trajectory,
        trajectory_camera=None if joints == 15 else HUMAN36M_CAMERA,
        keypoint_format=videopose3d_format(path, joints, keypoint_format),
        normalisation="screen",
        licence=VIDEOPOSE3D_LICENCE,
        training=Training(
            data="a checkpoint in the paper authors' format",
            frame_rates=(60.0,) if joints == 15 else (50.0,),  # HumanEva's and Human3.6M's
        ),
    )


class ExportCommand(BaseSettings):
    """Write a model folder that the service can serve; refuses if it would compute otherwise."""

    model_config = command_line("training.export")

    checkpoint: CliPositionalArg[Path]
    """One of this project's checkpoints (.pt), or one of the paper authors' (.bin)."""
    output: Path
    """The model folder to write."""
    name: str | None = None
    """The model's name, if not the folder's."""
    causal: bool = False
    """For .bin files, which do not say: the model sees only the past."""
    keypoint_format: str | None = None
    """For .bin files: the input's layout, if not h36m17 (or, for 15 joints, humaneva15)."""
    errors: Path | None = None
    """Held-out errors as ``training.evaluate --output`` writes them, for the card."""
    licence: str = ""
    """Under which the weights may be used, for the card; not stated if not given, since it depends
    on what the model was trained on."""
    recipe: str = ""
    """How to make such weights again, for the card; the last run's command if not given."""
    cost: str = ""
    """What the training took, for the card."""
    limits: str = ""
    """What the model is not to be used for, for the card."""
    precision: Precision = "float32"
    """Of the weights in the file: float16 halves it; the arithmetic is float32 either way."""

    def cli_cmd(self) -> None:
        """Run it."""
        name = self.name or self.output.name
        if self.checkpoint.suffix == VIDEOPOSE3D_SUFFIX:
            self._refuse("errors", "licence", "recipe", "cost", "limits")
            exported = from_videopose3d(self.checkpoint, name, self.causal, self.keypoint_format)
        else:
            self._refuse("causal", "keypoint_format")
            remarks = Remarks(
                self._read_errors(),
                self.licence or UNSTATED_LICENCE,
                self.recipe,
                self.cost,
                self.limits,
            )
            exported = from_checkpoint(self.checkpoint, name, remarks)
        card = export(exported, self.output, self.precision)
        print(f"{self.output}: model {card.name}, version {card.version}")

    def _refuse(self, *names: str) -> None:
        """Options that say nothing about this kind of checkpoint."""
        for name in names:
            if getattr(self, name):
                option = name.replace("_", "-")
                raise ValueError(f"--{option} is not for {self.checkpoint.suffix} checkpoints")

    def _read_errors(self) -> dict[str, float]:
        if self.errors is None:
            return {}
        try:
            return TypeAdapter(dict[str, float]).validate_json(self.errors.read_bytes())
        except ValidationError:
            raise ValueError(f"{self.errors}: expected what evaluate --output writes") from None
