"""Pages in Markdown: templates, tables, and pages with parts between two marks."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

Rows = dict[str, dict[str, float]]
"""Numbers by row, then by column."""


def rendered(template: Path, **values: Any) -> str:  # noqa: ANN401
    """A page from a Jinja template, which may use `table` and the filter ``tenths``."""
    environment = Environment(  # noqa: S701 - Markdown of our own numbers, not HTML
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["tenths"] = _tenths
    environment.globals["table"] = table
    return environment.from_string(template.read_text()).render(values)


def table(rows: Rows, columns: Sequence[str]) -> str:
    """Rows in Markdown; a cell is empty where there is no number, or NaN."""
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for what, values in rows.items():
        cells = [_tenths(values.get(column, math.nan)) for column in columns]
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _tenths(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def put_into(page: Path, part: str, text: str) -> None:
    """Replace what a page has between the two marks of one part of it."""
    before, after = around(page, part)
    page.write_text(f"{before}\n{text}{after}")


def around(page: Path, part: str) -> tuple[str, str]:
    """What a page has up to the first mark of a part, and from the second on, both included.

    Raises:
        ValueError: it has not both marks.
    """
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, found_begin, rest = page.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"{page}: expected the marks {begin} and {end}")
    return before + begin, end + after
