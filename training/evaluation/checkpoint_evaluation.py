"""The evaluation of a checkpoint: tables, reports and predictions of held-out clips."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter
from pydantic import Field
from tqdm import tqdm

from poselift.formats import FORMATS
from poselift.skeletons import SKELETONS
from training.command import Options
from training.data.sources import Source, open_source
from training.evaluation import clip_errors
from training.figures import figure
from training.metrics import ALL_METRICS
from training.model.checkpoint import load_networks
from training.model.networks import Networks
from training.model.temporal_model import TemporalModel
from training.model.videopose3d import LoadedModel, load_model

ErrorsByCondition: TypeAlias = dict[str, list[clip_errors.ClipErrors]]
"""A model's clips by the condition they were measured in: ``clean``, or ``noisy, flip``."""


def overall_errors(measured: Mapping[str, ErrorsByCondition]) -> dict[str, float]:
    """Errors over all clips, for a card: ``noisy MPJPE, flip, single model`` and the like.

    ``measured`` is by what is added to the names for each model; nothing for the one it is about.
    """
    errors: dict[str, float] = {}
    for model, conditions in measured.items():
        for condition, clips in conditions.items():
            noise, comma, how = condition.partition(",")
            for name, value in clip_errors.average(clips).items():
                if ALL_METRICS[name].is_error and not math.isnan(value):
                    errors[f"{noise} {name}{comma}{how}{model}"] = round(value, 2)
    return errors


def write_report(
    folder: Path, measured: Mapping[str, ErrorsByCondition], by_subject: bool = False
) -> None:
    """Write ``report.json`` and ``report.png``: every metric per action, every joint's error."""
    folder.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "units": {name: metric.unit for name, metric in ALL_METRICS.items()} | {"joints": "mm"},
        "measured": {
            f"{condition}{model}": {
                "frames": sum(clip.frames for clip in clips),
                "actions": clip_errors.by_action(clips, by_subject),
                "joints": clip_errors.by_joint(clips),
            }
            for model, conditions in measured.items()
            for condition, clips in conditions.items()
        },
    }
    text = json.dumps(_rounded(content), indent=2) + "\n"
    (folder / "report.json").write_text(text)
    _plot(content["measured"], folder / "report.png")


def _rounded(value: Any) -> Any:  # noqa: ANN401
    """Numbers to two places; JSON has no NaN, so what is not known is null."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 2)
    return value


def _plot(measured: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Bars of MPJPE for every action and every joint, a colour a condition."""
    panels = {
        "by action": {
            name: {action: row["MPJPE"] for action, row in found["actions"].items()}
            for name, found in measured.items()
        },
        "by joint": {name: found["joints"] for name, found in measured.items()},
    }
    rows = max(len(bars) for panel in panels.values() for bars in panel.values())
    with figure(path, 11, 1.5 + 0.12 * rows * len(measured)) as drawn:
        for axes, (title, panel) in zip(drawn.subplots(1, 2), panels.items(), strict=True):
            height = 0.8 / len(panel)
            for number, (name, bars) in enumerate(panel.items()):
                places = [place + number * height for place in range(len(bars))]
                axes.barh(places, list(bars.values()), height, label=name)
            labels = list(next(iter(panel.values())))
            axes.set_yticks([place + 0.4 - height / 2 for place in range(len(labels))], labels)
            axes.invert_yaxis()
            axes.set_xlabel("MPJPE (mm)")
            axes.set_title(title)
        axes.legend(fontsize="small")


WITHOUT_POSES = "without-poses"
"""The file of predictions of videos of unknown poses."""
Paths = Annotated[tuple[Path, ...], Parameter(negative="")]


class EvaluateOptions(Options):
    """Of a checkpoint's evaluation, and of the suite."""

    causal: bool = False
    """For .bin files, which do not say: the model sees only the past."""
    keypoint_format: str | None = None
    """For .bin files: the input's layout, if not h36m17 (or, for 15 joints, humaneva15)."""
    suite: Literal["wild"] | None = None
    """Measure model folders instead: on held-out people in all conditions, and on real videos,
    which are fetched from the package index, as is their detector."""
    models: Paths = ()
    """The suite's model folders; those that come with the service if not given."""
    page: Path | None = None
    """Put the suite's tables into this page, between its two marks, and pictures into ``docs``
    next to it: how each model fails worst, people who stand, sit, squat and lie, flexion found
    against true, and expected errors against true ones."""
    data: Path | None = None
    """Prepared data, whose held-out subjects are used; what it was trained on if not given."""
    everyday: Paths = ()
    """The suite's files of everyday motion, prepared, whose held-out side is measured by action."""
    source: Paths = ()
    """For the suite, where its data is not prepared yet: CMU's files, as ``training.prepare cmu``
    takes them."""
    baseline: Path | None = None
    """Another checkpoint to compare with on the same keypoints, such as a single-frame model."""
    lookahead_frames: Annotated[int, Field(ge=1)] | None = None
    """Show a symmetric model only so many frames after each, as live sessions may."""
    flip: bool = False
    """Average with the mirrored input's pose."""
    by_subject: bool = False
    """Report actions of each subject by themselves, as is usual for HumanEva."""
    output: Path | None = None
    """Also write the overall errors as JSON, for ``training.export --errors``."""
    report: Path | None = None
    """Also write all there is into this folder, per action and per joint: JSON and a plot."""
    predictions: Path | None = None
    """Also write the poses into this folder, one file a condition, for ``training.render``; those
    of videos of unknown poses too."""


