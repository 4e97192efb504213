"""What is counted, by the kind of fault that happened meanwhile."""

from collections import Counter, defaultdict
from collections.abc import Callable

GOOD = ("faults", "answers", "later", "not durable", "rewound", "reopened", "late")
"""What may be.

Of the answers those of sessions with a lookahead (``later``), and those that were not durable;
frames sent again as the store alone had them, and has lost them (``rewound``); openings; how often
this process itself was a second late: replicas that are may write back too late what was lost.
"""
BAD = ("lost", "wrong", "foreign", "unanswered", "errors")
"""What must not be.

Durable frames that a session is without when it is opened; poses that differ from those of the
whole clip; people of another session; frames without an answer for long; internal errors, and
faults after which not all is as it was.
"""


class Tally:
    """Counts by kind; ``kind`` is the one that goes on, ``tell`` hears what must not be."""

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self.tell = tell
        self.kind = "none"
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.notes: list[str] = []

    def add(self, what: str, number: int = 1, note: str = "") -> None:
        """Count something; the first notes about what must not be are kept."""
        self.counts[self.kind][what] += number
        if what in BAD and number and len(self.notes) < 100:
            self.notes.append(f"{self.kind}: {what}: {note}")
            self.tell(self.notes[-1])

    def of(self, kind: str) -> Counter[str]:
        """The counts of one kind."""
        return self.counts[kind]

    @property
    def is_good(self) -> bool:
        """Whether nothing was counted that must not be."""
        return not any(counts[what] for counts in self.counts.values() for what in BAD)

    def table(self) -> str:
        """A line for each kind, and one for all."""
        total: Counter[str] = sum(self.counts.values(), Counter())
        rows: list[tuple[str, ...]] = [("", *GOOD, *BAD)]
        for kind, counts in [*sorted(self.counts.items()), ("all", total)]:
            rows.append((kind, *(str(counts[what]) for what in (*GOOD, *BAD))))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join(lines)
