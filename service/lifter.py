"""A model in memory: loaded from its folder, checked against its card, run on batches."""

import hashlib
import importlib.metadata
import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from service.errors import ModelError
from service.pose.card import METADATA_KEY, Card
from service.pose.lifted import Lifted

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]

CLIP_GRAPH = "clip.onnx"
STEP_GRAPH = "step.onnx"
RINGS_GRAPH = "rings.onnx"
WINDOW_GRAPH = "window.onnx"
WEIGHTS = "weights.bin"
"""What every graph in a model folder keeps its weights in."""
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_PACKAGES = ("onnxruntime", "onnxruntime-gpu")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """How models are run.

    Attributes:
        provider: ``cpu``, ``cuda``, or ``auto``: CUDA where it works.
        strict: fail rather than fall back to the CPU.
        threads: for the CPU; 0 takes one a core.
    """

    provider: str = "auto"
    strict: bool = False
    threads: int = 0


class Lifter:
    """One model, ready to run; may be called from several threads."""

    def __init__(self, session: "onnxruntime.InferenceSession", card: Card) -> None:
        self._session = session
        self.card = card

    @classmethod
    def load(
        cls,
        folder: Path,
        provider: str = "auto",
        strict: bool = False,
        threads: int = 0,
    ) -> "Lifter":
        """Load a model folder.

        Args:
            folder: holds ``clip.onnx`` and its weights.
            provider: ``cpu``, ``cuda``, or ``auto``: CUDA where it works.
            strict: fail rather than fall back to the CPU.
            threads: for the CPU; 0 takes one a core.

        Raises:
            ModelError: naming what is missing, or what disagrees with the card.
        """
        path = folder / CLIP_GRAPH
        if not path.is_file():
            raise ModelError(f"{path}: no such file; a model folder holds {CLIP_GRAPH}")
        session, card = open_graph(path, RunOptions(provider, strict, threads))
        disagreements = [*_disagreements(session, card), *_other_weights(folder, card)]
        if disagreements:
            raise ModelError(f"{path}: the card and the graph disagree: {'; '.join(disagreements)}")
        return cls(session, card)

    @property
    def provider(self) -> str:
        """The execution provider that really runs the model: ``cpu`` or ``cuda``."""
        first = self._session.get_providers()[0]
        return next((name for name, value in _PROVIDERS.items() if value == first), first)

    def lift(self, keypoints_BTJD: Floats) -> Lifted:
        """Lift clips of equal length, normalised as the card says; edges are padded inside."""
        inputs = {self.card.graph.inputs[0]: np.ascontiguousarray(keypoints_BTJD, np.float32)}
        names = self.card.graph.outputs
        return Lifted.of(dict(zip(names, self._session.run(list(names), inputs), strict=True)))


def open_graph(path: Path, options: RunOptions) -> "tuple[onnxruntime.InferenceSession, Card]":
    """Load one ONNX graph and the card in it.

    Raises:
        ModelError: it cannot be loaded, has no card, or does not run where it should.
    """
    session = _open_session(path, options)
    return session, _read_card(session, path)


def open_companion(
    path: Path, clip: Card, options: RunOptions
) -> "tuple[onnxruntime.InferenceSession, Card]":
    """Load another graph of the model whose clip graph has this card.

    Raises:
        ModelError: as for ``open_graph``; or it is another model's, or not what its name says.
    """
    session, card = open_graph(path, options)
    if card.graph.kind != path.stem:
        raise ModelError(f"{path}: its card is of a {card.graph.kind} graph")
    if card.model_copy(update={"graph": clip.graph}) != clip:
        raise ModelError(f"{path}: its card is not that of the clip graph beside it")
    return session, card


def check_tensors(path: Path, session: "onnxruntime.InferenceSession", card: Card) -> None:
    """Compare the names of a graph's tensors with those in its card.

    Raises:
        ModelError: they differ.
    """
    inputs = tuple(tensor.name for tensor in session.get_inputs())
    outputs = tuple(tensor.name for tensor in session.get_outputs())
    if (inputs, outputs) != (card.graph.inputs, card.graph.outputs):
        raise ModelError(
            f"{path}: the card names {card.graph.inputs} → {card.graph.outputs}, "
            f"the graph has {inputs} → {outputs}"
        )


def _open_session(path: Path, how: RunOptions) -> "onnxruntime.InferenceSession":
    runtime = _import_runtime()
    provider = how.provider
    options = runtime.SessionOptions()
    options.intra_op_num_threads = how.threads
    # Spinning threads save a little latency and cost a whole core while idle.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    wanted = _wanted_providers(runtime, provider)
    try:
        session = runtime.InferenceSession(path, options, providers=wanted)
    except Exception as error:  # onnxruntime's own classes are private
        raise ModelError(f"{path}: ONNX Runtime cannot load it: {error}") from error
    # A provider that is listed may still fail to start; only the session knows.
    got = session.get_providers()[0]
    if got != wanted[0] or (provider == "cuda" and got != _PROVIDERS["cuda"]):
        message = f"{path}: asked for {provider}, but ONNX Runtime runs it on {got}"
        if how.strict:
            raise ModelError(f"{message}; not falling back, as providers are strict")
        _log.warning("%s", message)
    return session


def _wanted_providers(runtime: Any, provider: str) -> list[str]:  # noqa: ANN401
    """The providers to ask for, best first; the CPU is always the last resort."""
    if provider not in {"auto", *_PROVIDERS}:
        raise ModelError(f"provider {provider!r}: expected auto, {' or '.join(_PROVIDERS)}")
    available = runtime.get_available_providers()
    cuda = _PROVIDERS["cuda"]
    if provider == "cuda" or (provider == "auto" and cuda in available):
        if cuda in available and hasattr(runtime, "preload_dlls"):
            runtime.preload_dlls()  # finds the CUDA and cuDNN that pip installed
        return [cuda, _PROVIDERS["cpu"]] if cuda in available else [_PROVIDERS["cpu"]]
    return [_PROVIDERS["cpu"]]


def _import_runtime() -> Any:  # noqa: ANN401
    installed = [name for name in _PACKAGES if _is_installed(name)]
    if len(installed) > 1:
        raise ModelError(
            f"{' and '.join(installed)} are both installed and overwrite each other's files: "
            "uninstall both, then install poselift[cpu] or poselift[gpu]"
        )
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        raise ModelError(
            "ONNX Runtime is not installed: install poselift[cpu], "
            "or poselift[gpu] on a machine with an NVIDIA driver"
        ) from error
    return onnxruntime


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _read_card(session: "onnxruntime.InferenceSession", path: Path) -> Card:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    if text is None:
        raise ModelError(f"{path}: has no card; export the model with training.export")
    try:
        return Card.model_validate(json.loads(text), strict=False)
    except (json.JSONDecodeError, ValidationError) as error:
        raise ModelError(f"{path}: its card cannot be read: {error}") from error


def weights_version(folder: Path) -> str:
    """The version of a model: SHA-256 of its weights file, its first 12 hexadecimal digits."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _other_weights(folder: Path, card: Card) -> Iterator[str]:
    try:
        version = weights_version(folder)
    except OSError as error:
        raise ModelError(f"{folder / WEIGHTS}: cannot be read: {error.strerror}") from error
    if version != card.version:
        yield f"the card is of weights {card.version}, {WEIGHTS} holds {version}"


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
    product = math.prod(card.architecture.filter_widths)
    if product != card.architecture.receptive_field:
        said = card.architecture.receptive_field
        yield f"receptive field {said}, but the widths make {product}"


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