class CheckpointEvaluation:
    """A checkpoint measured as the options say."""

    def __init__(self, path: Path, options: EvaluateOptions) -> None:
        self._path, self._options = path, options

    def run(self) -> None:
        """Measure the checkpoint and, if there is one, the baseline."""
        options = self._options
        # All files are opened before anything is measured, so that a mistyped name fails at once.
        loaded = load_model(self._path, options.causal, options.keypoint_format)
        baseline = options.baseline and self._load_baseline(options.baseline, loaded)
        source = self._source(self._path, loaded)
        if options.predictions:
            self._lift_videos_without_poses(loaded.networks, source, options.predictions)
        measured = {"": self._measure(self._path, loaded.networks, source, options.predictions)}
        if options.baseline and baseline:
            name = f", {options.baseline.parent.name} model"
            measured[name] = self._measure(options.baseline, baseline, source)
        if options.output:
            options.output.write_text(json.dumps(overall_errors(measured), indent=2) + "\n")
        if options.report:
            write_report(options.report, measured, options.by_subject)

    def _source(self, path: Path, loaded: LoadedModel) -> Source:
        """Where held-out clips come from, none of whose subjects the model has seen."""
        options = self._options
        if options.data is None and loaded.trained_on is None:
            raise ValueError(f"--data: expected prepared data to measure {path} on")
        data = options.data or loaded.config.dataset.data
        source = open_source(loaded.config.for_evaluation(data))
        skeleton = SKELETONS[source.summary.skeleton]
        if loaded.networks.pose.joints_out != len(skeleton.joints):
            raise ValueError(
                f"{data}: has poses of {len(skeleton.joints)} joints ({skeleton.name}); "
                f"{path} predicts {loaded.networks.pose.joints_out}"
            )
        subjects = {clip.subject for clip in source.held_out(source.conditions[0])}
        only_lifts = options.predictions and not (
            options.output or options.report or options.baseline
        )
        if not subjects and not (only_lifts and any(source.without_poses())):
            hint = "with --predictions alone, videos without poses are lifted"
            raise ValueError(f"{data} holds no held-out subjects; {hint}")
        known = loaded.trained_on.subjects if loaded.trained_on else ()
        if seen := sorted(subjects & set(known)):
            raise ValueError(f"{data}: {path} was trained on {', '.join(seen)}")
        return source

    def _load_baseline(self, path: Path, loaded: LoadedModel) -> Networks:
        if loaded.trained_on is None:
            raise ValueError("--baseline compares this project's checkpoints (.pt)")
        networks, other = load_networks(path)
        for name in ("keypoint_format", "normalisation"):
            if getattr(loaded.config.model, name) != getattr(other.config.model, name):
                raise ValueError(f"{path}: was trained with another {name}")
        if other.motions != loaded.trained_on:
            raise ValueError(f"{path}: was trained on other motion")
        if other.config.model.causal and not loaded.config.model.causal:
            raise ValueError(f"{path}: is causal, and would get gaps filled from the future")
        return networks

    def _lift_videos_without_poses(self, networks: Networks, source: Source, folder: Path) -> None:
        """Write the predictions of the videos of unknown poses, if there are any."""
        predictors = self._predictors(networks, source)
        videos = tqdm(source.without_poses(), unit="video", leave=False)
        predictions = list(clip_errors.predict_clips(videos, *predictors))
        if predictions:
            clip_errors.collected(predictions, source).save(folder / f"{WITHOUT_POSES}.npz")
            print(f"written: {folder / WITHOUT_POSES}.npz ({len(predictions)} videos)")

    def _measure(
        self, path: Path, networks: Networks, source: Source, folder: Path | None = None
    ) -> ErrorsByCondition:
        skeleton = SKELETONS[source.summary.skeleton]
        predictors = self._predictors(networks, source)
        measured: ErrorsByCondition = {}
        for condition in source.conditions:
            clips = tqdm(source.held_out(condition), unit="clip", leave=False)
            predictions = list(clip_errors.predict_clips(clips, *predictors))
            if not predictions:
                continue
            if folder is not None:
                clip_errors.collected(predictions, source).save(folder / f"{condition}.npz")
            found = list(clip_errors.measure(predictions, skeleton.joints))
            measured[f"{condition}{self._how}"] = found
            heading = f"{path}: {condition} keypoints, {source.summary.fps:g} fps"
            rows = clip_errors.by_action(found, self._options.by_subject)
            print(f"\n{heading}\n{clip_errors.table(rows)}")
        return measured

    @property
    def _how(self) -> str:
        """How the models were measured, if not as usual."""
        frames = self._options.lookahead_frames
        later = f", lookahead {frames}" if frames else ""
        return f"{later}, flip" if self._options.flip else later

    def _predictors(
        self, networks: Networks, source: Source
    ) -> tuple[clip_errors.Predictor, clip_errors.Predictor | None]:
        """What predicts poses, and what predicts the trajectory, if anything does."""
        mirror = SKELETONS[source.summary.skeleton].mirror
        predict = self._predictor(networks.pose, source, mirror)
        if networks.trajectory is None:
            return predict, None
        return predict, self._predictor(networks.trajectory, source, (0,))

    def _predictor(
        self, model: TemporalModel, source: Source, mirror: tuple[int, ...]
    ) -> clip_errors.Predictor:
        predict = clip_errors.predictor(model)
        if self._options.lookahead_frames is not None and model.receptive_field > 1:
            if model.causal:
                raise ValueError("--lookahead-frames is for symmetric models")
            predict = clip_errors.delayed_predictor(model, self._options.lookahead_frames)
        if not self._options.flip:
            return predict
        return clip_errors.flip_augmented(predict, FORMATS[source.keypoint_format].mirror, mirror)
