"""The paper's comparisons: their runs, what is measured of them, and the page about them."""

import os
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from poselift.errors import InvalidInput
from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.command import Options
from training.config.train_config import TrainConfig
from training.data.datasets.prepared import MotionSet
from training.data.datasets.synthetic_recordings import keep_recordings
from training.data.sources import open_source
from training.evaluation import clip_errors
from training.loop.process_pool import result_path, run_all
from training.model.checkpoint import load, load_networks
from training.reproduction.experiments import Experiment, everything
from training.reproduction.page import Run, write_page

NOISE = {"detected": 1.0, "true": 0.0}
"""Levels of simulated detector noise in either kind of recordings."""


class Reproduction(Options):
    """The options of ``training.reproduce``, and its runs."""

    motion: Path = Path("data/cmu.npz")
    """Prepared motion."""
    output: Path = Path("runs/reproduction")
    """Folder for recordings and runs."""
    page: Path = Path("docs/reproduction.md")
    """The page to write; its figures go to a folder of the same name."""
    channels: Annotated[int, Field(ge=1)] = 128
    """Channels of all networks; the paper's have 1024."""
    epochs: Annotated[int, Field(ge=1)] = 60
    """Of every run."""
    windows_per_epoch: Annotated[int, Field(ge=512)] = 60_000
    """Frames learned from in an epoch; a fifth of it at the lower frame rate of figure 5."""
    batch_size: Annotated[int, Field(ge=256)] = 512
    """Frames in a step."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.25
    """As in the paper."""
    learning_rate_decay: Annotated[float, Field(gt=0, le=1)] = 0.95
    """From one epoch to the next."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of matrix products; ``bfloat16`` is faster where the machine has it."""
    device: str = "auto"
    """``auto`` takes a GPU where there is one."""
    jobs: Annotated[int, Field(ge=1)] = os.cpu_count() or 1
    """Runs at the same time, a thread each."""

    def run(self) -> None:
        """Train and measure what is not finished, and write the page."""
        started = time.monotonic()
        self.output.mkdir(parents=True, exist_ok=True)
        motions = MotionSet.load(self.motion)
        for kind, noise in NOISE.items():
            keep_recordings(self._recordings(kind), motions, self.motion, noise)
        subjects = motions.summary().subjects
        experiments = everything(subjects)
        configs = {each.name: self.config(each) for each in experiments}
        waiting = [each for each in configs.values() if not result_path(each.run.output).exists()]
        found = run_all(configs, all_errors, self.jobs)
        for name, result in found.items():
            if "training" not in result:
                path = result_path(configs[name].run.output)
                raise InvalidInput.at(str(path), "a result of this version; move the folder away")
        runs = {
            name: Run(result["errors"], result["flipped"], result["training"], result["minutes"])
            for name, result in found.items()
        }
        settings = self.model_dump(mode="json", exclude={"motion", "output", "page"})
        write_page(self.page, subjects, runs, settings)
        minutes = (time.monotonic() - started) / 60
        print(f"written: {self.page} ({len(waiting)} runs in {minutes:.0f} minutes)")

    def _recordings(self, kind: str) -> Path:
        return self.output / f"{kind}.npz"

    def config(self, experiment: Experiment) -> TrainConfig:
        """How an experiment's network is trained."""
        at_lower_rate = experiment.settings.get("downsample", 1)
        settings: dict[str, Any] = {
            "data": self._recordings(experiment.recordings),
            "output": self.output / experiment.name,
            "normalisation": "screen",
            "channels": self.channels,
            "epochs": self.epochs,
            "windows_per_epoch": self.windows_per_epoch // at_lower_rate,
            "batch_size": self.batch_size,
            "dropout": self.dropout,
            "learning_rate_decay": self.learning_rate_decay,
            "precision": self.precision,
            "device": self.device,
            "threads": 1,
        }
        return TrainConfig(**settings | dict(experiment.settings))


def all_errors(checkpoint: Path) -> dict[str, Any]:
    """The mean errors of a checkpoint, without and with flip augmentation, and while it learned."""
    return {
        "errors": held_out_errors(checkpoint, flip=False),
        "flipped": held_out_errors(checkpoint, flip=True),
        "training": load(checkpoint).history[-1]["training MPJPE (mm)"],
    }


def held_out_errors(checkpoint: Path, flip: bool) -> dict[str, float]:
    """The mean errors of a checkpoint over all held-out clips, with or without augmentation."""
    networks, loaded = load_networks(checkpoint)
    source = open_source(loaded.config.for_evaluation(loaded.config.dataset.data))
    skeleton = SKELETONS[source.summary.skeleton]
    predict = clip_errors.predictor(networks.pose)
    if flip:
        inputs = FORMATS[source.keypoint_format].mirror
        predict = clip_errors.flip_augmented(predict, inputs, skeleton.mirror)
    clips = source.held_out(source.conditions[0])
    return clip_errors.average(
        list(clip_errors.measure(clip_errors.predict_clips(clips, predict), skeleton.joints))
    )
