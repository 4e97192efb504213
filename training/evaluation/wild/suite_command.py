"""The suite as a command: data prepared, model folders measured, pages and pictures written."""

from pathlib import Path

from poselift.runtime.clip import ClipModel
from poselift.runtime.model_files import CLIP_GRAPH
from training.data.datasets.motion import MotionSet
from training.data.prepare_commands import CmuOptions, prepare_cmu
from training.evaluation.options import EvaluateOptions
from training.evaluation.pages import around, put_into
from training.evaluation.wild.expected_errors import draw_calibration
from training.evaluation.wild.pictures import draw_failures
from training.evaluation.wild.suite import as_json, as_markdown, measure_models
from training.evaluation.wild.videos import Downloads

_MODELS = Path(__file__).parents[3] / "poselift" / "models"
_MOTION = Path("data/cmu.npz")
_CACHE = Path("data/wild")


def run_suite(options: EvaluateOptions) -> None:
    """Measure model folders in all conditions."""
    if options.page:
        around(options.page, "suite")  # a page without marks is said at once
    data = options.data or _MOTION
    if not data.exists():
        _prepare(options, data)
    folders = options.models or sorted(path.parent for path in _MODELS.glob(f"*/{CLIP_GRAPH}"))
    results = measure_models(folders, data, Downloads(_CACHE), _CACHE / "detections")
    text = as_markdown(results)
    print(text)
    if options.page:
        put_into(options.page, "suite", text)
        motions = MotionSet.load(data).split(held_out=True)
        docs = options.page.parent / "docs"
        for folder in folders:
            picture = docs / "failures" / f"{folder.name}.png"
            draw_failures(ClipModel.load(folder, provider="cpu"), motions, picture)
        if results.calibrations:
            draw_calibration(results.calibrations, docs / "calibration.png")
    if options.output:
        options.output.write_text(as_json(results))


def _prepare(options: EvaluateOptions, data: Path) -> None:
    """Make the suite's data of the sources given."""
    if not options.source:
        raise FileNotFoundError(
            f"{data}: prepare it with: python -m training.prepare cmu; or name a --source"
        )
    prepare_cmu(options=CmuOptions(source=options.source, output=data))
