"""A causal model run one frame at a time: its step graph, and the graph that rebuilds its rings."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poselift.array_types import Floats, Mask
from poselift.card import Card
from poselift.errors import ModelError
from poselift.poses import ModelOutput
from poselift.runtime.model_files import RINGS_GRAPH, STEP_GRAPH
from poselift.runtime.onnx_session import RunOptions, check_tensors, open_companion, run_graph
from poselift.runtime.rings import RingShape

if TYPE_CHECKING:
    import onnxruntime


_PAST = re.compile(r"(\w+)_past(?:_(\d+))?$")


@dataclass(frozen=True)
class Stepped:
    """What the model tells of one frame of each track, and the rows to keep in rings."""

    output: ModelOutput
    rows: list[Floats]


class StepModel:
    """One causal model, ready to be stepped; may be called from several threads.

    ``rings`` says what must be kept of each track between steps, in the order in which ``step``
    takes and gives it.
    """

    def __init__(
        self,
        step: "onnxruntime.InferenceSession",
        rebuild: "onnxruntime.InferenceSession | None",
        card: Card,
    ) -> None:
        self._step = step
        self._rebuild = rebuild
        self._card = card
        self._past = [name for name in card.graph.inputs if _PAST.match(name)]
        shapes = {tensor.name: tuple(tensor.shape) for tensor in step.get_inputs()}
        self.rings = tuple(_ring_shape(name, shapes[name], card) for name in self._past)

    @classmethod
    def load(cls, folder: Path, card: Card, options: RunOptions) -> "StepModel | None":
        """Load the step graph of the model whose clip graph has this card, if there is one.

        Raises:
            ModelError: it is another model's, or disagrees with its card.
        """
        if not (folder / STEP_GRAPH).is_file():
            return None
        step, step_card = open_companion(folder / STEP_GRAPH, card, options)
        check_tensors(folder / STEP_GRAPH, step, step_card)
        rebuild = None
        if (folder / RINGS_GRAPH).is_file():
            rebuild, _ = open_companion(folder / RINGS_GRAPH, card, options)
        stepper = cls(step, rebuild, step_card)
        _check_rings(folder, rebuild, stepper)
        return stepper

    def step(self, keypoints_BJD: Floats, fresh_B: Mask, past: Sequence[Floats]) -> Stepped:
        """Lift the next frame of each of a batch of tracks.

        Args:
            keypoints_BJD: normalised as the card says.
            fresh_B: tracks whose first frame this is; what their ``past`` holds does not matter.
            past: what ``Rings.past`` gives.
        """
        inputs = {self._card.graph.inputs[0]: keypoints_BJD, self._card.graph.inputs[1]: fresh_B}
        inputs |= dict(zip(self._past, past, strict=True))
        found = run_graph(self._step, self._card.graph.outputs, inputs)
        flat = keypoints_BJD.reshape(len(keypoints_BJD), -1)
        rows = [found.get(name.replace("_past_", "_row_"), flat) for name in self._past]
        return Stepped(ModelOutput.of(found), rows)

    def rebuild(self, keypoints_BTJD: Floats) -> list[Floats]:
        """The rings (B, length, channels), oldest first, of tracks with this past.

        Args:
            keypoints_BTJD: the last receptive field − 1 frames, normalised; those of a younger
                track begin with its first frame, repeated.
        """
        found: dict[str, Floats] = {}
        if self._rebuild is not None:
            names = [tensor.name for tensor in self._rebuild.get_outputs()]
            found = run_graph(self._rebuild, names, {self._card.graph.inputs[0]: keypoints_BTJD})
        batch, frames = keypoints_BTJD.shape[:2]
        flat = keypoints_BTJD.reshape(batch, frames, math.prod(keypoints_BTJD.shape[2:]))
        return [
            found.get(name.replace("_past_", "_ring_"), flat[:, frames - ring.length :])
            for name, ring in zip(self._past, self.rings, strict=True)
        ]


def _ring_shape(name: str, shape: tuple[object, ...], card: Card) -> RingShape:
    """The ring behind a ``…_past_N`` input (batch, rows, channels); N is the layer's number."""
    found = _PAST.match(name)
    layer = int(found[2] or 0) if found else 0
    past = card.architecture.past
    _, rows, channels = shape
    if layer >= len(past) or rows != past[layer][0] or not isinstance(channels, int):
        raise ModelError(f"{name}: its shape {shape} and {card.architecture!r} disagree")
    return RingShape(*past[layer], channels)


def _check_rings(
    folder: Path, rebuild: "onnxruntime.InferenceSession | None", stepper: StepModel
) -> None:
    made = {tensor.name for tensor in rebuild.get_outputs()} if rebuild is not None else set()
    needed = {name.replace("_past_", "_ring_") for name in stepper._past if "_past_" in name}
    if made != needed:
        raise ModelError(
            f"{folder / RINGS_GRAPH}: expected the outputs {sorted(needed)}, found {sorted(made)}"
        )
