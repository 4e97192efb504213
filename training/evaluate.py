"""Measure a checkpoint on held-out subjects: ``python -m training.evaluate --help``."""

import json
from pathlib import Path

from pydantic_settings import BaseSettings, CliPositionalArg
from tqdm import tqdm

from training.checkpoint import load_model
from training.command import command_line, run
from training.config import TrainConfig
from training.datasets.motion import MotionSet
from training.evaluation import (
    CONDITIONS,
    average,
    by_action,
    flip_augmented,
    measure,
    predictor,
    table,
)
from training.loop import filming_options
from training.model import TemporalModel


class EvaluateCommand(BaseSettings):
    """Print MPJPE, P-MPJPE, N-MPJPE (mm) and MPJVE (mm per frame), per action and overall."""

    model_config = command_line("training.evaluate")

    checkpoint: CliPositionalArg[Path]
    """The checkpoint to measure."""
    data: Path = Path("data/cmu.npz")
    """Prepared motion; its held-out subjects are used."""
    beside: Path | None = None
    """Another checkpoint to measure beside it, a single-frame model say."""
    flip: bool = False
    """Average with the mirrored input's pose."""
    output: Path | None = None
    """Also write the overall errors as JSON, for ``training.export --errors``."""

    def cli_cmd(self) -> None:
        """Run it."""
        # All files are opened before anything is measured: a mistyped name is said at once.
        measured = load_model(self.checkpoint)
        beside = load_model(self.beside) if self.beside else None
        motions = MotionSet.load(self.data).split(held_out=True)
        if len(motions.names) == 0:
            raise ValueError(f"{self.data} holds no held-out subjects")
        overall = self._measure(self.checkpoint, *measured, motions)
        if self.beside and beside:
            other = self._measure(self.beside, *beside, motions)
            name = self.beside.parent.name
            overall |= {f"{key}, {name} model": value for key, value in other.items()}
        if self.output:
            rounded = {key: round(value, 2) for key, value in overall.items()}
            self.output.write_text(json.dumps(rounded, indent=2) + "\n")

    def _measure(
        self, path: Path, model: TemporalModel, config: TrainConfig, motions: MotionSet
    ) -> dict[str, float]:
        predict = predictor(model)
        if self.flip:
            predict = flip_augmented(predict, config.keypoint_format)
        overall: dict[str, float] = {}
        for condition, noise in CONDITIONS.items():
            options = filming_options(config).for_measuring(noise)
            measuring = measure(predict, motions, options)
            clips = list(tqdm(measuring, total=len(motions.names), unit="clip", leave=False))
            heading = f"{path}: {condition} keypoints, {motions.fps:g} fps"
            print(f"\n{heading}\n{table(by_action(clips))}")
            overall |= {f"{condition} {name}": value for name, value in average(clips).items()}
        return overall


if __name__ == "__main__":
    run(EvaluateCommand)
