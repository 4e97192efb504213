"""The paper authors' checkpoints (``.bin``), read without running anything in them.

They hold pickled NumPy generators besides the weights. Only tensors are rebuilt here; every other
object in the file becomes an inert stand-in, whatever it claims to be.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch._utils
from torch import Tensor

from training.checkpoint import CheckpointError
from training.model import TemporalModel

_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    **{
        ("torch", f"{kind}Storage"): getattr(torch, f"{kind}Storage")
        for kind in (
            "Float",
            "Long",
            "Int",
            "Double",
            "Half",
            "Byte",
            "Bool",
        )
    },
}


class _Inert:
    """Stands in for an object of any other class: takes everything and does nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


class _TensorsOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        return _ALLOWED.get((module, name), _Inert)


_PICKLE = SimpleNamespace(
    Unpickler=_TensorsOnly,
    load=lambda file, **options: _TensorsOnly(file, **options).load(),
    __name__="tensors_only",
)


def read_authors_checkpoint(
    path: Path, causal: bool
) -> tuple[TemporalModel, TemporalModel | None, int]:
    """The pose model, the trajectory model if there is one, and the number of input joints.

    Widths, channels and joints are read off the weights; whether it is causal they cannot tell.

    Raises:
        CheckpointError: the file is not such a checkpoint.
    """
    try:
        state = torch.load(path, map_location="cpu", pickle_module=_PICKLE, weights_only=False)
    except FileNotFoundError:
        raise
    except Exception as error:
        raise CheckpointError(f"{path}: not a checkpoint: {error}") from error
    if not isinstance(state, dict) or not isinstance(state.get("model_pos"), dict):
        raise CheckpointError(f"{path}: expected the authors' layout, with a key 'model_pos'")
    pose, joints = _build(state["model_pos"], causal, path)
    trajectory = state.get("model_traj")
    if not isinstance(trajectory, dict):
        return pose, None, joints
    return pose, _build(trajectory, causal, path)[0], joints


def _build(weights: dict[str, Tensor], causal: bool, path: Path) -> tuple[TemporalModel, int]:
    try:
        channels, features, first = weights["expand_conv.weight"].shape
        blocks = sum(name.startswith("layers_conv") for name in weights) // 2
        widths = [first] + [
            weights[f"layers_conv.{2 * block}.weight"].shape[2] for block in range(blocks)
        ]
        model = TemporalModel(
            joints_in=features // 2,
            channels_in=2,
            joints_out=weights["shrink.weight"].shape[0] // 3,
            filter_widths=widths,
            causal=causal,
            channels=channels,
        )
        model.load_state_dict(weights)
    except (KeyError, ValueError, RuntimeError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: the weights are of another architecture: {error}"
        ) from error
    return model.eval(), features // 2
