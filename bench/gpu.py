"""Models on an NVIDIA GPU: checked against the CPU first, then clips, stepping, memory and peak.

What the service does not do yet is measured on the graphs themselves: inputs and outputs that stay
on the device (I/O binding), half precision, rings on the device, fixed shapes in CUDA graphs. The
baselines are the CPU and, for the share of the peak, one large matrix product on the same device.
Without CUDA it says so and ends; ``--provider cpu`` tries the script itself.

    python -m bench.gpu [--frames 20000] [--tracks 1024] [--seconds 3] [--provider cuda]
"""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from bench.figures import Figure, Figures, Goal, Missing
from poselift.runtime.onnx_session import PROVIDERS
from poselift.shipped_models import DEFAULT, LIVE, model_folder

_MOST_AWAY_M: Final = {"fp32": 1e-4, "fp16": 2e-2}
_FRAMES_PER_S: Final = Goal(3e6, of_value=True)
"""Of a long clip, on an H100."""
_PEAK_SIZE: Final = 8192


Array = NDArray[np.generic]


@dataclass(frozen=True)
class _Device:
    provider: str
    """``cuda`` or ``cpu``."""
    threads: int = 0

    def session(self, graph: onnx.ModelProto, captured: bool = False) -> Any:  # noqa: ANN401
        """A graph opened here; ``captured``: replayed as a CUDA graph, its shapes fixed."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        name = PROVIDERS[self.provider]
        how = {"use_tf32": "0", "enable_cuda_graph": str(int(captured))}
        wanted = [(name, how if self.provider == "cuda" else {})]
        session = onnxruntime.InferenceSession(graph.SerializeToString(), options, wanted)
        if session.get_providers()[0] != name:
            raise RuntimeError(f"ONNX Runtime runs it on {session.get_providers()[0]}")
        return session

    def bound(
        self,
        session: Any,  # noqa: ANN401
        inputs: Mapping[str, Array],
        outputs: Sequence[Array],
    ) -> "_Bound":
        """Inputs laid on the device, and places there for outputs like these."""
        binding = session.io_binding()
        for name, each in inputs.items():
            binding.bind_ortvalue_input(name, self._laid(each))
        for output, like in zip(session.get_outputs(), outputs, strict=True):
            # NaN until they are written, so that outputs never written are never taken for right.
            binding.bind_ortvalue_output(output.name, self._laid(np.full_like(like, np.nan)))
        return _Bound(session, binding)

    def _laid(self, values: Array) -> Any:  # noqa: ANN401
        return onnxruntime.OrtValue.ortvalue_from_numpy(
            np.ascontiguousarray(values), self.provider, 0
        )


@dataclass(frozen=True)
class _Bound:
    """A session whose inputs and outputs stay on the device."""

    session: Any
    binding: Any

    def __call__(self) -> None:
        self.session.run_with_iobinding(self.binding)
        self.binding.synchronize_outputs()

    def check(self, expected: Sequence[Array], precision: str) -> None:
        """Raises RuntimeError if the poses are too far from the CPU's."""
        self()
        names = [output.name for output in self.session.get_outputs()]
        poses = names.index("poses")
        away = float(np.abs(self.binding.copy_outputs_to_cpu()[poses] - expected[poses]).max())
        print(f"{precision}: at most {away:.1e} m from the CPU", flush=True)
        if not away <= _MOST_AWAY_M[precision]:
            raise RuntimeError(f"{precision} poses are {away:.1e} m from the CPU's: not measured")


