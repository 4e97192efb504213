"""A model run on whole clips, loaded from its folder and checked against its card."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poselift.array_types import Floats
from poselift.card import Card
from poselift.chunks import Span
from poselift.errors import ModelError
from poselift.formats import FORMATS, KeypointFormat
from poselift.poses import ModelOutput
from poselift.runtime.model_files import CLIP_GRAPH, model_version, weights_version
from poselift.runtime.onnx_session import PROVIDERS, RunOptions, open_graph, run_graph
from poselift.skeletons import SKELETONS, Skeleton

if TYPE_CHECKING:
    import onnxruntime


class ClipModel:
    """One model, ready to run; may be called from several threads."""

    def __init__(self, session: "onnxruntime.InferenceSession", card: Card) -> None:
        self._session = session
        self.card = card
        self._input_mirror = list(_input_format(card).mirror)
        self._output_mirror = _skeleton(card).mirror

    @classmethod
    def load(
        cls,
        folder: Path,
        provider: str = "auto",
        strict: bool = False,
        threads: int = 0,
        packs: bool = True,
    ) -> "ClipModel":
        """Load a model folder, which holds ``clip.onnx`` and its weights.

        How it is run, ``RunOptions`` says.

        Raises:
            ModelError: naming what is missing, or what disagrees with the card.
        """
        path = folder / CLIP_GRAPH
        if not path.is_file():
            raise ModelError(f"{path}: no such file; a model folder holds {CLIP_GRAPH}")
        session, card = open_graph(path, RunOptions(provider, strict, threads, packs))
        disagreements = [*_disagreements(session, card), *_other_weights(folder, card)]
        if disagreements:
            raise ModelError(f"{path}: the card and the graph disagree: {'; '.join(disagreements)}")
        return cls(session, card)

    @property
    def provider(self) -> str:
        """The execution provider that really runs the model: ``cpu`` or ``cuda``."""
        first = self._session.get_providers()[0]
        return next((name for name, value in PROVIDERS.items() if value == first), first)

    @property
    def span(self) -> Span:
        """How far it sees, in frames."""
        return Span.of(self.card.architecture.receptive_field, self.card.architecture.causal)

    def lift(self, keypoints_BTJD: Floats, flipped: Sequence[int] = ()) -> ModelOutput:
        """Lift clips of equal length; edges are padded inside.

        Args:
            keypoints_BTJD: normalised as the card says.
            flipped: those whose output is averaged with that of the mirrored input (flip
                augmentation; the paper's §6.2 calls it test-time augmentation).
        """
        if not flipped:
            return self._run(keypoints_BTJD)
        mirrored = keypoints_BTJD[list(flipped)][:, :, self._input_mirror]
        mirrored[..., 0] *= -1
        output = self._run(np.concatenate([keypoints_BTJD, mirrored]))
        for twin, index in enumerate(flipped, start=len(keypoints_BTJD)):
            output.put(index, output[index].mean_with(output[twin].mirrored(self._output_mirror)))
        return output[: len(keypoints_BTJD)]

    def _run(self, keypoints_BTJD: Floats) -> ModelOutput:
        inputs = {self.card.graph.inputs[0]: np.ascontiguousarray(keypoints_BTJD, np.float32)}
        return ModelOutput.of(run_graph(self._session, self.card.graph.outputs, inputs))


def _other_weights(folder: Path, card: Card) -> Iterator[str]:
    try:
        made = model_version(folder)
        if card.version == made:
            return
        known = {made, weights_version(folder)}
    except OSError as error:
        raise ModelError(f"{error.filename}: cannot be read: {error.strerror}") from error
    if card.version not in known:
        yield f"the card is of version {card.version}, the files make {' or '.join(sorted(known))}"


def _disagreements(session: "onnxruntime.InferenceSession", card: Card) -> Iterator[str]:
    """What the card says of the graph, or of itself, that is not so."""
    if card.graph.kind != "clip":
        yield f"graph kind {card.graph.kind!r} in {CLIP_GRAPH}"
    shape_in = (len(card.input.joints), len(card.input.channels))
    yield from _tensors_disagree(session.get_inputs(), dict.fromkeys(card.graph.inputs, shape_in))
    joints = len(card.output.joints)
    shapes = {"trajectory": (3,), "expected_errors": (joints,)}
    yield from _tensors_disagree(
        session.get_outputs(),
        {name: shapes.get(name, (joints, 3)) for name in card.graph.outputs},
    )
    yield from card.architecture.contradictions()


def _tensors_disagree(
    tensors: "list[onnxruntime.NodeArg]", expected: dict[str, tuple[int, ...]]
) -> Iterator[str]:
    """Compare tensors with their names, in order, and their shapes behind batch and frames."""
    names = [tensor.name for tensor in tensors]
    if names != list(expected):
        yield f"the card names {list(expected)}, the graph has {names}"
        return
    for tensor in tensors:
        free, sizes = tensor.shape[:2], tuple(tensor.shape[2:])
        # A free axis goes by a name, a fixed one by its size.
        if sizes != expected[tensor.name] or not all(isinstance(axis, str) for axis in free):
            said = ", ".join(map(str, ("batch", "frames", *expected[tensor.name])))
            yield f"{tensor.name}: the card says ({said}), the graph has {tuple(tensor.shape)}"
        if tensor.type != "tensor(float)":
            yield f"{tensor.name}: expected float32, the graph has {tensor.type}"


def _skeleton(card: Card) -> Skeleton:
    """The skeleton of a model's poses, if it is as we know it."""
    known, said = SKELETONS.get(card.output.name), card.output
    if known is None or (known.joints, known.parents) != (said.joints, said.parents):
        raise ModelError(
            f"model {card.name}: its output skeleton {said.name!r} is not one of ours: "
            f"{', '.join(SKELETONS)}"
        )
    return known


def _input_format(card: Card) -> KeypointFormat:
    """The format a model is fed, if it is one that keypoints can be brought to."""
    layout = card.input
    known = FORMATS.get(layout.keypoint_format)
    if known is None or known.joints != layout.joints:
        raise ModelError(
            f"model {card.name}: its keypoint format {layout.keypoint_format!r} is not one of ours"
        )
    if layout.channels != ("x", "y"):
        raise ModelError(
            f"model {card.name}: expected input channels x, y, found {', '.join(layout.channels)}"
        )
    return known
