"""Measure a checkpoint on held-out subjects: ``python -m training.evaluate --help``."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, CliPositionalArg
from tqdm import tqdm

from training.checkpoint import Checkpoint, load_model
from training.command import command_line, run
from training.config import TrainConfig
from training.datasets.motion import MotionSet
from training.evaluation import (
    CONDITIONS,
    Predictor,
    by_action,
    delayed_predictor,
    flip_augmented,
    measure,
    predictor,
    table,
)
from training.loop import filming_options
from training.model import TemporalModel
from training.report import Conditions, overall_errors, write_report


class EvaluateCommand(BaseSettings):
    """Print MPJPE, P-MPJPE, N-MPJPE (mm), MPJVE (mm per frame), PCK and AUC (%) per action."""

    model_config = command_line("training.evaluate")

    checkpoint: CliPositionalArg[Path]
    """The checkpoint to measure."""
    data: Path | None = None
    """Prepared motion, whose held-out subjects are used; what it was trained on if not given."""
    beside: Path | None = None
    """Another checkpoint to measure beside it on the same keypoints, a single-frame model say."""
    lookahead_frames: Annotated[int, Field(ge=1)] | None = None
    """Show a symmetric model only so many frames after each, as live sessions may."""
    flip: bool = False
    """Average with the mirrored input's pose."""
    output: Path | None = None
    """Also write the overall errors as JSON, for ``training.export --errors``."""
    report: Path | None = None
    """Also write all there is into this folder, per action and per joint: JSON and a plot."""

    def cli_cmd(self) -> None:
        """Run it."""
        # All files are opened before anything is measured: a mistyped name is said at once.
        model, checkpoint = load_model(self.checkpoint)
        config = checkpoint.config
        beside = self._load_beside(checkpoint) if self.beside else None
        motions = self._held_out(checkpoint)
        measured = {"": self._measure(self.checkpoint, model, config, motions)}
        if self.beside and beside:
            name = f", {self.beside.parent.name} model"
            measured[name] = self._measure(self.beside, beside, config, motions)
        if self.output:
            self.output.write_text(json.dumps(overall_errors(measured), indent=2) + "\n")
        if self.report:
            write_report(self.report, measured)

    def _held_out(self, checkpoint: Checkpoint) -> MotionSet:
        """The clips to measure on, none of whose subjects the model has seen."""
        data = self.data or checkpoint.config.data
        motions = MotionSet.load(data).split(held_out=True)
        if len(motions) == 0:
            raise ValueError(f"{data} holds no held-out subjects")
        seen = sorted(set(motions.subjects) & set(checkpoint.motions.subjects))
        if seen:
            raise ValueError(f"{data}: {self.checkpoint} was trained on {', '.join(seen)}")
        return motions

    def _load_beside(self, checkpoint: Checkpoint) -> TemporalModel:
        assert self.beside is not None
        model, other = load_model(self.beside)
        for name in ("keypoint_format", "normalisation"):
            if getattr(checkpoint.config, name) != getattr(other.config, name):
                raise ValueError(f"{self.beside}: was trained with another {name}")
        if other.motions != checkpoint.motions:
            raise ValueError(f"{self.beside}: was trained on other motion")
        if other.config.causal and not checkpoint.config.causal:
            raise ValueError(
                f"{self.beside}: is causal, and would be shown gaps filled with hindsight"
            )
        return model

    def _measure(
        self, path: Path, model: TemporalModel, config: TrainConfig, motions: MotionSet
    ) -> Conditions:
        predict = self._predictor(model)
        if self.flip:
            predict = flip_augmented(predict, config.keypoint_format)
        measured: Conditions = {}
        for condition, noise in CONDITIONS.items():
            options = filming_options(config).for_measuring(noise)
            measuring = measure(predict, motions, options)
            clips = list(tqdm(measuring, total=len(motions.names), unit="clip", leave=False))
            heading = f"{path}: {condition} keypoints, {motions.fps:g} fps"
            measured[f"{condition}{self._how}"] = clips
            print(f"\n{heading}\n{table(by_action(clips))}")
        return measured

    @property
    def _how(self) -> str:
        """How the models were measured, if not as usual."""
        later = f", lookahead {self.lookahead_frames}" if self.lookahead_frames else ""
        return f"{later}, flip" if self.flip else later

    def _predictor(self, model: TemporalModel) -> Predictor:
        if self.lookahead_frames is None or model.receptive_field == 1:
            return predictor(model)
        if model.causal:
            raise ValueError("--lookahead-frames is for symmetric models")
        return delayed_predictor(model, self.lookahead_frames)


if __name__ == "__main__":
    run(EvaluateCommand)
