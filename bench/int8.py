"""Models in 8-bit integers against float32: speed on one thread, and errors on held-out people.

The products of the residual blocks are quantised, weights per channel and activations unsigned; the
first and the last layers stay as they are, as otherwise poses jitter. Static: activations by ranges
found on training motion, without the first block for the same reason; dynamic: by the range of each
batch. The baseline is the shipped graph. What the processor has decides: one with VNNI multiplies
bytes several times as fast as floats.

    python -m bench.int8 [--calibration TRAINING.npz --data HELD_OUT.npz] [--threads 1]

Both files are of ``training.prepare``. Without them only the speed is measured.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from onnxruntime import quantization

from bench.figures import Figure, Figures, Goal, Missing
from bench.stepping import stepping
from poselift.array_types import Floats
from poselift.card import Card
from poselift.poses import ModelOutput
from poselift.runtime.onnx_session import RunOptions, open_graph
from poselift.runtime.rings import Rings
from poselift.runtime.step import StepModel
from poselift.shipped_models import DEFAULT, LIVE, model_folder
from training import metrics
from training.data.datasets.prepared import MotionSet
from training.data.sequences import PoseSequence
from training.data.sources import CONDITIONS, evaluation_sequences
from training.data.synthetic import ProjectionOptions, project_clip

_FRAMES: Final = 243
_TRACKS: Final = 16
_STEPPED_FRAMES: Final = 200
_CALIBRATION_CLIPS: Final = 100
_CALIBRATION_WINDOWS: Final = 80
_TAPS: Final = 3
_PERCENTILE: Final = 99.9
"""Of activations, beyond which they are clipped: of those tried the one with the least jitter."""
_FASTER: Final = Goal(1.5)
_MOST_RISE_MM: Final = 0.5
_MOST_JITTER: Final = Goal(1.05, at_most=True)
_AGREES: Final = Goal(0.1, at_most=True, of_value=True)
"""Millimetres between a clip alone and the same one among others."""


@dataclass(frozen=True)
class _Data:
    """Windows of model input to calibrate with, and held-out sequences by condition."""

    calibration: list[Floats]
    held_out: dict[str, list[PoseSequence]]


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Print and return how each kind compares with float32."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calibration", type=Path, help="prepared motion that was trained on")
    parser.add_argument("--data", type=Path, help="prepared motion, whose held-out side is used")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    if bool(options.calibration) != bool(options.data):
        parser.error("--calibration and --data: expected both or neither")
    figures: Figures = []
    with tempfile.TemporaryDirectory() as folder:
        figures += _clips(Path(folder), options)
        figures += _live(Path(folder), options)
    for each in figures:
        print(each, flush=True)
    if not options.data:
        needed = "prepared motion: python -m bench.int8 --calibration ... --data ..."
        figures.append(Missing("errors of models in 8-bit integers", f"needs {needed}"))
    return figures


def _clips(folder: Path, options: argparse.Namespace) -> Figures:
    """The default model on clips, static and dynamic."""
    source = model_folder(DEFAULT)
    session, card = open_graph(source / "clip.onnx", RunOptions("cpu", threads=options.threads))
    data = _data(card, options)
    kinds = {"float32": session}
    for kind, graph in _quantised_clips(source, folder, data):
        kinds[f"{kind} int8"] = _opened(graph, options.threads)
    batch = np.stack([data.calibration[0]] * 8)
    ways = {name: partial(_lift, each, batch) for name, each in kinds.items()}
    taken = _medians(ways, options.rounds)
    figures: Figures = []
    for name, each in list(kinds.items())[1:]:
        what = f"{name}, {card.name}, clips of {_FRAMES} frames, {options.threads} threads"
        rate, base = (batch.shape[0] * _FRAMES / taken[kind] for kind in (name, "float32"))
        figures.append(Figure(what, rate, "frames/s", "float32", base, _FASTER))
        if data.held_out:  # of noise it would tell nothing
            figures.append(_agreement(f"{name}, a clip alone and among others", each, data))
        for condition, clips in data.held_out.items():
            before, after = (
                _errors(clips, [_lift(kinds[kind], clip.inputs_TJ2[None])[0] for clip in clips])
                for kind in ("float32", name)
            )
            figures += _risen(f"{name}, {card.name}, {condition}", before, after)
    return figures


def _live(folder: Path, options: argparse.Namespace) -> Figures:
    """The live model stepped, dynamic."""
    source = model_folder(LIVE)
    session, card = open_graph(source / "step.onnx", RunOptions("cpu", threads=options.threads))
    ends = [
        node.name
        for node, (size_in, out) in _products(source / "step.onnx")
        if size_in not in {out, _TAPS * out}  # not of a block
    ]
    quantised = folder / "step-dynamic.onnx"
    _dynamic(source / "step.onnx", quantised, ends)
    steppers = {
        "float32": StepModel(session, None, card),
        "dynamic int8": StepModel(_opened(quantised, options.threads), None, card),
    }
    taken = _medians(
        {
            name: stepping(each, Rings(each.rings, _TRACKS), _TRACKS)
            for name, each in steppers.items()
        },
        10 * options.rounds,
    )
    what = f"dynamic int8, {card.name}, {_TRACKS} live tracks, {options.threads} threads"
    rate, base = (_TRACKS / taken[kind] for kind in ("dynamic int8", "float32"))
    figures: Figures = [Figure(what, rate, "frames/s", "float32", base, _FASTER)]
    for condition, clips in _data(card, options).held_out.items():
        long = [clip for clip in clips if len(clip.inputs_TJ2) >= _STEPPED_FRAMES][:_TRACKS]
        before, after = (_errors(long, _stepped(each, long)) for each in steppers.values())
        figures += _risen(f"dynamic int8, {card.name} stepped, {condition}", before, after)
    return figures


def _data(card: Card, options: argparse.Namespace) -> _Data:
    """Motion projected as in training; without files, noise that only speed is measured with."""
    if not (options.calibration and options.data):
        noise = np.random.default_rng(0).normal(size=(2, _FRAMES, len(card.input.joints), 2))
        return _Data(list(noise.astype(np.float32)), {})
    how = ProjectionOptions(
        keypoint_format=card.input.keypoint_format,
        normalisation=card.normalisation,
        causal=card.architecture.causal,
    )
    motions = MotionSet.load(options.calibration).split(held_out=False)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(motions))[:_CALIBRATION_CLIPS]
    calibration = [
        project_clip(motions.clip(int(index)), motions, how, rng)[0].inputs_TJ2 for index in chosen
    ]
    held_out = MotionSet.load(options.data).split(held_out=True)
    windows = [
        clip[start : start + _FRAMES]
        for clip in calibration
        for start in range(0, len(clip) - _FRAMES, 2 * _FRAMES)
    ]
    return _Data(
        windows[:_CALIBRATION_WINDOWS],
        {
            name: [
                clip.sequence
                for clip, _ in evaluation_sequences(held_out, how.for_evaluation(level), cameras=1)
            ]
            for name, level in CONDITIONS.items()
        },
    )


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Clips, one after the other."""

    def __init__(self, clips: Sequence[Floats]) -> None:
        self._clips = iter(clips)

    def get_next(self) -> dict[str, Floats] | None:
        """The next one, as the graph wants it."""
        clip = next(self._clips, None)
        return None if clip is None else {"keypoints": clip[None]}


