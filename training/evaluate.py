"""Measure models on held-out subjects: ``python -m training.evaluate --help``."""

from collections.abc import Mapping
from pathlib import Path

from poselift.runtime.clip import ClipModel
from poselift.runtime.model_files import CLIP_GRAPH
from training.command import command_line, run
from training.data.datasets.prepared import MotionSet
from training.data.prepare_commands import CmuOptions, prepare_cmu
from training.evaluation.checkpoint_evaluation import CheckpointEvaluation, EvaluateOptions
from training.evaluation.pages import around, put_into
from training.evaluation.wild.everyday import load_everyday
from training.evaluation.wild.model_pages import check_pages, write_pages
from training.evaluation.wild.pictures import draw_calibration, draw_failures, draw_flexion
from training.evaluation.wild.posture_pictures import draw_postures
from training.evaluation.wild.suite import Results, as_json, as_markdown, measure_models
from training.evaluation.wild.videos import Downloads

_MODELS = Path(__file__).parents[1] / "poselift" / "models"
_MOTION = Path("data/cmu.npz")
_CACHE = Path("data/wild")


def evaluate(
    checkpoint: Path | None = None, /, *, options: EvaluateOptions = EvaluateOptions()
) -> None:
    """Print MPJPE, P-MPJPE, N-MPJPE (mm), MPJVE (mm per frame), PCK and AUC (%) per action.

    For models with a trajectory, also its error in mm and in % of the distance. Poses are compared
    relative to their own hip, as the service returns them; the paper's authors leave a predicted
    hip where it is.

    Args:
        checkpoint: The checkpoint to measure: this project's (.pt) or VideoPose3D's (.bin).
        options: of the command.
    """
    if options.suite is None and checkpoint is None:
        raise ValueError("expected a checkpoint, or --suite wild")
    if options.suite is None and checkpoint is not None:
        CheckpointEvaluation(checkpoint, options).run()
    elif checkpoint is not None:
        raise ValueError("--suite takes --models, exported folders, and no checkpoint")
    else:
        _run_suite(options)


def _run_suite(options: EvaluateOptions) -> None:
    """Measure model folders in all conditions."""
    folders = options.models or sorted(path.parent for path in _MODELS.glob(f"*/{CLIP_GRAPH}"))
    lifters = {folder.name: ClipModel.load(folder, provider="cpu") for folder in folders}
    if options.page:  # a page without marks is said at once
        around(options.page, "suite")
        check_pages([each.card for each in lifters.values()], options.page.parent)
    data = options.data or _MOTION
    if not data.exists():
        _prepare(options, data)
    results = measure_models(
        lifters, data, Downloads(_CACHE), _CACHE / "detections", options.everyday
    )
    text = as_markdown(results)
    print(text)
    if options.page:
        put_into(options.page, "suite", text)
        write_pages(results, [each.card for each in lifters.values()], options.page.parent)
        _draw(results, lifters, data, options)
    if options.output:
        options.output.write_text(as_json(results))


def _draw(
    results: Results, lifters: Mapping[str, ClipModel], data: Path, options: EvaluateOptions
) -> None:
    """Draw the pictures that go with the page, into ``docs`` next to it."""
    assert options.page is not None, "asked of pages"
    docs = options.page.parent / "docs"
    motions = MotionSet.load(data).split(held_out=True)
    for name, lifter in lifters.items():
        draw_failures(lifter, motions, docs / "failures" / f"{name}.png")
    draw_postures(lifters, load_everyday(options.everyday), docs / "poses.png")
    draw_flexion(results.figures, docs / "flexion.png")
    if results.calibrations:
        draw_calibration(results.calibrations, docs / "calibration.png")


def _prepare(options: EvaluateOptions, data: Path) -> None:
    if not options.source:
        raise FileNotFoundError(
            f"{data}: prepare it with: python -m training.prepare cmu; or name a --source"
        )
    prepare_cmu(options=CmuOptions(source=options.source, output=data))


if __name__ == "__main__":
    run(command_line("training.evaluate", evaluate))
