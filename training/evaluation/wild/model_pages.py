"""The pages of single models, and the tables of several in other pages, from what was measured."""

from collections.abc import Sequence
from pathlib import Path

from poselift.card import Card
from training.evaluation.pages import Rows, around, put_into, rendered, table
from training.evaluation.wild.suite import Results

ROWS = (
    "clean, 50 fps",
    "clean, 50 fps: P-MPJPE",
    "clean, 50 fps: MPJVE (mm a frame)",
    "noisy, 50 fps",
    "noisy, 50 fps: P-MPJPE",
    "noisy, 50 fps: MPJVE (mm a frame)",
    "noisy, 50 fps: trajectory (% of its distance)",
    "noisy, 10 fps",
    "gross errors: frames near them",
    "gross errors: those frames without the errors",
    "sitting, simulated",
    "lying, simulated",
    "rolled camera",
    "truncated by the image border",
    "half of one side occluded for a second",
    "UI-PRMD, noisy: P-MPJPE",
    "UI-PRMD, noisy: knees (°)",
    "HDM05, noisy: P-MPJPE",
    "HDM05, noisy: knees (°)",
    "balancing, mean: P-MPJPE (mm)",
    "balancing, mean by MediaPipe's keypoints: P-MPJPE (mm)",
)
"""What a model's page has of the suite; MODELS.md has all."""
ERRORS = ("MPJPE", "P-MPJPE", "MPJVE")
CONDITIONS = ("clean", "noisy")
EVERYDAY = {"everyday P-MPJPE": "UI-PRMD, noisy: P-MPJPE", "knees (°)": "UI-PRMD, noisy: knees (°)"}
"""Columns of everyday motion, and the suite's rows."""


def write_pages(results: Results, cards: Sequence[Card], root: Path) -> None:
    """Fill in the tables of the models' pages, of their index and of the README.

    A page that is not there is not written; see ``check_pages``.
    """
    rows: Rows = results.held_out | results.definitions | results.real
    for card in cards:
        page = _page(root, card)
        if page.exists():
            text = rendered(Path(__file__).with_name("card.md.j2"), card=card)
            put_into(page, "card", text)
            own = {what: rows[what] for what in ROWS if what in rows}
            put_into(page, "results", table(own, [card.name]))
    texts = _errors(results, cards), _errors_and_baseline(results, cards)
    for page, text in zip(_pages_of_all(root), texts, strict=True):
        if page.exists():
            put_into(page, "errors", text)


def check_pages(cards: Sequence[Card], root: Path) -> None:
    """Check that the pages which ``write_pages`` will write have their marks.

    Raises:
        ValueError: one lacks some.
    """
    parts = [(_page(root, card), part) for card in cards for part in ("card", "results")]
    for page, part in [*parts, *((page, "errors") for page in _pages_of_all(root))]:
        if page.exists():
            around(page, part)


def _page(root: Path, card: Card) -> Path:
    return root / "docs" / "models" / f"{card.name}.md"


def _pages_of_all(root: Path) -> tuple[Path, Path]:
    """The pages with the errors of all models: their index and the README."""
    return root / "docs" / "models" / "index.md", root / "README.md"


def _errors(results: Results, cards: Sequence[Card]) -> str:
    """Clean and noisy errors by model."""
    return table(_by_model(results, cards), _columns())


def _errors_and_baseline(results: Results, cards: Sequence[Card]) -> str:
    """The same, with the single-frame network that the cards compare with."""
    rows = _by_model(results, cards)
    for card in cards:
        errors = card.training.held_out_errors
        found = {
            column: errors[f"{column}, single model"]
            for column in _columns()
            if f"{column}, single model" in errors
        }
        gaps = "the past" if card.architecture.causal else "both sides"
        if found:
            rows[f"baseline: a single frame, gaps filled from {gaps}"] = found
    return table(rows, _columns())


def _by_model(results: Results, cards: Sequence[Card]) -> Rows:
    found: Rows = {}
    for card in cards:
        row = found[f"`{card.name}`"] = {
            f"{condition} {error}": results.held_out[_row(condition, error)][card.name]
            for condition in CONDITIONS
            for error in ERRORS
        }
        for column, what in EVERYDAY.items():
            if what in results.definitions:
                row[column] = results.definitions[what][card.name]
    return found


def _row(condition: str, error: str) -> str:
    """The name that the suite's table has for an error."""
    suffix = {"MPJPE": "", "P-MPJPE": ": P-MPJPE", "MPJVE": ": MPJVE (mm a frame)"}[error]
    return f"{condition}, 50 fps{suffix}"


def _columns() -> list[str]:
    both = [f"{condition} {error}" for condition in CONDITIONS for error in ERRORS]
    return [*both, *EVERYDAY]
