"""The models a process serves: found in a folder, loaded, and each behind a batcher of its own."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poselift.array_types import Floats
from poselift.chunks import stack
from poselift.errors import InvalidInput, ModelError
from poselift.poses import ModelOutput
from poselift.runtime.clip import ClipModel
from poselift.runtime.onnx_session import RunOptions
from poselift.shipped_models import DEFAULT, LIVE
from service.batcher import Batcher, Policy
from service.metrics import Metrics
from service.request_errors import NotFound

_log = logging.getLogger(__name__)

_MOST_WASTE = 0.2
"""The largest part of a batch that may be padding up to its longest piece."""
_CANDIDATES = 256
"""How many waiting pieces are looked at for one batch."""


@dataclass(frozen=True)
class Job:
    """A chunk of a clip: the model's input (T, J, 2) and which frames of the output to keep."""

    inputs_TJ2: Floats
    kept: slice
    flip: bool


@dataclass(frozen=True)
class Batching:
    """How much runs together and how much may wait, in frames."""

    max_batch_frames: int = 2048
    max_queued_frames: int = 250_000
    at_once: int = 1
    """How many batches run at a time."""


class ServedModel:
    """A model in memory and the queue in front of it."""

    def __init__(
        self,
        model: ClipModel,
        batching: Batching,
        metrics: Metrics,
        folder: Path | None = None,
        alone: ClipModel | None = None,
    ) -> None:
        """``alone`` is the same model with more threads, for one who is the only caller."""
        self.card = model.card
        self.folder = folder
        self.provider = model.provider
        self.span = model.span
        self.max_batch_frames = batching.max_batch_frames
        self.max_queued_frames = batching.max_queued_frames
        self._model, self._alone = model, alone or model
        self._padding_work = self.card.architecture.padding_work
        how = self.work_of, self.choose_alike, batching.max_queued_frames
        policy = Policy(*how, batches=batching.at_once)
        self.batcher: Batcher[Job, ModelOutput] = Batcher(
            self._run, policy, metrics.batches_of(self.card.name)
        )

    @classmethod
    def load(
        cls, folder: Path, how: RunOptions, batching: Batching, metrics: Metrics
    ) -> "ServedModel":
        """Load a model folder; on a CPU, as many batches run at a time as ``how`` has threads.

        The threads of one batch would wait for each other many times, and whenever the event loop
        takes the processor from one of them all would. Who is alone has all threads for a batch.

        Raises:
            ModelError: see ``ClipModel.load``.
        """
        model = ClipModel.load(folder, how.provider, how.strict, threads=1)
        if model.provider != "cpu" or how.threads == 1:
            return cls(model, batching, metrics, folder)
        alone = ClipModel.load(folder, "cpu", threads=how.threads, packs=False)
        at_once = replace(batching, at_once=how.threads)
        return cls(model, at_once, metrics, folder, alone)

    @property
    def max_batch_work(self) -> float:
        """The work of the longest piece, which no batch exceeds."""
        return self.work(self.max_batch_frames, flip=False)

    def work(self, frames: int, flip: bool) -> float:
        """The cost of a clip, in frames' worth of the network's work, its padding included."""
        return (frames + self._padding_work) * (2 if flip else 1)

    def warm_up(self) -> None:
        """Run once, so that no caller pays for what is only done then.

        A GPU prepares for sizes; on a CPU the largest would only take memory before it is needed,
        and so would the model for one who is alone, whose first run takes some milliseconds more.
        """
        joints = len(self.card.input.joints)
        for frames in (1,) if self.provider == "cpu" else (1, self.max_batch_frames):
            self._model.lift(np.zeros((1, frames, joints, 2), dtype=np.float32))

    def work_of(self, job: Job) -> float:
        """The cost of a job."""
        return self.work(len(job.inputs_TJ2), job.flip)

    def choose_alike(self, jobs: Sequence[Job]) -> list[int]:
        """Choose the oldest job and those closest to it in length, while little is padding."""
        lengths = [len(job.inputs_TJ2) for job in jobs[:_CANDIDATES]]
        weights = [2 if job.flip else 1 for job in jobs[:_CANDIDATES]]
        by_likeness = sorted(
            range(1, len(lengths)), key=lambda index: abs(lengths[index] - lengths[0])
        )
        chosen, longest = [0], lengths[0]
        count, useful = weights[0], self.work_of(jobs[0])
        for index in by_likeness:
            longest = max(longest, lengths[index])
            count += weights[index]
            useful += self.work_of(jobs[index])
            padded = self.work(longest, flip=False) * count
            if padded > self.max_batch_work or useful < (1 - _MOST_WASTE) * padded:
                break
            chosen.append(index)
        return chosen

    def _run(self, jobs: Sequence[Job]) -> list[ModelOutput]:
        """The kept frames of jobs, lifted in one batch."""
        flipped = [index for index, job in enumerate(jobs) if job.flip]
        model = self._alone if self.batcher.callers == 1 else self._model
        output = model.lift(stack([job.inputs_TJ2 for job in jobs]), flipped)
        return [output[index, job.kept] for index, job in enumerate(jobs)]


