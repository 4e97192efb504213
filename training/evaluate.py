"""Measure a checkpoint on held-out subjects: ``python -m training.evaluate --help``."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, CliPositionalArg
from tqdm import tqdm

from service.pose.formats import FORMATS
from service.pose.skeleton import SKELETONS
from training.checkpoint import Checkpoint, load_networks
from training.command import command_line, run
from training.evaluation import (
    Predictor,
    by_action,
    collected,
    delayed_predictor,
    flip_augmented,
    measure,
    predict_clips,
    predictor,
    table,
)
from training.model import TemporalModel
from training.networks import Networks
from training.report import Conditions, overall_errors, write_report
from training.sources import Source, open_source


class EvaluateCommand(BaseSettings):
    """Print MPJPE, P-MPJPE, N-MPJPE (mm), MPJVE (mm per frame), PCK and AUC (%) per action.

    And, of models that tell it, the error of the root's path in mm and in % of its distance.
    """

    model_config = command_line("training.evaluate")

    checkpoint: CliPositionalArg[Path]
    """The checkpoint to measure."""
    data: Path | None = None
    """Prepared data, whose held-out subjects are used; what it was trained on if not given."""
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
    predictions: Path | None = None
    """Also write the poses into this folder, one file a condition, for ``training.render``."""

    def cli_cmd(self) -> None:
        """Run it."""
        # All files are opened before anything is measured: a mistyped name is said at once.
        networks, checkpoint = load_networks(self.checkpoint)
        beside = self._load_beside(checkpoint) if self.beside else None
        source = self._source(checkpoint)
        measured = {"": self._measure(self.checkpoint, networks, source, self.predictions)}
        if self.beside and beside:
            name = f", {self.beside.parent.name} model"
            measured[name] = self._measure(self.beside, beside, source)
        if self.output:
            self.output.write_text(json.dumps(overall_errors(measured), indent=2) + "\n")
        if self.report:
            write_report(self.report, measured)

    def _source(self, checkpoint: Checkpoint) -> Source:
        """Where held-out clips come from, none of whose subjects the model has seen."""
        data = self.data or checkpoint.config.data
        source = open_source(checkpoint.config.for_measuring(data))
        subjects = {clip.subject for clip in source.held_out(source.conditions[0])}
        if not subjects:
            raise ValueError(f"{data} holds no held-out subjects")
        seen = sorted(subjects & set(checkpoint.motions.subjects))
        if seen:
            raise ValueError(f"{data}: {self.checkpoint} was trained on {', '.join(seen)}")
        return source

    def _load_beside(self, checkpoint: Checkpoint) -> Networks:
        assert self.beside is not None
        networks, other = load_networks(self.beside)
        for name in ("keypoint_format", "normalisation"):
            if getattr(checkpoint.config, name) != getattr(other.config, name):
                raise ValueError(f"{self.beside}: was trained with another {name}")
        if other.motions != checkpoint.motions:
            raise ValueError(f"{self.beside}: was trained on other motion")
        if other.config.causal and not checkpoint.config.causal:
            raise ValueError(
                f"{self.beside}: is causal, and would be shown gaps filled with hindsight"
            )
        return networks

    def _measure(
        self, path: Path, networks: Networks, source: Source, folder: Path | None = None
    ) -> Conditions:
        skeleton = SKELETONS[source.summary.skeleton]
        predict = self._predictor(networks.pose, source, skeleton.mirror)
        predict_roots = None
        if networks.trajectory is not None:
            predict_roots = self._predictor(networks.trajectory, source, (0,))
        measured: Conditions = {}
        for condition in source.conditions:
            clips = tqdm(source.held_out(condition), unit="clip", leave=False)
            predictions = list(predict_clips(clips, predict, predict_roots))
            if folder is not None:
                collected(predictions, source).save(folder / f"{condition}.npz")
            found = list(measure(predictions, skeleton.joints))
            measured[f"{condition}{self._how}"] = found
            heading = f"{path}: {condition} keypoints, {source.summary.fps:g} fps"
            print(f"\n{heading}\n{table(by_action(found))}")
        return measured

    @property
    def _how(self) -> str:
        """How the models were measured, if not as usual."""
        later = f", lookahead {self.lookahead_frames}" if self.lookahead_frames else ""
        return f"{later}, flip" if self.flip else later

    def _predictor(
        self, model: TemporalModel, source: Source, mirror: tuple[int, ...]
    ) -> Predictor:
        predict = self._unflipped(model)
        if not self.flip:
            return predict
        return flip_augmented(predict, FORMATS[source.keypoint_format].mirror, mirror)

    def _unflipped(self, model: TemporalModel) -> Predictor:
        if self.lookahead_frames is None or model.receptive_field == 1:
            return predictor(model)
        if model.causal:
            raise ValueError("--lookahead-frames is for symmetric models")
        return delayed_predictor(model, self.lookahead_frames)


if __name__ == "__main__":
    run(EvaluateCommand)
