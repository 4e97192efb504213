"""Tables in Markdown, and pages that hold them between two marks."""

import math
from collections.abc import Sequence
from pathlib import Path

Rows = dict[str, dict[str, float]]
"""Numbers by row, then by column."""


def table(rows: Rows, columns: Sequence[str]) -> str:
    """Rows in Markdown; a cell is empty where there is no number, or NaN."""
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for what, values in rows.items():
        cells = [_cell(values.get(column, math.nan)) for column in columns]
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}"


def put_into(page: Path, part: str, text: str) -> None:
    """Replace what a page has between the two marks of one part of it.

    Raises:
        ValueError: it has not both marks.
    """
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    content = page.read_text()
    before, found_begin, rest = content.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"{page}: expected the marks {begin} and {end}")
    page.write_text(f"{before}{begin}\n{text}{end}{after}")