class ModelSet:
    """The served models by name, and the aliases ``default`` and ``live``."""

    def __init__(
        self, models: Sequence[ServedModel], default: str | None = None, live: str | None = None
    ) -> None:
        self._models: dict[str, ServedModel] = {}
        for model in models:
            name = model.card.name
            if name in {DEFAULT, LIVE}:
                raise ModelError(f"a model may not be named {name!r}: that is an alias")
            if name in self._models:
                raise ModelError(f"two models are named {name!r}")
            self._models[name] = model
        causal = [model for model in models if model.card.architecture.causal]
        symmetric = [model for model in models if not model.card.architecture.causal]
        self._aliases: dict[str, ServedModel] = {
            DEFAULT: self._configured(default) if default else [*symmetric, *causal][0]
        }
        if live or causal:
            self._aliases[LIVE] = self._configured(live) if live else causal[0]
        if live and not self._aliases[LIVE].card.architecture.causal:
            raise ModelError(f"the live model {live!r} is not causal")

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(self._models.values())

    @property
    def aliases(self) -> Mapping[str, str]:
        """The model each alias stands for."""
        return {alias: model.card.name for alias, model in self._aliases.items()}

    def named(self, name: str) -> ServedModel:
        """The model of this name or alias.

        Raises:
            NotFound: there is none.
        """
        model = self._aliases.get(name) or self._models.get(name)
        if model is None:
            raise NotFound(f"no model is named {name!r}; there are {self._names()}")
        return model

    def asked_for(self, name: str) -> ServedModel:
        """Like ``named``, for a model named in a request: a wrong name is ``InvalidInput``."""
        try:
            return self.named(name)
        except NotFound:
            raise InvalidInput.at("model", f"one of {self._names()}, found {name!r}") from None

    def _names(self) -> str:
        return ", ".join([*self._aliases, *self._models])

    def _configured(self, name: str) -> ServedModel:
        if name not in self._models:
            raise ModelError(f"no model is named {name!r}; there are {', '.join(self._models)}")
        return self._models[name]


def model_folders(root: Path) -> list[Path]:
    """Every folder with a clip graph under ``root``, by name.

    Raises:
        ModelError: there is none, or a link leads out of ``root`` or nowhere.
    """
    folders = sorted(graph.parent for graph in root.glob("*/clip.onnx"))
    if not folders:
        raise ModelError(f"no model in {root}: expected folders that hold a clip.onnx")
    inside = root.resolve()
    for folder in folders:
        for path in (folder, *folder.iterdir()):
            if not _resolved(path).is_relative_to(inside):
                raise ModelError(f"{path}: a link out of {root}; copy what it leads to")
    return folders


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError before Python 3.13: it leads to itself
        raise ModelError(f"{path}: a link that leads nowhere; remove it") from error