def main(arguments: Sequence[str] | None = None) -> Figures:
    """Check against the CPU, then print and return figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--tracks", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--provider", choices=sorted(PROVIDERS), default="cuda")
    options = parser.parse_args(arguments)
    if why := _absent(options.provider):
        print(f"not run: {why}")
        return [Missing("clips and stepping on a GPU", why)]
    figures = _measured(options)
    for each in figures:
        print(each, flush=True)
    return figures


def _absent(provider: str) -> str | None:
    """Why this provider cannot be used here, if so."""
    if PROVIDERS[provider] not in onnxruntime.get_available_providers():
        return f"this ONNX Runtime has no {PROVIDERS[provider]}: install poselift[gpu]"
    if provider == "cuda":
        onnxruntime.preload_dlls()
        try:
            _Device("cuda").session(_product(8, TensorProto.FLOAT))
        except Exception as error:  # onnxruntime's own classes are private
            return f"CUDA does not start: {str(error).splitlines()[0]}"
    return None


def _measured(options: argparse.Namespace) -> Figures:
    device = _Device(options.provider)
    figures = [*_clips(device, options), *_stepping(device, options)]
    if options.provider == "cuda" and (used := _memory_mb()):
        figures.append(Figure("memory of the GPU in use", used[0], "MB", "all there is", used[1]))
    return figures


def _clips(device: _Device, options: argparse.Namespace) -> Figures:
    """A long clip, in both precisions, and the share of what the device can multiply."""
    graph = onnx.load(model_folder(DEFAULT) / "clip.onnx")
    keypoints = np.random.default_rng(0).normal(size=(1, options.frames, 17, 2))
    inputs = {"keypoints": keypoints.astype(np.float32)}
    base = _Device("cpu").session(graph)
    expected = base.run(None, inputs)
    base_rate = options.frames / _seconds(lambda: base.run(None, inputs), options.seconds)
    weights = [tuple(each.dims) for each in graph.graph.initializer if len(each.dims) == 2]
    operations = 2 * sum(rows * columns for rows, columns in weights)
    figures: Figures = []
    for precision, kind in (("fp32", TensorProto.FLOAT), ("fp16", TensorProto.FLOAT16)):
        # With half precision inputs and outputs stay as they are.
        made = graph if precision == "fp32" else convert_float_to_float16(graph, keep_io_types=True)
        run = device.bound(device.session(made), inputs, expected)
        run.check(expected, precision)
        rate = options.frames / _seconds(run, options.seconds)
        what = f"a clip of {options.frames:,} frames on {device.provider}, {precision}, I/O binding"
        figures.append(Figure(what, rate, "frames/s", "CPU", base_rate, _FRAMES_PER_S))
        what, peak = f"the same, share of the peak, {precision}", _peak(device, kind, options)
        figures.append(Figure(what, operations * rate / 1e12, "TFLOP/s", "a matrix product", peak))
    return figures


def _stepping(device: _Device, options: argparse.Namespace) -> Figures:
    """Live tracks, their rows on the device; on CUDA also as a CUDA graph."""
    graph = onnx.load(model_folder(LIVE) / "step.onnx")
    inputs = {each.name: _noise(each, options.tracks) for each in graph.graph.input}
    base = _Device("cpu").session(graph)
    expected = base.run(None, inputs)
    base_rate = options.tracks / _seconds(lambda: base.run(None, inputs), options.seconds)
    figures: Figures = []
    for captured in (False, True) if device.provider == "cuda" else (False,):
        run = device.bound(device.session(graph, captured), inputs, expected)
        run.check(expected, "fp32")
        how = "as a CUDA graph" if captured else "I/O binding"
        what = f"stepping {options.tracks:,} tracks on {device.provider}, {how}"
        rate = options.tracks / _seconds(run, options.seconds)
        figures.append(Figure(what, rate, "frames/s", "CPU", base_rate))
    return figures


def _noise(tensor: onnx.ValueInfoProto, batch: int) -> Array:
    kind = tensor.type.tensor_type
    shape = [axis.dim_value or batch for axis in kind.shape.dim]
    noise = np.random.default_rng(0).normal(size=shape)
    return noise.astype(helper.tensor_dtype_to_np_dtype(kind.elem_type))


def _peak(device: _Device, kind: int, options: argparse.Namespace) -> float:
    """TFLOP/s of one large matrix product."""
    size = _PEAK_SIZE if device.provider == "cuda" else 512
    matrix = np.ones((size, size), helper.tensor_dtype_to_np_dtype(kind))
    session = device.session(_product(size, kind))
    run = device.bound(session, {"a": matrix, "b": matrix}, [matrix])
    return 2 * size**3 / _seconds(run, options.seconds / 3) / 1e12


def _product(size: int, kind: int) -> onnx.ModelProto:
    values = [helper.make_tensor_value_info(name, kind, [size, size]) for name in "abc"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["c"])], "product", values[:2], values[2:]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _seconds(run: Callable[[], Any], seconds: float) -> float:
    """The mean time of a run."""
    run()
    run()
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds or not count:
        run()
        count += 1
    return spent / count


def _memory_mb() -> tuple[float, float] | None:
    """In use and in all, as the driver says."""
    if not (program := shutil.which("nvidia-smi")):
        return None
    query = "--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits"
    told = subprocess.run([program, *query], capture_output=True, text=True, check=False).stdout
    used, total = map(float, told.splitlines()[0].split(","))
    return used, total


if __name__ == "__main__":
    main()
