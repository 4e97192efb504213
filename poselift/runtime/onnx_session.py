"""ONNX Runtime sessions: providers, graphs and the cards embedded in them."""

import importlib.metadata
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poselift.array_types import Floats
from poselift.card import METADATA_KEY, Card
from poselift.errors import ModelError, RuntimeNotInstalled

if TYPE_CHECKING:
    import onnxruntime

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_LONGEST_CARD = 256 * 1024
"""Characters; ours have some thousand."""
_PACKAGES = ("onnxruntime", "onnxruntime-gpu")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """How models are run.

    Attributes:
        provider: ``cpu``, ``cuda``, or ``auto``: CUDA where it works.
        strict: fail rather than fall back to the CPU.
        threads: for the CPU; 0 takes one a core.
        packs: whether the weights are kept once more in the order in which they are used, which
            saves some percent of the time.
    """

    provider: str = "auto"
    strict: bool = False
    threads: int = 0
    packs: bool = True


def share_memory() -> None:
    """Let all sessions opened from now on in this process run in the same memory.

    What a batch takes is kept for the next one. By default each session keeps its own: the most
    that a batch of that graph ever took, however seldom it runs.

    Raises:
        RuntimeNotInstalled: ONNX Runtime is missing.
    """
    runtime = _import_runtime()
    kind, usual = runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, runtime.OrtMemType.DEFAULT
    runtime.create_and_register_allocator(runtime.OrtMemoryInfo("Cpu", kind, 0, usual), None)


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
        raise ModelError(f"{path}: its card is not that of the clip graph in the same folder")
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


def run_graph(
    session: "onnxruntime.InferenceSession", outputs: Sequence[str], inputs: dict[str, Any]
) -> dict[str, Floats]:
    """Run a graph on inputs by name; the outputs of these names."""
    return dict(zip(outputs, session.run(list(outputs), inputs), strict=True))


def _open_session(path: Path, how: RunOptions) -> "onnxruntime.InferenceSession":
    runtime = _import_runtime()
    provider = how.provider
    options = runtime.SessionOptions()
    options.intra_op_num_threads = how.threads
    # Spinning threads save a little latency and cost a whole core while idle.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.disable_prepacking", str(int(not how.packs)))
    # Where ``share_memory`` was called; else each session has memory of its own.
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.log_severity_level = 3
    wanted = _wanted_providers(runtime, provider)
    try:
        session = runtime.InferenceSession(path, options, providers=wanted)
    except Exception as error:  # onnxruntime's own classes are private
        raise ModelError(f"{path}: ONNX Runtime cannot load it: {error}") from error
    # A provider that is listed may still fail to start; only the session knows.
    got = session.get_providers()[0]
    if got != wanted[0] or (provider == "cuda" and got != PROVIDERS["cuda"]):
        message = f"{path}: asked for {provider}, but ONNX Runtime runs it on {got}"
        if how.strict:
            raise ModelError(f"{message}; not falling back, as providers are strict")
        _log.warning("%s", message)
    return session


def _wanted_providers(runtime: Any, provider: str) -> list[str]:  # noqa: ANN401
    """The providers to ask for, best first; the CPU is always the last resort."""
    if provider not in {"auto", *PROVIDERS}:
        raise ModelError(f"provider {provider!r}: expected auto, {' or '.join(PROVIDERS)}")
    available = runtime.get_available_providers()
    cuda = PROVIDERS["cuda"]
    if provider == "cuda" or (provider == "auto" and cuda in available):
        if cuda in available and hasattr(runtime, "preload_dlls"):
            runtime.preload_dlls()  # finds the CUDA and cuDNN that pip installed
        return [cuda, PROVIDERS["cpu"]] if cuda in available else [PROVIDERS["cpu"]]
    return [PROVIDERS["cpu"]]


def _import_runtime() -> Any:  # noqa: ANN401
    installed = [name for name in _PACKAGES if _is_installed(name)]
    if len(installed) > 1:
        raise RuntimeNotInstalled(
            f"{' and '.join(installed)} are both installed and overwrite each other's files: "
            "uninstall both, then install poselift[cpu] or poselift[gpu]"
        )
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        raise RuntimeNotInstalled(
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
    if len(text) > _LONGEST_CARD:
        raise ModelError(f"{path}: its card is over {_LONGEST_CARD} characters long")
    try:
        return Card.model_validate(json.loads(text), strict=False)
    except (ValueError, RecursionError) as error:  # ValidationError is one of the first
        raise ModelError(f"{path}: its card cannot be read: {error}") from error
