"""The ablation of the training recipe: its runs, and what is measured of them."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from poselift.runtime.clip import ClipModel
from training.command import Options
from training.config.sections import FilterWidths
from training.config.train_config import TrainConfig
from training.data.datasets.prepared import MotionSet
from training.data.datasets.synthetic_recordings import keep_recordings
from training.evaluation.pages import Rows, around, put_into, table
from training.evaluation.wild import held_out
from training.evaluation.wild.real import balancing, balancing_by_mediapipe
from training.evaluation.wild.videos import Downloads, Video, videos
from training.export.exported import from_checkpoint
from training.export.model_folder import export
from training.loop.process_pool import run_all

_CACHE = Path("data/wild")
_KEYPOINTS = "coco17"
_LOW_FPS = 10

RECIPE: Mapping[str, Any] = {
    "speed": (0.7, 5.0),
    "backwards": 0.5,
    "limb_swap": 0.6,
    "bone_length_scaling": 0.07,
    "joint_angle_jitter": 0.7,
    "sitting": 0.1,
    "lying": 0.05,
    "roll": 0.15,
    "truncation": 0.1,
}
"""How the last stages of ``training/recorded_motion_models.sh`` augment motion."""
RUNS: Mapping[str, Mapping[str, Any]] = {
    "all of it": {},
    "without detector noise": {"noise": (0.0, 0.0)},
    "without other frame rates": {"speed": (1.0, 1.0)},
    "without mirroring": {"flip": False},
    "without time reversal": {"backwards": 0.0},
    "without limb swap": {"limb_swap": 0.0},
    "without bone-length scaling": {"bone_length_scaling": 0.0},
    "without joint-angle jitter": {"joint_angle_jitter": 0.0},
    "without sitting and lying": {"sitting": 0.0, "lying": 0.0},
    "without rolled cameras": {"roll": 0.0},
    "without truncation": {"truncation": 0.0},
    "with `screen` normalisation": {"normalisation": "screen"},
    "with a velocity loss": {"velocity_weight": 3.0},
    "with a bone loss": {"bone_weight": 0.5},
    "with losses on bone directions and flexion": {
        "bone_direction_weight": 0.1,
        "joint_angle_weight": 0.1,
    },
    "with simulated joint definitions": {"joint_definitions": 0.8},
    "with straighter arms": {"straight_arms": 0.3},
    "with a mixture of actions": {"mixture": ("everyday-video",)},
    "with eight targets a window": {"targets_per_window": 8},
}
"""Runs by name, and what each does otherwise."""
STILL = "four still cameras, none of it"
"""As data sets are recorded: unaltered motion, still cameras, an ordinary detector's noise."""
STANDARD_ERROR = "standard error of these means"


