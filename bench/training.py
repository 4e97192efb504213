"""Training speed: samples a second against a plain loop like VideoPose3D's generator.

The baseline cuts every window of a batch with Python slicing, pads it with NumPy where it leaves
the clip, and runs strided 1-D convolutions in float32; ours gathers windows by index and computes
the strided convolutions as matrix products, for one target a window and for several. Samples are
targets. Run: ``python -m bench.training``.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.figures import Figure, Figures
from training import losses
from training.data.sequences import Sequences
from training.data.windows import Windows
from training.model.temporal_model import StridedTemporalModel, TemporalModel

CLIPS, CLIP_FRAMES, JOINTS = 200, 750, 17


class ConvolutionalTwin(nn.Module):
    """The strided network as 1-D convolutions over channels-first tensors."""

    def __init__(self, dilated: TemporalModel) -> None:
        super().__init__()
        self.dilated = dilated

    def forward(self, windows_BTJD: Tensor) -> Tensor:
        """Map windows (B, receptive field, J, D) to poses (B, 1, K, 3)."""
        model = self.dilated
        x = windows_BTJD.flatten(2).transpose(1, 2)
        x = self._activate(
            F.conv1d(x, model.expand_conv.weight, stride=model.filter_widths[0]), model.expand_bn
        )
        for block, width in enumerate(model.filter_widths[1:]):
            residual = x[:, :, width // 2 :: width]
            for part, stride in ((2 * block, width), (2 * block + 1, 1)):
                weight = model.layers_conv[part].get_parameter("weight")
                x = self._activate(F.conv1d(x, weight, stride=stride), model.layers_bn[part])
            x = residual + x
        poses: Tensor = model.shrink(x).transpose(1, 2)
        return poses.reshape(len(poses), 1, model.joints_out, 3)

    def _activate(self, x: Tensor, batch_norm: nn.Module) -> Tensor:
        return F.dropout(F.relu(batch_norm(x)), self.dilated.dropout, self.training)


def sliced_batch(sequences: Sequences, frames: list[int], context: int) -> tuple[Tensor, Tensor]:
    """One batch, a window at a time."""
    inputs = np.empty((len(frames), 2 * context + 1, JOINTS, 2), dtype=np.float32)
    targets = np.empty((len(frames), 1, JOINTS, 3), dtype=np.float32)
    for row, frame in enumerate(frames):
        first, last = int(sequences.first_F[frame]), int(sequences.last_F[frame])
        start, stop = frame - context, frame + context + 1
        low, high = max(start, first), min(stop, last + 1)
        window = sequences.inputs_FJ2[low:high]
        if low != start or high != stop:
            window = np.pad(window, ((low - start, stop - high), (0, 0), (0, 0)), "edge")
        inputs[row] = window
        targets[row, 0] = sequences.targets_FK3[frame]
    return torch.from_numpy(inputs), torch.from_numpy(targets)


def synthetic_sequences() -> Sequences:
    rng = np.random.default_rng(0)
    rows = CLIPS * CLIP_FRAMES
    first = np.repeat(np.arange(CLIPS) * CLIP_FRAMES, CLIP_FRAMES)
    return Sequences(
        rng.standard_normal((rows, JOINTS, 2), dtype=np.float32),
        rng.standard_normal((rows, JOINTS, 3), dtype=np.float32),
        rng.standard_normal((rows, 3), dtype=np.float32),
        rng.standard_normal((rows, 9), dtype=np.float32),
        np.ones(rows, np.float32),
        first,
        first + CLIP_FRAMES - 1,
        np.ones(rows, np.float32),
    )


def trainer(network: nn.Module, model: TemporalModel, bfloat16: bool) -> Callable[..., None]:
    optimizer = torch.optim.Adam(model.parameters(), amsgrad=True)
    network.train()

    def step(inputs: Tensor, targets: Tensor) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            predicted = network(inputs)
        loss = losses.mpjpe(predicted.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def main(arguments: Sequence[str] | None = None) -> Figures:
    options = _parse(arguments)
    torch.set_num_threads(options.threads)

    model = TemporalModel(JOINTS, 2, JOINTS, (3, 3, 3, 3, 3), channels=options.channels)
    sequences = synthetic_sequences()
    windows = Windows(sequences, model.receptive_field, causal=False)
    context = (model.receptive_field - 1) // 2
    generator = torch.Generator().manual_seed(0)

    def frames() -> Tensor:
        return torch.randint(len(windows), (options.batch_size,), generator=generator)

    def sliced() -> tuple[Tensor, Tensor]:
        return sliced_batch(sequences, frames().tolist(), context)

    def gathered() -> tuple[Tensor, Tensor]:
        batch = windows.cut(frames())
        return batch.inputs_BTJ2, batch.targets_BSK3

    several, spacing = options.targets_per_window, options.target_spacing
    field, causal = model.receptive_field, False
    shared = Windows(sequences, field, causal, targets=several, spacing=spacing)
    size = options.batch_size // several

    def gathered_shared() -> tuple[Tensor, Tensor]:
        batch = next(shared.shuffled(size, size, generator))
        return batch.inputs_BTJ2, batch.targets_BSK3

    plain = trainer(ConvolutionalTwin(model), model, bfloat16=False)
    exact = trainer(StridedTemporalModel(model), model, bfloat16=False)
    half = trainer(StridedTemporalModel(model), model, bfloat16=True)
    shared_step = trainer(StridedTemporalModel(model, spacing), model, bfloat16=False)
    ways: dict[str, Callable[[], object]] = {
        "baseline: slicing + 1-D convolutions": lambda: plain(*sliced()),
        "ours, float32": lambda: exact(*gathered()),
        "ours, bfloat16": lambda: half(*gathered()),
        f"ours, float32, {several} targets a window": lambda: shared_step(*gathered_shared()),
        "batches alone, slicing": sliced,
        "batches alone, gathered": gathered,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(options.rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if round_:  # the first is for warming up
                times[name].append(time.perf_counter() - started)
    rates = {name: options.batch_size / statistics.median(t) for name, t in times.items()}
    for name, rate in rates.items():
        base = "batches alone, slicing" if "alone" in name else next(iter(rates))
        print(f"{name:<38}{rate:12.0f} samples/s {rate / rates[base]:8.2f}x")
    (baseline, slowest), *others = rates.items()
    return [
        Figure(f"training, {name}", rate, "samples/s", baseline.partition(": ")[2], slowest)
        for name, rate in others
        if "alone" not in name
    ]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--targets-per-window", type=int, default=8)
    parser.add_argument("--target-spacing", type=int, default=27)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