def _quantised_clips(source: Path, folder: Path, data: _Data) -> Iterator[tuple[str, Path]]:
    """The clip graph in both kinds; the products of its blocks are its ``Gemm``."""
    static, dynamic = folder / "clip-static.onnx", folder / "clip-dynamic.onnx"
    products = [node for node, _ in _products(source / "clip.onnx")]
    first_block = [node.name for node in products if node.op_type == "Gemm"][:2]
    quantization.quantize_static(
        source / "clip.onnx",
        static,
        _Reader(data.calibration),
        quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=["Gemm"],
        nodes_to_exclude=first_block,
        calibrate_method=quantization.CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": _PERCENTILE},
    )
    yield "static", static
    ends = [node.name for node in products if node.op_type == "MatMul"]
    _dynamic(source / "clip.onnx", dynamic, ends)
    yield "dynamic", dynamic


def _dynamic(source: Path, made: Path, left_out: Sequence[str]) -> None:
    quantization.quantize_dynamic(
        source,
        made,
        per_channel=True,
        weight_type=quantization.QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"],
        nodes_to_exclude=list(left_out),
    )


def _products(path: Path) -> Iterator[tuple[onnx.NodeProto, tuple[int, ...]]]:
    """The matrix products of a graph, and the shapes of their weights."""
    graph = onnx.load(path, load_external_data=False).graph
    shapes = {constant.name: tuple(constant.dims) for constant in graph.initializer}
    for node in graph.node:
        if node.op_type in {"MatMul", "Gemm"}:
            yield node, shapes[node.input[1]]