class Ablation(Options):
    """The options of ``training.ablation``, and its runs."""

    motion: Path = Path("data/cmu.npz")
    """Prepared motion."""
    output: Path = Path("runs/ablation")
    """Folder for the runs."""
    page: Path | None = None
    """Put the table into this page, between its two marks."""
    filter_widths: FilterWidths = (3, 3, 3)
    """Of all networks, which are symmetric."""
    channels: Annotated[int, Field(ge=1)] = 192
    """Of all networks."""
    epochs: Annotated[int, Field(ge=1)] = 60
    """Of every run."""
    windows_per_epoch: Annotated[int, Field(ge=512)] = 60_000
    """Frames learned from in an epoch."""
    learning_rate_decay: Annotated[float, Field(gt=0, le=1)] = 0.94
    """From one epoch to the next."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of matrix products; ``bfloat16`` is faster where the machine can."""
    seeds: Annotated[int, Field(ge=1)] = 2
    """Runs of each kind, whose mean is reported."""
    jobs: Annotated[int, Field(ge=1)] = os.cpu_count() or 1
    """Runs at the same time, a thread each."""

    def run(self) -> None:
        """Train and measure what is not finished, and print the table."""
        if self.page:
            around(self.page, "ablation")  # a page without marks is said at once
        found_videos = videos(Downloads(_CACHE), _CACHE / "detections")
        self.output.mkdir(parents=True, exist_ok=True)
        measure = partial(errors_of, motion=self.motion, found_videos=found_videos)
        results = run_all(self.configs(), measure, self.jobs)
        errors = {
            name: [results[_folder(name, seed)]["errors"] for seed in range(self.seeds)]
            for name in (*RUNS, STILL)
        }
        text = f"{self._networks}\n\n{table(means(errors), list(errors[STILL][0]))}"
        print(text)
        if self.page:
            put_into(self.page, "ablation", text)

    def configs(self) -> dict[str, TrainConfig]:
        """All runs by folder, seed after seed."""
        kinds = {name: {**RECIPE, **otherwise} for name, otherwise in RUNS.items()}
        still = self.output / "still.npz"
        keep_recordings(still, MotionSet.load(self.motion), self.motion, 1.0, _KEYPOINTS)
        kinds[STILL] = {"data": still, "flip": False}
        return {
            _folder(name, seed): self._config(_folder(name, seed), {**own, "seed": seed})
            for seed in range(self.seeds)
            for name, own in kinds.items()
        }

    def _config(self, folder: str, own: Mapping[str, Any]) -> TrainConfig:
        settings: dict[str, Any] = {
            "data": self.motion,
            "output": self.output / folder,
            "filter_widths": self.filter_widths,
            "channels": self.channels,
            "dropout": 0.0,
            "epochs": self.epochs,
            "batch_size": 512,
            "windows_per_epoch": self.windows_per_epoch,
            "learning_rate_decay": self.learning_rate_decay,
            "weight_average": 0.99,
            "precision": self.precision,
            "threads": 1,
        }
        return TrainConfig(**{**settings, **own})

    @property
    def _networks(self) -> str:
        return (
            f"Networks of {math.prod(self.filter_widths)} frames and {self.channels} channels, "
            f"{self.epochs} epochs of {self.windows_per_epoch:,} windows each, "
            + ("one seed:" if self.seeds == 1 else f"the mean of {self.seeds} seeds:")
        )


def _folder(name: str, seed: int) -> str:
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}-{seed}"


def means(errors: Mapping[str, Sequence[Mapping[str, float]]]) -> Rows:
    """Of each kind of run over its seeds, and below them how far those means may be off."""
    columns = list(next(iter(errors.values()))[0])
    numbers_RSC = np.array(
        [[[row[column] for column in columns] for row in rows] for rows in errors.values()]
    )
    means = dict(zip(errors, numbers_RSC.mean(axis=1), strict=True))
    seeds = numbers_RSC.shape[1]
    if seeds > 1:
        # One spread for all kinds of run, as each has but a few seeds.
        means[STANDARD_ERROR] = np.sqrt(numbers_RSC.var(axis=1, ddof=1).mean(axis=0) / seeds)
    return {name: dict(zip(columns, row.tolist(), strict=True)) for name, row in means.items()}


def errors_of(checkpoint: Path, motion: Path, found_videos: list[Video]) -> dict[str, Any]:
    """A run's errors in millimetres: MPJPE of held-out people unless said, P-MPJPE of real ones.

    The run's model folder is written next to its checkpoint. Of the videos, as MediaPipe detects
    them, the trial's are taken.
    """
    folder = checkpoint.parent / "model"
    export(from_checkpoint(checkpoint, "model"), folder)
    lifter = ClipModel.load(folder, provider="cpu", threads=1)
    errors = _of_held_out_people(lifter, MotionSet.load(motion).split(held_out=True))
    real = {
        "balancing by OpenPose": balancing(lifter),
        "balancing by MediaPipe": balancing_by_mediapipe(lifter, found_videos),
    }
    means = {name: float(np.mean(list(cameras.values()))) for name, cameras in real.items()}
    return {"errors": errors | means}


def _of_held_out_people(lifter: ClipModel, motions: MotionSet) -> dict[str, float]:
    found = {
        name: held_out.overall(held_out.measured(lifter, motions, condition))
        for name, condition in held_out.EVERY_CONDITION.items()
    }
    slow = held_out.overall(
        held_out.measured(lifter, motions, held_out.NOISY, every=round(motions.fps / _LOW_FPS))
    )
    return {
        **{name: errors["MPJPE"] for name, errors in found.items()},
        f"noisy, {_LOW_FPS} fps": slow["MPJPE"],
        "noisy: MPJVE": found["noisy"]["MPJVE"],
        "half of one side occluded": held_out.occluded_side(lifter, motions).occluded_mm,
    }
