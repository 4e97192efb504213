"""Clips to poses: in this process, in several, or at a server."""

from collections.abc import Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from os import cpu_count
from typing import Any, Protocol

from poselift.command.options import Server
from poselift.command.usage import UsageError
from poselift.errors import ModelError
from poselift.lifting import lift
from poselift.poses import Poses
from poselift.readers.clips import Clip
from poselift.runtime.clip import ClipModel
from poselift.shipped_models import DEFAULT, model_folder


class Lifter(Protocol):
    """Lifts clips, several at a time in its own kind of workers."""

    def lift(self, clip: Clip, options: Mapping[str, Any]) -> Poses:
        """The poses of a clip; raises what ``poselift.lift`` or ``Client.lift`` does."""

    def pool(self, workers: int) -> Executor:
        """Workers to which this can be given."""


@dataclass(frozen=True)
class InProcess:
    """Lifts here; workers are processes, each with its own model and its share of the cores."""

    workers: int = 1

    def lift(self, clip: Clip, options: Mapping[str, Any]) -> Poses:
        """The poses of a clip; raises what ``poselift.lift`` does."""
        named = options.get("model") or DEFAULT
        threads = 0 if self.workers == 1 else max(1, (cpu_count() or 1) // self.workers)
        return lift(clip.keypoints, **{**clip.options, **options, "model": _loaded(named, threads)})

    def pool(self, workers: int) -> Executor:
        """Processes that share nothing, which all systems have."""
        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


@dataclass(frozen=True)
class AtServer:
    """Lifts by a client; workers are threads."""

    client: Any

    def check(self, model: str | None) -> None:
        """Ask the server once before all inputs.

        Raises:
            UsageError: it serves no such model.
            ServerError: it is not there, or wants another key.
        """
        served = self.client.models()
        names = [name for each in served for name in (each.name, *each.aliases)]
        if model is not None and model not in names:
            raise UsageError.at("--model", f"one of the server's {', '.join(names)}: {model!r}")

    def lift(self, clip: Clip, options: Mapping[str, Any]) -> Poses:
        """The poses of a clip; raises what ``Client.lift`` does."""
        poses: Poses = self.client.lift(clip.keypoints, **{**clip.options, **options})
        return poses

    def pool(self, workers: int) -> Executor:
        """Threads, which a client may be used from."""
        return ThreadPoolExecutor(workers)


def chosen_lifter(server: Server, model: str | None, workers: int) -> Lifter:
    """The one at a server, if that is named.

    Raises:
        UsageError: there is no such model.
        ServerError: the server is not there, or wants another key.
    """
    if server.server is None:
        _check_model(model)
        return InProcess(workers)
    lifter = AtServer(server.client())
    lifter.check(model)
    return lifter


def _check_model(model: str | None) -> None:
    try:
        model_folder(model or DEFAULT)
    except ModelError as error:
        raise UsageError(f"--model: {error.detail}") from None


@lru_cache(1)
def _loaded(model: str, threads: int) -> ClipModel:
    """A model, kept for the next clip; raises what ``load_model`` does."""
    return ClipModel.load(model_folder(model), threads=threads)
