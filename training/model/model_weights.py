"""Weights read back from an exported model folder, to go on training with.

An export folds batch normalisation into the convolutions. Here each gets one again that changes
nothing; `renormalise` then gives these the statistics of training data.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from poselift.architectures.tcn import Tcn
from poselift.card import METADATA_KEY, Card
from poselift.runtime.model_files import CLIP_GRAPH
from training.array_types import Floats
from training.config.sections import ModelConfig
from training.model.checkpoint import CheckpointError, Origin
from training.model.networks import TrainingForm
from training.model.temporal_model import ErrorHead

_PRODUCTS = {"MatMul", "Gemm"}
_OTHERS = {"Add", "Cast", "Clip", "Concat", "Exp", "Pad", "Relu", "Reshape", "Shape", "Slice"}
_NETWORKS = {"poses": "pose", "trajectory": "trajectory"}
"""The networks by the output of the graph that each makes, which names its nodes."""
_EPSILON = nn.BatchNorm1d(1).eps


class _Product(NamedTuple):
    """A layer of a graph: what the taps are multiplied by, and what is added."""

    matrix: Floats
    """(taps · channels in, channels out)"""
    bias: Floats


def read_model_folder(folder: Path, wanted: ModelConfig) -> Origin:
    """The weights of an exported model; `CheckpointError` if they are of another kind."""
    try:
        graph = onnx.load(folder / CLIP_GRAPH)
        card = _card(graph)
    except Exception as error:
        raise CheckpointError(f"{folder}: not a model folder: {error}") from error
    seen = {
        "keypoint_format": card.input.keypoint_format,
        "normalisation": card.normalisation,
    }
    for name, found in seen.items():
        if found != getattr(wanted, name):
            raise CheckpointError(f"{folder}: {name} is {found}, this run's another")
    if not isinstance(card.architecture, Tcn):
        raise CheckpointError(f"{folder}: expected a temporal convolutional network")
    widths = card.architecture.filter_widths
    weights: dict[str, Tensor] = {}
    for prefix, layers in _products(graph, folder).items():
        network = _NETWORKS[prefix]
        named = _weights(layers, widths)
        weights |= {f"{network}.{name}": value for name, value in named.items()}
    return Origin(weights, widths, card.architecture.causal, folder)


def _card(model: onnx.ModelProto) -> Card:
    (card,) = (each.value for each in model.metadata_props if each.key == METADATA_KEY)
    return Card.model_validate_json(card)


def _products(model: onnx.ModelProto, folder: Path) -> dict[str, list[_Product]]:
    """The layers of each network, in the order in which they run."""
    foreign = {node.op_type for node in model.graph.node} - _PRODUCTS - _OTHERS
    if foreign:
        expected = "weights of 32 or 16 bits, as training.export writes them"
        raise CheckpointError(f"{folder}: expected {expected}; found {', '.join(sorted(foreign))}")
    constants = _constants(model)
    biases = {node.input[0]: node.input[1] for node in model.graph.node if node.op_type == "Add"}
    layers: dict[str, list[_Product]] = {}
    for node in model.graph.node:
        if node.op_type in _PRODUCTS:
            bias = node.input[2] if node.op_type == "Gemm" else biases[node.output[0]]
            layer = _Product(constants[node.input[1]], constants[bias])
            layers.setdefault(node.name.split("_")[0], []).append(layer)
    return layers


def _constants(model: onnx.ModelProto) -> Mapping[str, Floats]:
    """Constants by name; those stored in half precision by the name of what they become."""
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Cast":
            constants[node.output[0]] = constants[node.input[0]].astype(np.float32)
    return constants


def _weights(layers: list[_Product], widths: tuple[int, ...]) -> dict[str, Tensor]:
    """The weights of a `TemporalModel`, by name."""
    first, *rest = layers
    inner, (last, *errors) = rest[: 2 * len(widths) - 2], rest[2 * len(widths) - 2 :]
    taps = [each for width in widths[1:] for each in (width, 1)]
    weights = {"expand_conv.weight": _kernel(first, widths[0])}
    weights |= _batch_norm("expand_bn", first)
    for number, (layer, width) in enumerate(zip(inner, taps, strict=True)):
        weights[f"layers_conv.{number}.weight"] = _kernel(layer, width)
        weights |= _batch_norm(f"layers_bn.{number}", layer)
    weights["shrink.weight"] = _kernel(last, 1)
    weights["shrink.bias"] = torch.tensor(last.bias)
    return weights | (_error_head(*errors) if errors else {})


def _kernel(layer: _Product, width: int) -> Tensor:
    """The weights of a convolution (out, in, tap)."""
    taps = layer.matrix.reshape(width, -1, layer.matrix.shape[1])
    return torch.tensor(taps.transpose(2, 1, 0).copy())


def _batch_norm(name: str, layer: _Product) -> dict[str, Tensor]:
    """One that adds the bias and does nothing else."""
    channels = len(layer.bias)
    return {
        f"{name}.weight": torch.ones(channels),
        f"{name}.bias": torch.tensor(layer.bias),
        **_statistics(name, channels),
    }


def _statistics(name: str, channels: int) -> dict[str, Tensor]:
    return {
        f"{name}.running_mean": torch.zeros(channels),
        f"{name}.running_var": torch.full((channels,), 1 - _EPSILON),
        f"{name}.num_batches_tracked": torch.tensor(0),
    }


def _error_head(hidden: _Product, out: _Product) -> dict[str, Tensor]:
    return {
        **_statistics("error_head.scale", len(hidden.matrix)),
        "error_head.hidden.weight": torch.tensor(hidden.matrix.T.copy()),
        "error_head.hidden.bias": torch.tensor(hidden.bias),
        "error_head.out.weight": torch.tensor(out.matrix.T.copy()),
        "error_head.out.bias": torch.tensor(out.bias),
    }


@torch.no_grad()
def renormalise(form: TrainingForm, windows: Iterable[Tensor]) -> None:
    """Give batch normalisations the statistics of these windows; all computes what it did before.

    While training, batch normalisation uses the statistics of each batch in place of its own. It
    computes the same with them only if its scale and shift suit the data. Dropout is on, as it
    changes the statistics.
    """
    form.train()
    for batch_norm in form.networks.batch_norms:
        batch_norm.eval()
    with _inputs_seen(form.networks.batch_norms) as seen:
        for inputs in windows:
            form(inputs)
    heads = {each.scale: each.hidden for each in form.modules() if isinstance(each, ErrorHead)}
    for batch_norm, moments in seen.items():
        mean, square = torch.stack(moments).mean(dim=0)
        _take_over(batch_norm, mean, square - mean.square(), heads.get(batch_norm))


@contextmanager
def _inputs_seen(
    batch_norms: Iterable[nn.BatchNorm1d],
) -> Iterator[dict[nn.BatchNorm1d, list[Tensor]]]:
    """Mean and mean square (2, C) of what each is given, a pair for each time."""
    seen: dict[nn.BatchNorm1d, list[Tensor]] = {}

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].double().transpose(0, 1).flatten(1)
        assert isinstance(module, nn.BatchNorm1d)
        seen.setdefault(module, []).append(torch.stack([x.mean(dim=1), x.square().mean(dim=1)]))

    hooks = [each.register_forward_pre_hook(note) for each in batch_norms]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _take_over(
    batch_norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor, follower: nn.Linear | None
) -> None:
    """Take these statistics, and undo what changes in scale and shift, or in the next layer."""
    old_mean, old_variance = batch_norm.running_mean, batch_norm.running_var
    assert old_mean is not None
    assert old_variance is not None
    deviation = torch.sqrt(old_variance + batch_norm.eps).double()
    scale = torch.sqrt(variance.clamp(min=0) + batch_norm.eps) / deviation
    shift = (mean - old_mean) / deviation
    if follower is not None:
        follower.bias.add_((follower.weight.double() @ shift).float())
        follower.weight.mul_(scale.float())
    else:
        batch_norm.bias.add_((batch_norm.weight * shift).float())
        batch_norm.weight.mul_(scale.float())
    old_mean.copy_(mean)
    old_variance.copy_(variance.clamp(min=0))
