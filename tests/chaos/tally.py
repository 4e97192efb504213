"""What is counted, by the kind of fault that happened meanwhile."""

from collections import Counter, defaultdict

GOOD = ("faults", "answers", "not durable", "rewound", "reopened")
"""What may be; ``rewound``: frames sent again as the store alone had them, and has lost them."""
BAD = ("lost", "wrong", "foreign", "unanswered", "errors")
"""What must not be.

Durable frames that a session is without when it is opened; poses that differ from those of the
whole clip; people of another session; frames without an answer for long; internal errors.
"""


class Tally:
    """Counts by kind; ``kind`` is the one that goes on."""

    def __init__(self) -> None:
        self.kind = "none"
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.notes: list[str] = []

    def add(self, what: str, number: int = 1, note: str = "") -> None:
        """Count something; the first notes about what must not be are kept."""
        self.counts[self.kind][what] += number
        if what in BAD and number and len(self.notes) < 100:
            self.notes.append(f"{self.kind}: {what}: {note}")

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
        rows = [("", *GOOD, *BAD)]
        for kind, counts in [*sorted(self.counts.items()), ("all", total)]:
            rows.append((kind, *(str(counts[what]) for what in (*GOOD, *BAD))))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join(lines)
