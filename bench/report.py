"""The table of all figures: as text, as JSON and on a page, with the machine they are of."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figures import FAILED, Figure, Figures, Missing
from poselift.command.bench import measured_on
from training.evaluation.pages import put_into

_HEADINGS = "what", "measured", "baseline", "ratio", "goal"


class Report:
    """All figures found so far."""

    def __init__(self) -> None:
        self._figures: Figures = []
        self._machine = measured_on() | {"date": datetime.now(UTC).date().isoformat()}

    def add(self, figures: Figures) -> None:
        """Take in those of one measurement."""
        self._figures += figures

    @property
    def has_failed(self) -> bool:
        """Whether one should have been measured and was not."""
        return any(
            isinstance(each, Missing) and each.why.startswith(FAILED) for each in self._figures
        )

    @property
    def machine(self) -> str:
        """What they were measured on."""
        return ", ".join(f"{name} {each}" for name, each in self._machine.items() if each)

    def table(self) -> str:
        """As aligned text."""
        rows = [_HEADINGS, *map(_cells, self._figures)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)

    def write_json(self, path: Path) -> None:
        """As an object of the machine and a list of figures."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"measured_on": self._machine, "figures": [_as_json(each) for each in self._figures]}
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False, default=float) + "\n")

    def write_page(self, page: Path) -> None:
        """As Markdown between the marks of the part ``speed``."""
        lines = [f"Measured on: {self.machine}.", "", _line(_HEADINGS), _line(["---"] * 5)]
        lines += [_line(_cells(each)) for each in self._figures]
        put_into(page, "speed", "\n".join(lines) + "\n")


def _cells(each: Figure | Missing) -> tuple[str, ...]:
    if isinstance(each, Missing):
        return each.what, f"not measured: {each.why}", "", "", ""
    goal = ""
    if each.goal is not None:
        verdict = "met" if each.goal.is_met(each.value, each.ratio) else "missed"
        goal = f"{each.goal.text(each.unit)}: {verdict}"
    return (
        each.what,
        f"{_number(each.value)} {each.unit}",
        f"{each.baseline}: {_number(each.baseline_value)}",
        f"{each.ratio:.2f}×",
        goal,
    )


def _number(value: float) -> str:
    """To three figures, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _as_json(each: Figure | Missing) -> dict[str, Any]:
    if isinstance(each, Missing):
        return {"what": each.what, "not_measured": each.why}
    is_met = None if each.goal is None else each.goal.is_met(each.value, each.ratio)
    return asdict(each) | {"ratio": each.ratio, "is_met": is_met}
