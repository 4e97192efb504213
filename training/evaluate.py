"""Measure a checkpoint on held-out subjects: ``python -m training.evaluate --help``."""

import json
from dataclasses import replace
from pathlib import Path

from pydantic_settings import BaseSettings, CliPositionalArg
from tqdm import tqdm

from training.checkpoint import load_model
from training.command import command_line, run
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


class EvaluateCommand(BaseSettings):
    """Print MPJPE, P-MPJPE, N-MPJPE (mm) and MPJVE (mm per frame), per action and overall."""

    model_config = command_line("training.evaluate")

    checkpoint: CliPositionalArg[Path]
    """The checkpoint to measure."""
    data: Path = Path("data/cmu.npz")
    """Prepared motion; its held-out subjects are used."""
    flip: bool = False
    """Average with the mirrored input's pose."""
    output: Path | None = None
    """Also write the errors as JSON, for ``training.export --errors``."""

    def cli_cmd(self) -> None:
        """Run it."""
        model, config = load_model(self.checkpoint)
        motions = MotionSet.load(self.data).split(held_out=True)
        if len(motions.names) == 0:
            raise ValueError(f"{self.data} holds no held-out subjects")
        predict = predictor(model)
        if self.flip:
            predict = flip_augmented(predict, config.keypoint_format)
        plain = replace(filming_options(config), speed=(1.0, 1.0), flip=False)
        overall: dict[str, float] = {}
        for condition, noise in CONDITIONS.items():
            options = replace(plain, noise=(noise, noise))
            clips = list(
                tqdm(
                    measure(predict, motions, options),
                    total=len(motions.names),
                    desc=condition,
                    leave=False,
                )
            )
            print(f"\n{condition} keypoints, {motions.fps:g} fps\n{table(by_action(clips))}")
            overall |= {f"{condition} {name}": value for name, value in average(clips).items()}
        if self.output:
            self.output.write_text(json.dumps(overall, indent=2) + "\n")


if __name__ == "__main__":
    run(EvaluateCommand)
