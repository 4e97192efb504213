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