def _opened(path: Path, threads: int) -> Any:  # noqa: ANN401
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _lift(session: Any, keypoints_BTJ2: Floats) -> list[ModelOutput]:  # noqa: ANN401
    poses, trajectory = session.run(["poses", "trajectory"], {"keypoints": keypoints_BTJ2})
    return [ModelOutput(*each) for each in zip(poses, trajectory, strict=True)]


def _stepped(stepper: StepModel, clips: Sequence[PoseSequence]) -> list[ModelOutput]:
    """Clips lifted side by side, frame by frame."""
    rings, slots = Rings(stepper.rings, len(clips)), np.arange(len(clips))
    inputs_BTJ2 = np.stack([clip.inputs_TJ2[:_STEPPED_FRAMES] for clip in clips])
    found = []
    for number in range(_STEPPED_FRAMES):
        fresh = np.full(len(clips), number == 0)
        stepped = stepper.step(inputs_BTJ2[:, number], fresh, rings.past(slots))
        rings.keep(slots, fresh, stepped.rows)
        found.append(stepped.output)
    trajectories = [each.trajectory for each in found if each.trajectory is not None]
    poses_BTK3, trajectory_BT3 = (
        np.stack(parts, axis=1) for parts in ([each.poses for each in found], trajectories)
    )
    return [ModelOutput(*each) for each in zip(poses_BTK3, trajectory_BT3, strict=True)]


def _errors(clips: Sequence[PoseSequence], outputs: Sequence[ModelOutput]) -> dict[str, float]:
    """MPJPE and MPJVE over all frames of these clips that were lifted, in their units."""
    frames, sums = 0, dict.fromkeys(("MPJPE", "MPJVE"), 0.0)
    for clip, output in zip(clips, outputs, strict=True):
        count = len(output.poses)
        targets_TK3 = clip.inverse.poses(clip.targets_TK3)[:count]
        whole = _as_long(output, len(clip.targets_TK3))
        poses_TK3 = clip.decode(whole).poses[:count]
        frames += count
        for name in sums:
            metric = metrics.METRICS[name]
            sums[name] += count * metric.of(poses_TK3, targets_TK3) * metric.factor
    return {name: total / frames for name, total in sums.items()}


def _as_long(output: ModelOutput, frames: int) -> ModelOutput:
    """With the last frame repeated, as a sequence is decoded whole."""
    rows = np.arange(frames).clip(max=len(output.poses) - 1)
    assert output.trajectory is not None
    return ModelOutput(output.poses[rows], output.trajectory[rows])


def _risen(what: str, before: dict[str, float], after: dict[str, float]) -> Figures:
    most = Goal(before["MPJPE"] + _MOST_RISE_MM, at_most=True, of_value=True)
    return [
        Figure(f"MPJPE, {what}", after["MPJPE"], "mm", "float32", before["MPJPE"], most),
        Figure(f"MPJVE, {what}", after["MPJVE"], "mm", "float32", before["MPJVE"], _MOST_JITTER),
    ]


def _agreement(what: str, session: Any, data: _Data) -> Figure:  # noqa: ANN401
    """How far a clip's poses are from those of the same clip in a batch with others, at most."""
    batch = np.stack(data.calibration[:16])
    together, alone = _lift(session, batch)[0], _lift(session, batch[:1])[0]
    away = float(np.linalg.norm(together.poses - alone.poses, axis=-1).max()) * 1000
    return Figure(what, away, "mm", "limit", _AGREES.limit, _AGREES)


def _medians(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each, in turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if number:  # the first warms up
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in times.items()}


if __name__ == "__main__":
    main()
